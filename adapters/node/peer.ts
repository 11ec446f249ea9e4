/** Tells where a request comes from: whether from a program on this machine, and from which address as far as is known. */
import type { Http2Bindings, HttpBindings } from "@hono/node-server";
import { isLoopback } from "../../src/config.ts";
import type { Peer } from "../../src/runtime.ts";

/** What a proxy adds; behind one the browser may be anywhere. */
const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/** Addresses of this machine and of networks without a way to the outside (RFC 1918, RFC 4193): a web server's, most likely. */
const NEAR = /^(::1$|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd][\da-f]{2}:)/i;

export function peerOf({ incoming }: Pick<HttpBindings | Http2Bindings, "incoming">): Peer {
  const { headers } = incoming;
  const address = (incoming.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const host = `http://${headers.host ?? ""}`;
  const local =
    (address === "::1" || isLoopback(address)) &&
    URL.canParse(host) &&
    isLoopback(new URL(host).hostname) &&
    !FORWARDED.some((name) => name in headers);
  return { local, source: NEAR.test(address) ? (namedByProxy(headers) ?? address) : address };
}

/**
 * The client that a web server before Kleis names: the last of the list, which that server itself added. Trusted with
 * nothing: whoever makes it up only counts as somebody else.
 */
function namedByProxy(headers: HttpBindings["incoming"]["headers"]): string | undefined {
  const named = [headers["x-forwarded-for"] ?? headers["x-real-ip"] ?? ""].flat().join(",");
  return named.split(",").at(-1)?.trim() || undefined;
}
