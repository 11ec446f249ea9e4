/**
 * The seed of everything that tests choose at random. One and the same unless KLEIS_SEED names another, so that a run
 * tells of the code alone; KLEIS_SEED=random goes looking for what no run has met yet.
 */
import fc from "fast-check";

const { KLEIS_SEED: named } = process.env;

/** A whole number of 32 bits. */
export const SEED =
  named === "random" ? (crypto.getRandomValues(new Int32Array(1))[0] ?? 0) : Number(named || 20_261_122) | 0;

// For vitest's `setupFiles`: fast-check names the seed in what it says about a failure.
fc.configureGlobal({ seed: SEED });
