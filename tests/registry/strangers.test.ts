/** What somebody without a credential gets of the registry, and how often. */
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { createRegistryBodies } from "../../src/models/registry/body.ts";
import { snapshotText } from "../../src/models/registry/snapshot.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { accounts as accountsOf, world } from "../models/resolve-context.ts";
import { type SeededKleis, startSeededKleis } from "../security/kleis.ts";

const OPEN = ["/models/api.json", "/models/own/api.json"];
const OWN = ["kleis-codex", "kleis-claude"];
const GZIP = { "accept-encoding": "gzip" };

async function keysOf(answer: Response): Promise<string[]> {
  const bytes = Buffer.from(await answer.arrayBuffer());
  const text = answer.headers.get("content-encoding") === "gzip" ? gunzipSync(bytes) : bytes;
  return Object.keys(JSON.parse(text.toString()));
}

const tokenPath = ({ keys }: SeededKleis) => `/models/${keys.live.discoveryToken}/api.json`;

test("the whole list goes out packed, or to who has a token", async () => {
  const kleis = await startSeededKleis();
  const whole = await keysOf(await kleis.request("/models/api.json", { headers: GZIP }));
  expect(whole).toEqual(expect.arrayContaining([...OWN, "openai", "anthropic"]));
  for (const coding of [undefined, "identity", "br", "gzip;q=0", "deflate, zstd"]) {
    const headers: Record<string, string> = coding === undefined ? {} : { "accept-encoding": coding };
    const answer = await kleis.request("/models/api.json", { headers });
    expect(answer.headers.get("etag"), coding).toContain("own-");
    expect(answer.headers.get("vary")).toBe("accept-encoding");
    expect(await keysOf(answer), coding).toEqual(OWN);
    expect(await keysOf(await kleis.request(tokenPath(kleis), { headers })), coding).toEqual(whole);
  }
});

test("a made-up Host gets our entries alone, under the address that it asked", async () => {
  const kleis = await startSeededKleis({ more: { hosts: ["127.0.0.1", "kleis.lan"] } });
  for (const name of ["127.0.0.1", "localhost:1234", "kleis.lan:80"]) {
    expect(
      (await keysOf(await kleis.request(`http://${name}/models/api.json`, { headers: GZIP }))).length,
    ).toBeGreaterThan(2);
  }
  for (const name of ["evil.example", "10.0.0.7:4747", "x.kleis.lan"]) {
    const answer = await kleis.request(`http://${name}/models/api.json`, { headers: GZIP });
    const text = gunzipSync(Buffer.from(await answer.arrayBuffer())).toString();
    expect(Object.keys(JSON.parse(text))).toEqual(OWN);
    expect(text).toContain(`"api":"http://${name}/codex/v1"`);
    const withToken = await kleis.request(`http://${name}${tokenPath(kleis)}`, { headers: GZIP });
    expect((await keysOf(withToken)).length).toBeGreaterThan(2);
  }
  const behind = await startSeededKleis({
    env: { PUBLIC_URL: "https://kleis.example" },
    more: { hosts: ["127.0.0.1"] },
  });
  const answer = await behind.request("http://evil.example/models/api.json", { headers: GZIP });
  expect(gunzipSync(Buffer.from(await answer.arrayBuffer())).toString()).not.toContain("evil.example");
});

test("however many addresses are asked, our entries are worked out once, and of made-up ones nothing is kept", async () => {
  const { catalogue } = world();
  let asked = 0;
  const counted = {
    ...catalogue,
    served(...args: Parameters<typeof catalogue.served>) {
      asked++;
      return catalogue.served(...args);
    },
  };
  const bodies = createRegistryBodies({ now: () => 0, sleep: async () => {} });
  const accounts = accountsOf("claude", "codex");
  const scopes = { providers: null, models: null, accounts: null };
  const upstream = await snapshotText();
  const at = (origin: string, isKept: boolean) =>
    bodies({ providers: PROVIDERS, catalogue: counted, accounts, scopes, origin, upstream, isKept });
  const first = await at("https://own.example", true);
  const before = asked;
  expect(before).toBeGreaterThan(0);
  const made = await at("https://made-up.example", false);
  for (let other = 0; other < 100; other++) await at(`https://${other}.example`, other % 2 === 0);
  expect(asked).toBe(before);
  expect(await at("https://made-up.example", false)).not.toBe(made);
  expect(made.etag).not.toBe(first.etag);
  const kept = await at("https://own.example", true);
  expect(await at("https://own.example", true)).toBe(kept);
});

test("one source is answered sixty times a minute, others and tokens are not affected", async () => {
  const kleis = await startSeededKleis();
  const from = (source: string, path: string) => kleis.request(path, { headers: GZIP }, { source });
  const status = async (source: string, path: string) => (await from(source, path)).status;
  for (let asked = 0; asked < 60; asked++) {
    // Guessed tokens count, and an address of the same IPv6 line does.
    const path = asked % 3 === 2 ? `/models/${"A".repeat(43)}/api.json` : (OPEN[asked % 3] ?? "");
    expect(await status(`2001:db8:1:${asked % 2}::${asked}`, path), String(asked)).toBe(
      asked % 3 === 2 ? 404 : 200,
    );
  }
  for (const path of [...OPEN, `/models/${"A".repeat(43)}/api.json`]) {
    const late = await from("2001:db8:1::99", path);
    expect([late.status, late.headers.get("retry-after")], path).toEqual([429, "1"]);
    expect(await late.text()).toContain("too_many_requests");
  }
  expect(await status("2001:db8:1::99", tokenPath(kleis))).toBe(200);
  expect(await status("192.0.2.7", "/models/api.json")).toBe(200);
  kleis.clock.ms += 1_000;
  expect(await status("2001:db8:1::99", "/models/api.json")).toBe(200);
  expect(await status("2001:db8:1::99", "/models/api.json")).toBe(429);
});

test("closed, it answers tokens alone", async () => {
  const kleis = await startSeededKleis({ env: { KLEIS_OPEN_REGISTRY: " OFF " } });
  for (const path of OPEN) {
    const answer = await kleis.request(path, { headers: GZIP });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("discovery token");
  }
  expect((await keysOf(await kleis.request(tokenPath(kleis), { headers: GZIP }))).length).toBeGreaterThan(2);
});
