/**
 * What serving the registry costs: time, CPU and allocations per answer, warm, and what a renewal costs. Run by hand:
 * `npx tsx --expose-gc bench/registry.ts [models.dev's api.json]`; without a file a registry of the same size is made up.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { createClient } from "@libsql/client";
import { testKeyOf } from "../harness/secrets.ts";
import { createApp } from "../src/app.ts";
import { readConfig } from "../src/environment.ts";
import { readRegistryText } from "../src/models/registry/splice.ts";
import { PROVIDERS } from "../src/providers/index.ts";
import type { Runtime } from "../src/runtime.ts";
import { sharedClient } from "../src/storage/libsql/connections.ts";
import { migrate } from "../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../src/storage/libsql/storage.ts";
import { createSealer } from "../src/storage/seal.ts";

const SAMPLE = new URL("../harness/fixtures/models-dev.sample.json.gz", import.meta.url);

/** The genuine sample, and copies of its largest provider under other names until it is as big as the whole. */
function madeUp(): Buffer {
  const registry: Record<string, { id: string; name: string }> = JSON.parse(
    gunzipSync(readFileSync(SAMPLE)).toString(),
  );
  const { opencode } = registry;
  if (opencode === undefined) throw new Error("the sample has no provider opencode");
  for (let at = 0; JSON.stringify(opencode).length * at < 4_800_000; at++) {
    const id = `provider-${at}`;
    registry[id] = { ...opencode, id, name: `Provider ${at}` };
  }
  return Buffer.from(JSON.stringify(registry));
}

function given(path: string): Buffer {
  const file = readFileSync(path);
  return path.endsWith(".gz") ? gunzipSync(file) : file;
}

const body = new Uint8Array(process.argv[2] === undefined ? madeUp() : given(process.argv[2]));
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

async function openApp() {
  const client = createClient({ url: "file::memory:?cache=shared" });
  await migrate(client, sleep);
  const config = readConfig({
    ADMIN_TOKEN: "bench-3fd0a1c97be24416-a",
    ENCRYPTION_KEY: testKeyOf("seven"),
  });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const { config: settings } = config;
  const work: Promise<unknown>[] = [];
  const runtime: Runtime = {
    config: settings,
    storage: createLibsqlStorage({
      connections: sharedClient(client),
      sealer: createSealer(settings.ENCRYPTION_KEY, random),
      sleep,
    }),
    fetch: async (url) =>
      url === settings.MODELS_DEV_URL ? new Response(body) : new Response("no", { status: 404 }),
    clock: { now: () => Date.now(), sleep },
    random,
    waitUntil: (promise) => void work.push(promise),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  };
  for (const [at, provider] of PROVIDERS.entries()) {
    await runtime.storage.accounts.save({
      id: `acc_${at}`,
      provider: provider.id,
      kind: "oauth",
      externalId: `${at}`,
      label: provider.id,
      metadata: {},
      expiresAt: null,
      accessToken: "token",
      refreshToken: null,
      idToken: null,
      apiKey: null,
      now: Date.now(),
    });
  }
  return { app: createApp(runtime), settled: () => Promise.all(work) };
}

interface Cost {
  ms: number;
  cpuMs: number;
  kb: number;
}

/** The mean of many runs; allocations are the growth of the heap and of buffers while nothing is collected. */
async function cost(runs: number, run: () => unknown): Promise<Cost> {
  for (let at = 0; at < Math.min(runs, 20); at++) await run();
  globalThis.gc?.();
  const before = process.memoryUsage();
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let at = 0; at < runs; at++) await run();
  const ms = (performance.now() - begun) / runs;
  const { user, system } = process.cpuUsage(cpu);
  const after = process.memoryUsage();
  const grown = after.heapUsed - before.heapUsed + (after.arrayBuffers - before.arrayBuffers);
  return { ms, cpuMs: (user + system) / 1000 / runs, kb: Math.max(0, grown) / 1024 / runs };
}

function show(what: string, { ms, cpuMs, kb }: Cost): void {
  const columns = [`${ms.toFixed(3)} ms`, `${cpuMs.toFixed(3)} ms CPU`, `${kb.toFixed(1)} KB allocated`];
  process.stdout.write(`${what.padEnd(44)} ${columns.map((column) => column.padStart(20)).join("")}\n`);
}

const { app, settled } = await openApp();
const get = async (path: string, headers: Record<string, string> = {}) =>
  app.fetch(new Request(`http://127.0.0.1:4747${path}`, { headers }));
/** Read as a server does: chunk by chunk, nothing kept. */
async function drain(response: Response): Promise<number> {
  let bytes = 0;
  if (response.body !== null) for await (const chunk of response.body) bytes += chunk.length;
  return bytes;
}

const GZIP = { "accept-encoding": "gzip" };
const whole = await drain(await get("/models/api.json"));
const packed = await drain(await get("/models/api.json", GZIP));
const own = await drain(await get("/models/own/api.json"));
await settled();
process.stdout.write(
  `upstream ${body.length} bytes; answers: ${whole} whole, ${packed} packed, ${own} own\n`,
);
const etag = (await get("/models/api.json")).headers.get("etag") ?? "";
await drain(await get("/models/own/api.json", GZIP));

show("whole, warm", await cost(300, async () => drain(await get("/models/api.json"))));
show("whole, warm, packed", await cost(300, async () => drain(await get("/models/api.json", GZIP))));
show(
  "whole, 304",
  await cost(2000, async () => drain(await get("/models/api.json", { "if-none-match": etag }))),
);
show("own, warm", await cost(2000, async () => drain(await get("/models/own/api.json"))));
show("own, warm, packed", await cost(2000, async () => drain(await get("/models/own/api.json", GZIP))));
let address = 0;
show(
  "own, new address (worked out anew)",
  await cost(200, async () =>
    drain(await app.fetch(new Request(`http://h${address++}.example/models/own/api.json`))),
  ),
);
const options = { own: new Set<string>(), sources: new Set(PROVIDERS.map(({ source }) => source)) };
show("a renewal: parse, judge, hash", await cost(20, () => readRegistryText(body, options)));
