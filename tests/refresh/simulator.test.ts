/**
 * Promise 1, "no lost rotation", against a simulated world (simulator/): isolates that are interleaved, frozen and
 * killed at every wait, a store and a provider whose answers are lost and delayed, an owner who signs in again.
 *
 * REFRESH_SEEDS=100000 runs more of them; REFRESH_SEED=<n> replays one and prints what happened.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Report, type RunOptions, simulate } from "./simulator/run.ts";
import * as sabotage from "./simulator/sabotage.ts";

const SEEDS = Number(process.env.REFRESH_SEEDS || 10_000);
const ONE = process.env.REFRESH_SEED ? Number(process.env.REFRESH_SEED) : null;
const HOURS = 3 * 3_600_000;

// Errors are part of the game here; their stacks cost a third of the time.
const { stackTraceLimit } = Error;
beforeAll(() => {
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

async function firstFailure(seeds: number, options: RunOptions = {}): Promise<Report | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    const report = await simulate(seed, options);
    if (report.violations.length > 0) return report;
  }
  return null;
}

describe("whatever happens to isolates, store and provider", () => {
  test(
    "no refresh token is lost, redeemed twice or renewed without need, and no waiter is refused in vain",
    async () => {
      if (ONE !== null) {
        const report = await simulate(ONE, { trace: true });
        process.stdout.write(`${report.trace.join("\n")}\n`);
        expect(report.violations).toEqual([]);
        return;
      }
      const sum = { runs: 0, isolates: 0, died: 0, refreshes: 0, answered: 0, refused: 0, lost: 0, calm: 0 };
      for (let seed = 1; seed <= SEEDS; seed++) {
        const report = await simulate(seed);
        if (report.violations.length > 0) {
          const { trace } = await simulate(seed, { trace: true });
          throw new Error(
            `REFRESH_SEED=${seed} breaks a property:\n${report.violations.join("\n")}\n\n${trace.slice(-60).join("\n")}`,
          );
        }
        sum.runs++;
        sum.isolates += report.isolates;
        sum.died += report.died;
        sum.refreshes += report.posts;
        sum.answered += report.answered;
        sum.refused += report.refused;
        sum.lost += Number(report.lost);
        sum.calm += Number(report.calm);
      }
      process.stdout.write(`refresh simulator: ${JSON.stringify(sum)}\n`);
      // The world was neither harmless nor hopeless, or this proves nothing.
      expect(sum.calm).toBeGreaterThan(SEEDS / 10);
      expect(sum.died).toBeGreaterThan(SEEDS / 4);
      expect(sum.answered).toBeGreaterThan(SEEDS * 20);
      expect(sum.lost).toBeGreaterThan(SEEDS / 100);
      expect(sum.lost).toBeLessThan(SEEDS / 5);
    },
    HOURS,
  );

  test("one seed is always the same run", async () => {
    const seed = 4711;
    expect(await simulate(seed, { trace: true })).toEqual(await simulate(seed, { trace: true }));
  });
});

describe("the simulator notices when a rule is missing:", () => {
  test.each([
    ["the compare-and-swap", sabotage.withoutCompareAndSwap, /property 2/],
    ["the lease", sabotage.withoutLease, /property [15]/],
    ["the re-read under the lease", sabotage.withoutReRead, /property 5/],
    ["the re-read after a refusal", sabotage.withoutDoubt, /property [234]/],
    ["the memory of used-up tokens", sabotage.withoutMemory, /property [12]/],
    ["the end of a lease", sabotage.withoutExpiry, /property 4/],
    ["a lease that outlasts the call", sabotage.withShortLease, /property [15]/],
  ])(
    "%s",
    async (_, broken, words) => {
      const report = await firstFailure(2_000, { sabotage: broken });
      expect(report?.violations.join("\n")).toMatch(words);
    },
    HOURS,
  );
});
