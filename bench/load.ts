/** The client of the benchmarks: sends requests over kept connections and reads what is written into the events. */
import { Agent, request as send } from "node:http";

export interface Shot {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Reading {
  /** Milliseconds from sending to the first byte of the answer. */
  firstByteMs: number;
  totalMs: number;
  /** Milliseconds that each event was on its way. */
  delaysMs: number[];
  bytes: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 });
const STAMP = /@(\d+\.\d{3})@/g;

/** Sends one request and reads its answer to the end. `stamps`: look for the times in the events. */
export function shoot({ url, headers, body }: Shot, stamps = false): Promise<Reading> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const outgoing = send(
      url,
      {
        method: "POST",
        agent,
        headers: { "content-type": "application/json", "content-length": body.length, ...headers },
      },
      (incoming) => {
        const reading: Reading = { firstByteMs: 0, totalMs: 0, delaysMs: [], bytes: 0 };
        let last = "";
        incoming.on("data", (part: Buffer) => {
          if (reading.bytes === 0) reading.firstByteMs = performance.now() - begun;
          reading.bytes += part.length;
          if (stamps) {
            const at = performance.timeOrigin + performance.now();
            for (const [, time] of part.toString("latin1").matchAll(STAMP))
              reading.delaysMs.push(at - Number(time));
          }
          last = part.subarray(-400).toString("latin1");
        });
        incoming.on("end", () => {
          reading.totalMs = performance.now() - begun;
          if (incoming.statusCode !== 200 || (last.includes('"error"') && last.includes("upstream_")))
            reject(new Error(`${incoming.statusCode}: ${last}`));
          else resolve(reading);
        });
        incoming.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Many shots, so many at a time. */
export async function volley(shot: Shot, count: number, atOnce: number, stamps = false): Promise<Reading[]> {
  const readings: Reading[] = [];
  let left = count;
  await Promise.all(
    Array.from({ length: Math.min(atOnce, count) }, async () => {
      while (left-- > 0) readings.push(await shoot(shot, stamps));
    }),
  );
  return readings;
}
