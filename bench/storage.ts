/** How often a request goes to the database: HTTP requests that arrive at sqld, counted by a pass-through before it. */
import { createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { FRESH_MS } from "../src/storage/read-cache.ts";
import { table } from "./figures.ts";
import type { Keys } from "./kleis.ts";
import { volley } from "./load.ts";
import type { Program } from "./process.ts";
import type { Provider } from "./provider.ts";
import { type Side, target } from "./targets.ts";

const WARM = 50;

interface Counter {
  url: string;
  reads: number;
  writes: number;
  close(): void;
}

export async function countRoundTrips(provider: Provider, sides: readonly Side[]): Promise<string> {
  const worker = sides.find(({ runtime }) => runtime === "worker");
  if (worker === undefined) return "storage: counted with the Worker only, whose database is a server";
  const { keys, database } = worker.kleis;
  await provider.plan({ events: 0, paceMs: 0 });
  const rows = await Promise.all(
    sides.map(async ({ runtime, kleis }) => {
      const counter = await startCounter(database.TURSO_DATABASE_URL ?? "");
      const program = await kleis.start({ ...database, TURSO_DATABASE_URL: counter.url });
      const cells = await countsOf(program, counter, keys);
      program.stop();
      counter.close();
      return [runtime === "node" ? "Kleis on Node, the same sqld" : "Kleis on workerd", ...cells];
    }),
  );
  const head = [
    "reads + writes",
    "while starting",
    "first request",
    `${WARM} warm`,
    "first of another key",
    `after ${FRESH_MS / 1000 + 1} s`,
  ];
  return `storage: round trips to the database, of a request of each kind\n${table(head, rows)}`;
}

async function countsOf(program: Program, counter: Counter, keys: Keys): Promise<string[]> {
  const cells: string[] = [];
  const note = async () => {
    // What happens behind the answer counts as well.
    for (let last = -1; last !== counter.reads + counter.writes; await pause(300)) {
      last = counter.reads + counter.writes;
    }
    cells.push(`${counter.reads} + ${counter.writes}`);
    counter.reads = 0;
    counter.writes = 0;
  };
  const ask = (key: string, count = 1) =>
    volley(target({ name: "", program, key, extra: false }).shot(1024, 0, false), { count, atOnce: 1 });
  await note();
  await ask(keys.apiKey).then(note);
  await ask(keys.apiKey, WARM).then(note);
  await ask(keys.oauth).then(note);
  await pause(FRESH_MS + 1000);
  await ask(keys.apiKey).then(note);
  return cells;
}

/** A batch that writes opens its transaction so, and nothing else does. */
const WRITES = "BEGIN IMMEDIATE";

async function startCounter(to: string): Promise<Counter> {
  const { hostname, port } = new URL(to);
  const server = createServer((request, res) => {
    const { method, url: path, headers } = request;
    const onward = send({ hostname, port, method, path, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on("error", () => res.destroy());
    let text = "";
    request.on("data", (part: Buffer) => {
      text += part.toString("latin1");
      onward.write(part);
    });
    request.on("end", () => {
      if (text.includes(WRITES)) counter.writes++;
      else counter.reads++;
      onward.end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const counter: Counter = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reads: 0,
    writes: 0,
    close: () => void server.close(),
  };
  return counter;
}
