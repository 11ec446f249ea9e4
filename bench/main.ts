/** `npm run bench`: what Kleis costs beside bare pipes, in one interleaved run. See README.md here for how to read it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildYardsticks } from "./builds.ts";
import { load, machine } from "./machine.ts";
import { measureMemory } from "./memory.ts";
import { startProvider } from "./provider.ts";
import { type Field, noteIdle, runWorkload } from "./rounds.ts";
import { measureStart } from "./start.ts";
import { countRoundTrips } from "./storage.ts";
import { prepare, RUNTIMES, type Side, startRows, target } from "./targets.ts";
import { WORKLOADS } from "./workloads.ts";

const PARTS = [...WORKLOADS.map(({ name }) => name), "memory", "storage", "start"];

const words = process.argv.slice(2);
const unknown = words.filter((word) => ![...PARTS, ...RUNTIMES].includes(word));
if (unknown.length > 0) {
  process.stderr.write(
    `Not known: ${unknown.join(" ")}. Choose of: ${[...RUNTIMES, ...PARTS].join(" ")}; nothing is all.\n`,
  );
  process.exit(1);
}
/** Those that were named; all where none was. */
function chosen<Name extends string>(names: readonly Name[]): Name[] {
  const named = names.filter((name) => words.includes(name));
  return named.length > 0 ? named : [...names];
}
const runtimes = chosen(RUNTIMES);
const parts = chosen(PARTS);
const workloads = WORKLOADS.filter(({ name }) => parts.includes(name));

const begun = performance.now();
const say = (text: string) => void process.stdout.write(`${text}\n`);
say(machine());

const yardsticks = await buildYardsticks();
const provider = await startProvider(yardsticks.upstream);
const sides: Side[] = [];
async function tidy(): Promise<void> {
  for (const side of sides.splice(0)) await side.kleis.close();
  yardsticks.remove();
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => void tidy().finally(() => process.exit(1)));
}
try {
  for (const runtime of runtimes) {
    const side = await prepare(runtime, yardsticks, provider.program.url);
    sides.push(side);
    if (runtime === "worker") say(sizeOf(join(side.kleis.build.folder, "worker.js")));
  }
  if (workloads.length > 0) await runWorkloads();
  if (parts.includes("memory")) await part("memory", () => measureMemory(provider, sides));
  if (parts.includes("storage")) await part("storage", () => countRoundTrips(provider, sides));
  if (parts.includes("start")) await part("start", () => measureStart(provider, sides));
} finally {
  await tidy();
}
say(`\n${Math.round((performance.now() - begun) / 1000)} s, load now ${load()}`);
process.exit();

async function runWorkloads(): Promise<void> {
  const rows = [];
  for (const side of sides) rows.push(await startRows(side));
  const direct = target({ name: "the provider itself", program: provider.program, extra: false });
  const field: Field = { provider, direct, sides: rows };
  await noteIdle(field);
  for (const workload of workloads) {
    const rounds = Number(process.env.ROUNDS ?? workload.rounds);
    await part(workload.name, () => runWorkload(workload, field, rounds));
  }
  for (const { bare, hono, kleis } of rows) for (const { program } of [bare, hono, ...kleis]) program.stop();
}

/** Says what a part brought; one that fails does not take the others with it. */
async function part(name: string, run: () => Promise<string>): Promise<void> {
  try {
    say(`\n${(await run()).trimEnd()}`);
  } catch (error) {
    process.exitCode = 1;
    say(`\n${name} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function sizeOf(worker: string): string {
  const code = readFileSync(worker);
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  return `Worker bundle: ${kib(gzipSync(code).length)} gzip, ${kib(code.length)} unpacked`;
}
