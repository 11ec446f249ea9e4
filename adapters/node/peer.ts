/** Tells where a request comes from: whether from a program on this machine, and from which address as far as is known. */
import { type BlockList, isIP } from "node:net";
import type { Http2Bindings, HttpBindings } from "@hono/node-server";
import { isLoopback } from "../../src/config.ts";
import type { Peer } from "../../src/runtime.ts";

/** What a proxy adds; behind one the browser may be anywhere. */
const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/** `proxies`: whose `X-Forwarded-For` and `X-Real-IP` count. */
export function createPeerReader(proxies: BlockList) {
  const isTrusted = (address: string) => {
    const version = isIP(address);
    return version > 0 && proxies.check(address, version === 6 ? "ipv6" : "ipv4");
  };

  return ({ incoming }: Pick<HttpBindings | Http2Bindings, "incoming">): Peer => {
    const { headers } = incoming;
    const address = plainAddress(incoming.socket.remoteAddress ?? "");
    const host = `http://${headers.host ?? ""}`;
    const local =
      (address === "::1" || isLoopback(address)) &&
      URL.canParse(host) &&
      isLoopback(new URL(host).hostname) &&
      !FORWARDED.some((name) => name in headers);
    return { local, source: isTrusted(address) ? (namedByProxy(headers, isTrusted) ?? address) : address };
  };
}

/**
 * The client that a trusted proxy names: the last of the list that is no trusted proxy itself, since each one appends
 * whom it was asked by. Undefined when none is named.
 */
function namedByProxy(
  headers: HttpBindings["incoming"]["headers"],
  isTrusted: (address: string) => boolean,
): string | undefined {
  const named = [headers["x-forwarded-for"] ?? headers["x-real-ip"] ?? ""].flat().join(",");
  const chain = named.split(",").map(plainAddress);
  return chain.findLast((address) => address !== "" && !isTrusted(address)) ?? (chain[0] || undefined);
}

/** Without brackets, port, and the prefix of an IPv4 address that came over IPv6. */
function plainAddress(written: string): string {
  return written
    .trim()
    .replace(/^\[(.*)\](:\d+)?$/, "$1")
    .replace(/^([\d.]+):\d+$/, "$1")
    .replace(/^::ffff:(?=[\d.]+$)/i, "");
}
