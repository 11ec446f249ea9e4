import { get as httpGet, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import { BIG } from "../../harness/models-dev.ts";
import { openDoor } from "../support/door.ts";
import { connectAll, type RegistryKleis, startRegistryKleis } from "./kleis.ts";

afterEach(() => vi.restoreAllMocks());

describe("a registry of 5 MB", () => {
  test("is as big as it should be", () => {
    expect(BIG.length).toBeGreaterThan(4_800_000);
  });

  test("is served warm without parsing, cloning or writing it anew, and without a copy of it", async () => {
    const kleis = await startRegistryKleis();
    await connectAll(kleis);
    kleis.network = async () => new Response(BIG);
    expect((await settledText(kleis)).length).toBeGreaterThan(BIG.length);
    // Unpacked only for who has a token.
    const path = `/models/${(await kleis.key()).discoveryToken}/api.json`;
    await kleis.get(path);

    const spies = [
      vi.spyOn(JSON, "parse"),
      vi.spyOn(JSON, "stringify"),
      vi.spyOn(globalThis, "structuredClone"),
    ];
    const biggest = () =>
      Math.max(0, ...spies.flatMap((spy) => spy.mock.calls.map(([value]) => sizeOf(value))));
    const plain = { "accept-encoding": "identity" };
    const first = await (await kleis.get(path, plain)).body?.getReader().read();
    const second = await (await kleis.get(path, plain)).body?.getReader().read();
    expect(biggest()).toBeLessThan(1000);
    expect(first?.value?.length).toBe(BIG.length - 1);
    expect(second?.value?.buffer).toBe(first?.value?.buffer);
  });

  test("is kept in the store, so that a cold process has it without a network", async () => {
    const kleis = await startRegistryKleis();
    // A copy that is older than the snapshot would not do.
    kleis.clock.ms = Date.UTC(2026, 10, 22);
    kleis.network = async () => new Response(BIG);
    expect(await settledText(kleis)).toBe(BIG);
    kleis.restart();
    kleis.network = () => Promise.reject(new Error("ENOTFOUND"));
    expect(await settledText(kleis)).toBe(BIG);
  });
});

/** Once it is there: a busy machine may take longer over it than the first caller waits. */
async function settledText(kleis: RegistryKleis): Promise<string> {
  await kleis.get("/models/api.json");
  await kleis.settled();
  return (await kleis.get("/models/api.json")).text();
}

function sizeOf(value: unknown): number {
  return typeof value === "string" ? value.length : Object.keys(Object(value)).length;
}

/** Over a socket, with nothing unpacked on the way. */
function fetchRaw(url: string, headers: Record<string, string> = {}) {
  return new Promise<{ message: IncomingMessage; body: Buffer }>((resolve, reject) => {
    httpGet(url, { headers }, (message) => {
      const chunks: Buffer[] = [];
      message.on("data", (chunk: Buffer) => chunks.push(chunk));
      message.on("end", () => resolve({ message, body: Buffer.concat(chunks) }));
      message.on("error", reject);
    }).on("error", reject);
  });
}

test("a client of the real server gets it whole where it unpacks, ours where it does not, and with its length", async () => {
  const door = await openDoor();
  try {
    await door.account({ provider: "claude", kind: "api_key", api_key: door.fakes.claude.issueApiKey() });
    const url = `${door.url}/models//api.json`;
    const plain = await fetchRaw(url);
    expect(Object.keys(JSON.parse(plain.body.toString()))).toEqual(["kleis-claude"]);
    expect(plain.message.headers["content-length"]).toBe(String(plain.body.length));
    const packed = await fetchRaw(url, { "accept-encoding": "gzip" });
    expect(packed.message.headers["content-length"]).toBe(String(packed.body.length));
    const whole = Object.keys(JSON.parse(gunzipSync(packed.body).toString()));
    expect(whole).toEqual(expect.arrayContaining(["anthropic", "openai", "kleis-claude"]));
    const again = await fetchRaw(url, { "if-none-match": plain.message.headers.etag ?? "" });
    expect([again.message.statusCode, again.body.length]).toEqual([304, 0]);
  } finally {
    await door.close();
  }
});
