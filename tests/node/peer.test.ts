/** Which address a request counts as coming from: the connection's, or what a trusted proxy says. */
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, test } from "vitest";
import { createPeerReader } from "../../adapters/node/peer.ts";
import { readSettings } from "../../adapters/node/settings.ts";
import { testKeyOf } from "../../harness/secrets.ts";

const SECRETS = { ADMIN_TOKEN: "peer-tests-8d1f4a7c2b960e35", ENCRYPTION_KEY: testKeyOf("three") };

function sourceOf(remoteAddress: string, headers: IncomingHttpHeaders, trusted?: string): string | undefined {
  const result = readSettings({ ...SECRETS, KLEIS_TRUSTED_PROXIES: trusted }, null);
  if (!result.ok) throw new Error(result.problems.join("; "));
  const read = createPeerReader(result.settings.proxies);
  const incoming = { headers, socket: { remoteAddress } };
  return read({ incoming: incoming as Parameters<typeof read>[0]["incoming"] }).source;
}

const forwarded = (...addresses: string[]) => ({ "x-forwarded-for": addresses.join(", ") });
const CLIENT = "203.0.113.7";

describe("by default only this machine is believed", () => {
  test.each(["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])("%s is", (proxy) => {
    expect(sourceOf(proxy, forwarded("198.51.100.1", CLIENT))).toBe(CLIENT);
    expect(sourceOf(proxy, { "x-real-ip": CLIENT })).toBe(CLIENT);
    expect(sourceOf(proxy, {})).toBe(proxy.replace("::ffff:", ""));
  });

  test.each(["172.17.0.1", "10.0.0.1", "192.168.1.1", "::ffff:172.17.0.1", "fd00::1", "fe80::1", CLIENT])(
    "%s, from which all of a container's requests may come, is not",
    (gateway) => {
      for (const headers of [forwarded("198.51.100.1"), { "x-real-ip": "198.51.100.1" }]) {
        expect(sourceOf(gateway, headers)).toBe(gateway.replace("::ffff:", ""));
      }
    },
  );
});

describe("KLEIS_TRUSTED_PROXIES", () => {
  test.each([
    ["172.17.0.1", "172.17.0.1", true],
    ["172.17.0.2", "172.17.0.1", false],
    ["::ffff:172.17.0.9", "172.16.0.0/12", true],
    ["172.32.0.1", "172.16.0.0/12", false],
    ["10.9.8.7", "127.0.0.0/8, 10.0.0.0/8", true],
    ["fd00::5", "fd00::/8,::1", true],
    ["fe00::5", "fd00::/8,::1", false],
    // What is set stands in the place of the default.
    ["127.0.0.1", "10.0.0.1", false],
    [CLIENT, "0.0.0.0/0", true],
  ])("%s among %s: %s", (proxy, trusted, isTrusted) => {
    const expected = isTrusted ? "198.51.100.1" : proxy.replace("::ffff:", "");
    expect(sourceOf(proxy, forwarded("198.51.100.1"), trusted)).toBe(expected);
  });

  test.each([
    ["the last that is no trusted proxy", forwarded("1.1.1.1", CLIENT, "10.0.0.2", "10.0.0.3"), CLIENT],
    ["with a port", forwarded(`${CLIENT}:51234`), CLIENT],
    ["IPv6 in brackets with a port", forwarded("[2001:db8::7]:443"), "2001:db8::7"],
    ["mapped", forwarded(`::ffff:${CLIENT}`), CLIENT],
    ["with empty entries", forwarded("", CLIENT, " ", ""), CLIENT],
    ["no address: somebody of whom nothing is known", forwarded("unknown"), "unknown"],
    ["only proxies: the first of them", forwarded("10.0.0.9", "10.0.0.2"), "10.0.0.9"],
    ["nothing", { "x-forwarded-for": " , " }, "10.0.0.1"],
  ])("of a chain it is %s", (_, headers, source) => {
    expect(sourceOf("10.0.0.1", headers, "10.0.0.0/8")).toBe(source);
  });
});
