/**
 * What a full database costs: the Node door with an empty one and with 100,000 keys, 1,000 accounts and a registry as
 * big as models.dev's, side by side in one interleaved run. By hand, Linux only: `npx node bench/scale.ts`; about three
 * minutes. `ROUNDS=3` is a quick look.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@libsql/client";
import { addAccounts, addKeys, addModelLists } from "../harness/large-database.ts";
import { BIG, rawModel, SAMPLE } from "../harness/models-dev.ts";
import { SECRETS } from "../harness/secrets.ts";
import { sharedClient } from "../src/storage/libsql/connections.ts";
import { createLibsqlStorage } from "../src/storage/libsql/storage.ts";
import { FRESH_MS } from "../src/storage/read-cache.ts";
import { createSealer } from "../src/storage/seal.ts";
import { chatBody, type MakeBody, messagesBody, responsesBody } from "./bodies.ts";
import { buildYardsticks } from "./builds.ts";
import { figure, median, table } from "./figures.ts";
import { type Kleis, prepareNode } from "./kleis.ts";
import { type Shot, volley } from "./load.ts";
import type { Program } from "./process.ts";
import { startProvider } from "./provider.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 11);
const REQUESTS = 400;
const KEYS = 100_000;
const ACCOUNTS = 1_000;

const WORKLOADS: readonly [name: string, path: string, make: MakeBody][] = [
  ["messages, Claude", "/v1/messages", messagesBody],
  ["responses, Codex", "/v1/responses", responsesBody],
  ["chat, Copilot", "/copilot/v1/chat/completions", chatBody],
];

interface Side {
  name: string;
  kleis: Kleis;
  registry: string;
  program: Program;
  /** CPU milliseconds per request, a figure for each round, by workload. */
  cpuMs: Map<string, number[]>;
}

async function serveRegistry(body: string | Uint8Array): Promise<string> {
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api.json`;
}

/** Accounts with lists of models of their own, as sign-ins of Copilot and ChatGPT have. */
async function fill({ database }: Kleis): Promise<void> {
  const client = createClient({
    url: `file:${join(database.KLEIS_DATA_DIR ?? "", "kleis.db")}`,
    timeout: 5_000,
  });
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const sealer = createSealer([SECRETS.ENCRYPTION_KEY ?? ""], random);
  const sleep = (ms: number, signal?: AbortSignal) =>
    wait(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }).catch(() => undefined);
  const storage = createLibsqlStorage({ connections: sharedClient(client), sealer, sleep });
  const now = Date.now();
  await addKeys(client, KEYS);
  await addAccounts(client, sealer, ACCOUNTS);
  const models = Array.from({ length: 30 }, (_, at) => {
    const id = ["gpt-5-mini", "gpt-5.5"][at] ?? `model-${at}`;
    return { id, operations: ["chat", "responses"], limit: {}, model: rawModel(id) };
  });
  await storage.settings.set("models.live", JSON.stringify({ madeUp: { at: now, models } }), now);
  await addModelLists(storage, { copilot: "madeUp", codex: "madeUp" }, now + 60_000);
  client.close();
}

const shotOf = ({ program, kleis }: Side, path: string, make: MakeBody): Shot => ({
  url: program.url + path,
  headers: { authorization: `Bearer ${kleis.keys.oauth}` },
  body: make(1024, false),
  events: 0,
});

/** Milliseconds until the answer to one request is there. */
async function once(shot: Shot): Promise<number> {
  const begun = performance.now();
  await volley(shot, { count: 1, atOnce: 1 });
  return performance.now() - begun;
}

const yardsticks = await buildYardsticks();
const provider = await startProvider(yardsticks.upstream);
await provider.plan({ events: 0, paceMs: 0 });

async function open(name: string, body: string | Uint8Array, isFull: boolean): Promise<Side> {
  const kleis = await prepareNode(provider.program.url);
  if (isFull) await fill(kleis);
  const registry = await serveRegistry(body);
  const start = () => kleis.start({ MODELS_DEV_URL: registry, LOG_LEVEL: "error" });
  // The first process stores the registry; the one that is measured is another.
  const first = await start();
  const side: Side = { name, kleis, registry, program: first, cpuMs: new Map() };
  for (const [, path, make] of WORKLOADS) await volley(shotOf(side, path, make), { count: 20, atOnce: 1 });
  await wait(3_000);
  first.stop();
  side.program = await start();
  return side;
}

const sides = [await open("empty", SAMPLE, false), await open("full", BIG, true)];
const cold: number[] = [];
for (const side of sides) cold.push(await once(shotOf(side, "/v1/messages", messagesBody)));
for (const [, path, make] of WORKLOADS)
  for (const side of sides) await volley(shotOf(side, path, make), { count: 300, atOnce: 1 });

for (let round = 0; round < ROUNDS; round++) {
  for (const [name, path, make] of WORKLOADS) {
    // Neither side always goes first.
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      const shot = shotOf(side, path, make);
      // What is read anew every ten seconds is told below.
      await volley(shot, { count: 10, atOnce: 1 });
      const before = side.program.cpuMs();
      await volley(shot, { count: REQUESTS, atOnce: 1 });
      const figures = side.cpuMs.get(name) ?? [];
      figures.push((side.program.cpuMs() - before) / REQUESTS);
      side.cpuMs.set(name, figures);
    }
  }
}

const warm: number[] = [];
const reread: number[] = [];
for (const side of sides) {
  const shot = shotOf(side, "/v1/messages", messagesBody);
  const times: number[] = [];
  for (let at = 0; at < 3; at++) {
    await wait(FRESH_MS + 500);
    times.push(await once(shot));
  }
  reread.push(median(times));
  const after: number[] = [];
  for (let at = 0; at < 200; at++) after.push(await once(shot));
  warm.push(median(after));
}

const rows = WORKLOADS.map(([name]) => {
  const [empty = [], full = []] = sides.map((side) => side.cpuMs.get(name) ?? []);
  // Of figures that were taken one right after the other, so that both saw the same machine.
  const ratios = full.map((each, at) => each / (empty[at] ?? Number.NaN));
  return [name, figure(median(empty), 3), figure(median(full), 3), figure(median(ratios))];
});
const ms = (name: string, [empty = Number.NaN, full = Number.NaN]: number[]) => [
  name,
  figure(empty, 1),
  figure(full, 1),
  figure(full / empty),
];
process.stdout.write(
  `CPU ms per warm request (1 KB, no stream), median of ${ROUNDS} rounds of ${REQUESTS}\n${table(["", "empty", "full", "full / empty"], rows)}\n`,
);
process.stdout.write(
  `${table(
    ["", "empty", "full", "full / empty"],
    [
      ms("first answer of a fresh process, ms", cold),
      ms("a warm answer, ms", warm),
      ms("the answer after ten silent seconds, ms", reread),
      ms(
        "memory, MB",
        sides.map(({ program }) => program.memoryMb()),
      ),
    ],
  )}`,
);

for (const { program, kleis } of sides) {
  program.stop();
  await kleis.close();
}
yardsticks.remove();
process.exit(0);
