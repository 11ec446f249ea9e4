/**
 * The promises about limits against a simulated world (simulator/): isolates with wrong clocks, a store that is slow, loses
 * writes and goes away, providers whose windows reset on time, early or late, or that lie about it.
 *
 * LIMITS_SEEDS=100000 runs more of them; LIMITS_SEED=<n> replays one.
 */
import { expect, test } from "vitest";
import { type Rules, simulate } from "./simulator/run.ts";
import * as sabotage from "./simulator/sabotage.ts";

const SEEDS = Number(process.env.LIMITS_SEEDS || 10_000);
const ONE = process.env.LIMITS_SEED ? Number(process.env.LIMITS_SEED) : null;
const HOURS = 3 * 3_600_000;

async function firstFailure(seeds: number, rules: Partial<Rules> = {}) {
  for (let seed = ONE ?? 1; seed <= (ONE ?? seeds); seed++) {
    const { violations } = await simulate(seed, rules);
    if (violations.length > 0) return { seed, violations };
  }
  return null;
}

test(
  "no exhausted account is called, no account is benched without need, and no session moves without one",
  async () => {
    const sum = { runs: 0, requests: 0, limited: 0, hops: 0, refused: 0 };
    for (let seed = ONE ?? 1; seed <= (ONE ?? SEEDS); seed++) {
      const report = await simulate(seed);
      if (report.violations.length > 0)
        throw new Error(`LIMITS_SEED=${seed} breaks a property:\n${report.violations.join("\n")}`);
      sum.runs++;
      for (const name of ["requests", "limited", "hops", "refused"] as const) sum[name] += report[name];
    }
    process.stdout.write(`limits simulator: seeds ${ONE ?? `1 to ${SEEDS}`}, ${JSON.stringify(sum)}\n`);
    // The world was neither harmless nor hopeless, or this proves nothing.
    expect(sum.limited).toBeGreaterThan(sum.runs);
    if (ONE === null) expect(Math.min(sum.hops, sum.refused)).toBeGreaterThan(SEEDS / 4);
  },
  HOURS,
);

test("one seed is always the same run", async () => {
  expect(await simulate(4711)).toEqual(await simulate(4711));
});

test.each([
  ["what was learned", sabotage.withoutMemory, /P1/],
  ["what others have learned", sabotage.withoutSharing, /P1/],
  ["the difference between clocks", sabotage.withoutClocks, /P[167]/],
  ["the limit of one hop", sabotage.withTwoHops, /P2/],
  ["the hop", sabotage.withoutHop, /P5/],
  ["the classes that do not cool", sabotage.withBursts, /P4/],
  ["the binding of sessions", sabotage.withoutBinding, /P8/],
  ["the end of a limit", sabotage.withoutEnd, /P[567]/],
  ["the longest wait", sabotage.withLongWaits, /P6/],
  ["the fixed order of accounts", sabotage.withTurns, /P(8|11)/],
])(
  "the simulator notices when this is missing: %s",
  async (_name, rules, words) => {
    const failure = await firstFailure(2_000, rules);
    expect(failure?.violations.join("\n")).toMatch(words);
  },
  HOURS,
);
