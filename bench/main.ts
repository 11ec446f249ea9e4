/** `npm run bench`: what Kleis costs beside bare pipes, in one interleaved run. See README.md here for how to read it. */
import { chatBody, messagesBody, responsesBody } from "./bodies.ts";
import { type BenchKleis, startKleis } from "./kleis.ts";
import { type Shot, volley } from "./load.ts";
import { type Program, startScript } from "./process.ts";

interface Target {
  name: string;
  program: Program;
  shot(bytes: number, stream: boolean): Shot;
}

interface Workload {
  name: string;
  what: string;
  bytes: number;
  stream: boolean;
  plan: { events: number; paceMs: number };
  /** Requests per round, and how many at once. */
  count: number;
  atOnce: number;
  /** Look at the times inside the events. */
  stamps: boolean;
}

interface Row {
  cpuMs: number[];
  firstByteMs: number[];
  delaysMs: number[];
  eventsPerSecond: number[];
  memoryMb: number;
}

const KB = 1024;
const WORKLOADS: Workload[] = [
  {
    name: "W1",
    what: "1 KB, no stream",
    bytes: KB,
    stream: false,
    plan: { events: 0, paceMs: 0 },
    count: 300,
    atOnce: 1,
    stamps: false,
  },
  {
    name: "W2",
    what: "200 KB, 500 events at once",
    bytes: 200 * KB,
    stream: true,
    plan: { events: 500, paceMs: 0 },
    count: 40,
    atOnce: 1,
    stamps: false,
  },
  {
    name: "W3",
    what: "2 MB, 3,000 events at once",
    bytes: 2048 * KB,
    stream: true,
    plan: { events: 3000, paceMs: 0 },
    count: 8,
    atOnce: 1,
    stamps: false,
  },
  {
    name: "W4",
    what: "200 streams, an event each 20 ms",
    bytes: KB,
    stream: true,
    plan: { events: 100, paceMs: 20 },
    count: 200,
    atOnce: 200,
    stamps: true,
  },
  {
    name: "W5",
    what: "one stream of 20,000 events",
    bytes: KB,
    stream: true,
    plan: { events: 20_000, paceMs: 0 },
    count: 2,
    atOnce: 1,
    stamps: false,
  },
  {
    name: "W5x16",
    what: "16 streams of 20,000 events",
    bytes: KB,
    stream: true,
    plan: { events: 20_000, paceMs: 0 },
    count: 16,
    atOnce: 16,
    stamps: false,
  },
];

const only = process.argv.slice(2).filter((word) => word.startsWith("W"));
const rounds = Number(process.env.ROUNDS ?? 3);
const workloads = WORKLOADS.filter(({ name }) => only.length === 0 || only.includes(name));

const upstream = await startScript("upstream.ts");
const bareNode = await startScript("bare-node.ts", { UPSTREAM: upstream.url });
const bareHono = await startScript("bare-hono.ts", { UPSTREAM: upstream.url });
const kleis: BenchKleis = await startKleis(upstream.url);

const plain = (name: string, program: Program): Target => ({
  name,
  program,
  shot: (bytes, stream) => ({
    url: `${program.url}/v1/messages`,
    headers: {},
    body: messagesBody("claude-sonnet-5", bytes, stream),
  }),
});
const through = (
  name: string,
  key: string,
  path: string,
  body: Target["shot"] extends (b: number, s: boolean) => Shot
    ? (bytes: number, stream: boolean) => Buffer
    : never,
): Target => ({
  name,
  program: kleis,
  shot: (bytes, stream) => ({
    url: kleis.url + path,
    headers: { authorization: `Bearer ${key}` },
    body: body(bytes, stream),
  }),
});

const targets: Target[] = [
  plain("upstream itself", upstream),
  plain("bare Node", bareNode),
  plain("bare Hono", bareHono),
  through("Kleis, Claude API key", kleis.keys.apiKey, "/v1/messages", (bytes, stream) =>
    messagesBody("claude-sonnet-5", bytes, stream),
  ),
  through("Kleis, Claude sign-in", kleis.keys.oauth, "/v1/messages", (bytes, stream) =>
    messagesBody("claude-sonnet-5", bytes, stream),
  ),
  through("Kleis, Codex", kleis.keys.oauth, "/v1/responses", (bytes, stream) =>
    responsesBody("gpt-5.5", bytes, stream),
  ),
  through("Kleis, Copilot chat", kleis.keys.oauth, "/v1/chat/completions", (bytes, stream) =>
    chatBody("gpt-5-mini", bytes, stream),
  ),
];

const median = (values: number[]) => quantile(values, 0.5);
function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

async function round(workload: Workload, target: Target, row: Row): Promise<void> {
  const shot = target.shot(workload.bytes, workload.stream);
  const cpu = target.program.cpuMs();
  const begun = performance.now();
  const watch = setInterval(() => {
    row.memoryMb = Math.max(row.memoryMb, target.program.memoryMb());
  }, 100);
  const readings = await volley(shot, workload.count, workload.atOnce, workload.stamps);
  clearInterval(watch);
  const seconds = (performance.now() - begun) / 1000;
  row.cpuMs.push((target.program.cpuMs() - cpu) / workload.count);
  row.firstByteMs.push(median(readings.map((reading) => reading.firstByteMs)));
  for (const { delaysMs } of readings) for (const delay of delaysMs) row.delaysMs.push(delay);
  row.eventsPerSecond.push((workload.plan.events * workload.count) / seconds);
}

const format = (value: number, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : "-");

for (const workload of workloads) {
  await fetch(`${upstream.url}/plan`, { method: "POST", body: JSON.stringify(workload.plan) });
  const rows = new Map<Target, Row>(
    targets.map((target) => [
      target,
      { cpuMs: [], firstByteMs: [], delaysMs: [], eventsPerSecond: [], memoryMb: 0 },
    ]),
  );
  for (const target of targets)
    await volley(target.shot(workload.bytes, workload.stream), Math.min(workload.count, 20), workload.atOnce);
  for (let at = 0; at < rounds; at++) for (const [target, row] of rows) await round(workload, target, row);

  const direct = rows.get(targets[0]!)!;
  const bare = median(rows.get(targets[1]!)!.cpuMs);
  const hono = median(rows.get(targets[2]!)!.cpuMs);
  process.stdout.write(`\n${workload.name}  ${workload.what}\n`);
  process.stdout.write(
    "                          CPU ms   x Node   x Hono   +first byte ms   +event ms (p50, p99)   events/s   MB\n",
  );
  for (const [target, row] of rows) {
    const cpu = median(row.cpuMs);
    const isUpstream = target.program === upstream;
    const added = (of: (row: Row) => number) => format(of(row) - of(direct));
    const cells = [
      target.name.padEnd(24),
      format(cpu).padStart(8),
      (isUpstream ? "-" : format(cpu / bare)).padStart(8),
      (isUpstream ? "-" : format(cpu / hono)).padStart(8),
      added((each) => median(each.firstByteMs)).padStart(16),
      (workload.stamps
        ? `${added((each) => median(each.delaysMs))}, ${added((each) => quantile(each.delaysMs, 0.99))}`
        : "-"
      ).padStart(22),
      format(median(row.eventsPerSecond), 0).padStart(10),
      format(row.memoryMb, 0).padStart(6),
    ];
    process.stdout.write(`${cells.join(" ")}\n`);
  }
}
process.stdout.write(`\nstart to first answer: ${format(kleis.startMs, 0)} ms\n`);
for (const program of [upstream, bareNode, bareHono, kleis]) program.stop();
