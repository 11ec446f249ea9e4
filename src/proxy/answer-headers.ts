/** Which of a provider's response headers reach the client: what clients act upon, and nothing about the connection. */

const PASSED = new Set([
  "content-type",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "request-id",
  "x-request-id",
  "x-oai-request-id",
  "x-github-request-id",
  "x-models-etag",
  "x-reasoning-included",
  "x-ratelimit-exceeded",
  "cf-ray",
]);

const PASSED_PREFIXES = ["anthropic-", "x-ratelimit-", "x-codex-", "openai-"];

export function passedHeaders(upstream: Headers): Headers {
  const headers = new Headers();
  upstream.forEach((value, name) => {
    if (PASSED.has(name) || PASSED_PREFIXES.some((prefix) => name.startsWith(prefix)))
      headers.append(name, value);
  });
  return headers;
}

/** What makes proxies and browsers leave a stream alone. */
export function asEventStream(headers: Headers): Headers {
  headers.set("content-type", "text/event-stream; charset=utf-8");
  headers.set("cache-control", "no-cache, no-transform");
  headers.set("x-accel-buffering", "no");
  return headers;
}
