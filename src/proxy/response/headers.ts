/** The headers of a response: what passes of the provider's, and what Kleis adds. */
import type { ResponseHeaders } from "../../providers/provider.ts";
import type { ResponseContext } from "../context.ts";

/** What clients act upon, whichever the provider; nothing about the connection. */
const PASSED = new Set([
  "content-type",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "request-id",
  "x-request-id",
  "cf-ray",
]);

const RATE_LIMITS = "x-ratelimit-";

/** The provider's headers for the client: what any client acts upon, and what the clients of this provider do. */
export function forwardedHeaders(upstream: Headers, { passed, requestIds }: ResponseHeaders): Headers {
  const names = [RATE_LIMITS, ...passed, ...requestIds];
  const headers = new Headers();
  // Headers that `connection` names are about the connection, too (RFC 9110 §7.6.1).
  const connection = (upstream.get("connection") ?? "").toLowerCase().split(",");
  const own = new Set(connection.map((name) => name.trim()));
  upstream.forEach((value, name) => {
    if (own.has(name)) return;
    const isNamed = names.some((each) => (each.endsWith("-") ? name.startsWith(each) : name === each));
    if (PASSED.has(name) || isNamed) headers.append(name, value);
  });
  return headers;
}

/** Adds what Kleis itself reports to what the provider does. */
export function withOwnHeaders(context: ResponseContext, headers: Headers): Headers {
  context.plan.headers?.(headers);
  if (!headers.has("x-request-id")) headers.set("x-request-id", context.call.requestId);
  headers.set("x-kleis-provider", context.provider);
  headers.set("x-kleis-account", context.account);
  headers.set("x-kleis-changes", changesOf(context));
  return headers;
}

/** What was changed, as the log and the header name it. */
export function changesOf({ changes }: Pick<ResponseContext, "changes">): string {
  const names = changes.join(",") || "none";
  if (names.length <= MAX_CHANGES) return names;
  return `${names.slice(0, names.lastIndexOf(",", MAX_CHANGES - MORE.length))}${MORE}`;
}

/** The longest list of changes, characters: proxies limit all headers together. */
const MAX_CHANGES = 1024;
const MORE = ",more";

/** What makes proxies and browsers leave a stream alone. */
export function asEventStream(headers: Headers): Headers {
  headers.set("content-type", "text/event-stream; charset=utf-8");
  headers.set("cache-control", "no-cache, no-transform");
  headers.set("x-accel-buffering", "no");
  return headers;
}

/** Where any provider may name a request; first the header that Kleis itself would use. */
const REQUEST_IDS = ["x-request-id", "request-id"];

/** The provider's id of the request, for the log: support at the provider asks for it. */
export function providerRequestId(
  upstream: Headers,
  { requestIds }: ResponseHeaders,
): { upstream_id?: string } {
  const name = [...REQUEST_IDS, ...requestIds].find((each) => upstream.has(each));
  return name === undefined ? {} : { upstream_id: upstream.get(name)?.slice(0, 200) ?? "" };
}
