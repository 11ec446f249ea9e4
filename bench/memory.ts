/** What many open streams hold: a fresh process, warmed up, then 200 healthy paced streams at once. */
import { setTimeout as pause } from "node:timers/promises";
import { figure, table } from "./figures.ts";
import { volley } from "./load.ts";
import type { Program } from "./process.ts";
import type { Provider } from "./provider.ts";
import { NATIVE_STREAMS, type Side, target } from "./targets.ts";

const STREAMS = 200;
/** They run until the provider has another plan. */
const PLAN = { events: 100_000, paceMs: 20 };
const OVER = { events: 0, paceMs: 0 };
const SIZES = [
  { bytes: 1024, name: "1 KB" },
  { bytes: 200 * 1024, name: "200 KB" },
];

interface Taken {
  /** Resident memory after the warm-up, and while the streams were open, MB. */
  idleMb: number;
  openMb: number;
  peakMb: number;
  /** What the streams hold after a collection of garbage, MB; Node only. */
  heldMb: number;
}

export async function measureMemory(provider: Provider, sides: readonly Side[]): Promise<string> {
  const rows: string[][] = [];
  for (const { runtime, kleis, startBare, startHono } of sides) {
    const place = runtime === "node" ? "Node" : "workerd";
    const options = { collector: runtime === "node" };
    const subjects = [
      { name: `bare ${place}`, start: () => startBare(options), key: "" },
      { name: `bare Hono on ${place}`, start: () => startHono(options), key: "" },
      { name: `Kleis on ${place}`, start: () => kleis.start({}, options), key: kleis.keys.apiKey },
    ];
    if (runtime === "worker") {
      const start = () => kleis.start(NATIVE_STREAMS, options);
      subjects.push({ name: "the same, native streams", start, key: kleis.keys.apiKey });
    }
    for (const { name, start, key } of subjects) {
      for (const size of SIZES) {
        const taken = await take(provider, await start(), key, size.bytes, options.collector);
        const above = taken.openMb - taken.idleMb;
        rows.push([
          `${name}, bodies of ${size.name}`,
          figure(above, 1),
          figure((above * 1024) / STREAMS, 0),
          figure(taken.heldMb, 1),
          figure(taken.peakMb - taken.idleMb, 1),
          figure(taken.idleMb, 0),
          figure(taken.openMb, 0),
        ]);
      }
    }
  }
  const head = ["", "above idle MB", "KB a stream", "held MB", "peak above idle MB", "idle MB", "open MB"];
  return `memory: ${STREAMS} healthy streams at once, an event each ${PLAN.paceMs} ms\n${table(head, rows)}`;
}

async function take(
  provider: Provider,
  program: Program,
  key: string,
  bytes: number,
  collects: boolean,
): Promise<Taken> {
  const { shot } = target({ name: "", program, key, extra: false });
  await provider.plan({ events: 100, paceMs: 0 });
  await volley(shot(1024, 0, false), { count: 200, atOnce: 1 });
  await volley(shot(bytes, 100, true), { count: 20, atOnce: 1 });
  await pause(500);
  const before = collects ? await program.collect() : null;
  const idleMb = program.memoryMb();
  program.forgetPeak();

  await provider.plan(PLAN);
  const streams = volley(shot(bytes, PLAN.events, true), { count: STREAMS, atOnce: STREAMS });
  let running = true;
  const allOpen = async () => {
    while (running && (await provider.open()) < STREAMS) await pause(20);
    await pause(1000);
  };
  // A stream that fails is heard of at once, instead of being waited for.
  await Promise.race([allOpen(), streams]).finally(() => {
    running = false;
  });
  const openMb = program.memoryMb();
  const after = collects ? await program.collect() : null;
  const peakMb = program.peakMb();
  await provider.plan(OVER);
  await streams;
  program.stop();
  return { idleMb, openMb, peakMb, heldMb: (after?.usedMb ?? Number.NaN) - (before?.usedMb ?? Number.NaN) };
}
