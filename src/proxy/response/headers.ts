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
  // What this names is about the connection, too (RFC 9110 §7.6.1).
  const connection = (upstream.get("connection") ?? "").toLowerCase().split(",");
  const own = new Set(connection.map((name) => name.trim()));
  upstream.forEach((value, name) => {
    if (own.has(name)) return;
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

/** Where providers name a request, the one that stands in the way of our own first. */
const REQUEST_IDS = ["x-request-id", "request-id", "x-oai-request-id", "x-github-request-id"];

/** What the provider calls the request, for the log: by it a client's words can be found there. */
export function namedByProvider(upstream: Headers): { upstream_id?: string } {
  const name = REQUEST_IDS.find((each) => upstream.has(each));
  return name === undefined ? {} : { upstream_id: upstream.get(name)?.slice(0, 200) ?? "" };
}
