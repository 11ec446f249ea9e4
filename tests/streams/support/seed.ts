/** Random choices that can be repeated: the seed is printed, and `KLEIS_SEED` brings it back. */
import { SEED } from "../../support/seed.ts";

export interface Seeded {
  readonly seed: number;
  /** A whole number from 0 up to, not including, `below`. */
  int(below: number): number;
}

export function seeded(what: string): Seeded {
  const seed = SEED;
  console.info(`${what}: KLEIS_SEED=${seed}`);
  let state = seed >>> 0;
  return {
    seed,
    int(below) {
      // mulberry32, a small public generator: enough to pick places.
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
    },
  };
}
