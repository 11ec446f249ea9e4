/** What something costs, without a look at the clock: steps where they can be counted, else the process's computing time. */

export interface CountedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that were looked at so far. */
  readonly steps: () => number;
}

/** The bytes, counting each look at one of them, and each one that a search goes over. */
export function countedBytes(source: Uint8Array<ArrayBuffer>): CountedBytes {
  let steps = 0;
  const bytes = new Proxy(source, {
    get(target, name) {
      if (name === "indexOf")
        return (byte: number, from = 0) => {
          const at = target.indexOf(byte, from);
          steps += (at === -1 ? target.length : at + 1) - from;
          return at;
        };
      const value = Reflect.get(target, name, target);
      if (typeof value === "function") return value.bind(target);
      if (typeof name === "string" && /^\d+$/.test(name)) steps++;
      return value;
    },
  });
  return { bytes, steps: () => steps };
}

/** The least computing time that the work takes in some rounds, ms: what else the machine does makes it more, never less. */
export async function cpuOf(work: () => unknown, rounds = 3): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(from);
    times.push((user + system) / 1000);
  }
  return Math.min(...times);
}
