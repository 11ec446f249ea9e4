/** The workloads: each round goes through all targets in turn, so that what the machine does meanwhile falls on all alike. */
import { figure, median, quantile, table } from "./figures.ts";
import { volley } from "./load.ts";
import type { Provider } from "./provider.ts";
import type { Rows, Target } from "./targets.ts";
import type { Workload } from "./workloads.ts";

const NO_EVENTS = { events: 0, paceMs: 0 };

interface Measured {
  cpuMs: number[];
  firstByteMs: number[];
  delaysMs: number[];
  eventsPerSecond: number[];
  peakMb: number;
  /** Why this target is measured no further. */
  failure: string | null;
}

/** Everything that a workload is asked of. */
export interface Field {
  provider: Provider;
  /** The provider asked without anything in between. */
  direct: Target;
  sides: readonly Rows[];
}

const rowsOf = ({ bare, hono, kleis }: Rows): Target[] => [bare, hono, ...kleis];

/** Notes what each process takes before it has done anything but a few small requests. */
export async function noteIdle({ provider, direct, sides }: Field): Promise<void> {
  await provider.plan(NO_EVENTS);
  for (const target of [direct, ...sides.flatMap(rowsOf)]) {
    await volley(target.shot(1024, 0, false), { count: 50, atOnce: 1 });
    target.idleMb = target.program.memoryMb();
  }
}

/** Runs one workload and gives its table. */
export async function runWorkload(workload: Workload, field: Field, rounds: number): Promise<string> {
  const { provider, direct, sides } = field;
  const { bytes, stream, plan, warmUp } = workload;
  const measured = new Map<Target, Measured>();
  for (const target of [direct, ...sides.flatMap(rowsOf)]) {
    if (workload.short && target.extra) continue;
    measured.set(target, {
      cpuMs: [],
      firstByteMs: [],
      delaysMs: [],
      eventsPerSecond: [],
      peakMb: 0,
      failure: null,
    });
  }
  const inTurn = async (run: (target: Target, into: Measured) => Promise<unknown>) => {
    for (const [target, into] of measured) {
      if (into.failure !== null) continue;
      // What was read of the database while others had their turn is read anew before it is measured.
      await provider.plan(NO_EVENTS);
      await volley(target.shot(1024, 0, false), { count: 3, atOnce: 1 });
      await run(target, into).catch((error: Error) => {
        into.failure = error.message;
      });
    }
  };
  await inTurn(async (target) => {
    await provider.plan(warmUp.plan);
    await volley(target.shot(bytes, warmUp.plan.events, stream), warmUp);
  });
  for (let at = 0; at < rounds; at++) {
    await inTurn(async (target, into) => {
      await provider.plan(plan);
      await oneRound(workload, target, into);
    });
  }
  return report(workload, field, measured);
}

async function oneRound(workload: Workload, target: Target, into: Measured): Promise<void> {
  const { program } = target;
  const shot = target.shot(workload.bytes, workload.plan.events, workload.stream);
  program.forgetPeak();
  const cpu = program.cpuMs();
  const begun = performance.now();
  const readings = await volley(shot, workload);
  const seconds = (performance.now() - begun) / 1000;
  into.cpuMs.push((program.cpuMs() - cpu) / workload.count);
  into.peakMb = Math.max(into.peakMb, program.peakMb());
  into.firstByteMs.push(median(readings.map((reading) => reading.firstByteMs)));
  for (const { delaysMs } of readings) for (const delay of delaysMs) into.delaysMs.push(delay);
  into.eventsPerSecond.push((workload.plan.events * workload.count) / seconds);
}

const HEAD = [
  "x bare",
  "x Hono",
  "x native",
  "CPU ms",
  "+first byte ms",
  "+event ms p50",
  "p99",
  "events/s",
  "peak MB",
  "above idle",
];

function report(
  { name, what, plan, stamps }: Workload,
  { direct, sides }: Field,
  measured: ReadonlyMap<Target, Measured>,
): string {
  const unproxied = measured.get(direct);
  const cpuOf = (target: Target) => median(measured.get(target)?.cpuMs ?? []);
  const rowOf = (target: Target, side: Rows | null): string[][] => {
    const own = measured.get(target);
    if (own === undefined || own.failure !== null || unproxied === undefined) return [];
    const ratio = (to: Target | undefined) => (to === undefined ? Number.NaN : cpuOf(target) / cpuOf(to));
    const added = (of: (each: Measured) => number) => (side === null ? Number.NaN : of(own) - of(unproxied));
    const delay = (q: number) => (stamps ? added(({ delaysMs }) => quantile(delaysMs, q)) : Number.NaN);
    return [
      [
        target.name,
        figure(ratio(side?.bare)),
        figure(ratio(side?.hono)),
        figure(ratio(target.native)),
        figure(cpuOf(target)),
        figure(added(({ firstByteMs }) => median(firstByteMs))),
        figure(delay(0.5)),
        figure(delay(0.99)),
        figure(plan.events === 0 ? Number.NaN : median(own.eventsPerSecond), 0),
        figure(own.peakMb, 0),
        figure(own.peakMb - target.idleMb, 0),
      ],
    ];
  };
  const rows = sides.flatMap((side) => rowsOf(side).flatMap((target) => rowOf(target, side)));
  const failures = [...measured].flatMap(([target, { failure }]) =>
    failure === null ? [] : [`${target.name} failed: ${failure}\n`],
  );
  return `${name}: ${what}\n${table(["", ...HEAD], [...rowOf(direct, null), ...rows])}${failures.join("")}`;
}
