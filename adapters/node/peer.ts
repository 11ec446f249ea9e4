/** Tells whether a request comes from a program on this machine, and not through a proxy or a tunnel that says so. */
import type { Http2Bindings, HttpBindings } from "@hono/node-server";
import { isLoopback } from "../../src/config.ts";
import type { Peer } from "../../src/runtime.ts";

/** What a proxy adds; behind one the browser may be anywhere. */
const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

export function peerOf({ incoming }: HttpBindings | Http2Bindings): Peer {
  const { remoteAddress = "" } = incoming.socket;
  const host = `http://${incoming.headers.host ?? ""}`;
  const local =
    isLoopbackAddress(remoteAddress) &&
    URL.canParse(host) &&
    isLoopback(new URL(host).hostname) &&
    !FORWARDED.some((name) => name in incoming.headers);
  return { local, source: networkOf(remoteAddress) };
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || isLoopback(address.replace(/^::ffff:/, ""));
}

/** An IPv6 address counts as its /64, which one line has for itself alone. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:/, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const left = head.split(":");
  const right = tail?.split(":") ?? [];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
