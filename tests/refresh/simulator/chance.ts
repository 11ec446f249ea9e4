/** Chance that can be replayed: everything that is drawn follows from one seed. */
export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** True with this probability. */
  is(probability: number): boolean;
  /** In [low, high). */
  between(low: number, high: number): number;
  whole(low: number, high: number): number;
  bytes(count: number): Uint8Array<ArrayBuffer>;
}

export function chanceOf(seed: number): Chance {
  // mulberry32, spread so that neighbouring seeds begin far apart.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (low: number, high: number) => low + next() * (high - low);
  return {
    next,
    is: (probability) => next() < probability,
    between,
    whole: (low, high) => Math.floor(between(low, high + 1)),
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
  };
}
