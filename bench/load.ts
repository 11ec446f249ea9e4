/** The client of the benchmarks: sends requests over kept connections, reads the times in the events, checks the end. */
import { Agent, request as send } from "node:http";

export interface Shot {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
  /** How many events the answer must bring; 0 for one that is no stream. */
  events: number;
}

export interface Reading {
  /** Milliseconds from sending to the first byte of the answer. */
  firstByteMs: number;
  /** Milliseconds that each event was on its way; empty where they were not looked at. */
  delaysMs: number[];
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 });
/** In deltas only: some protocols repeat the whole text at its end. */
const STAMP = /delta(?:":|","text":|":\{"content":)"@(\d+\.\d{3})@/g;
/** A time that was cut in two by the end of a piece is not longer than this. */
const STAMP_LENGTH = 50;
const ENDS = ["message_stop", "response.completed", "[DONE]"];

/** Sends one request and reads its answer to the end; fails when it is not a whole one. */
export function shoot(shot: Shot, stamps: boolean): Promise<Reading> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let answered = false;
    const outgoing = send(
      shot.url,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "content-length": shot.body.length,
          ...shot.headers,
        },
      },
      (incoming) => {
        answered = true;
        const reading: Reading = { firstByteMs: 0, delaysMs: [] };
        let last = "";
        let ended = false;
        let rest = "";
        incoming.on("data", (part: Buffer) => {
          if (reading.firstByteMs === 0) reading.firstByteMs = performance.now() - begun;
          if (stamps) rest = readStamps(rest + part.toString("latin1"), reading.delaysMs);
          const text = last + part.toString("latin1");
          // The last event may be long: `response.completed` repeats the tools.
          ended ||= ENDS.some((end) => text.includes(end));
          last = text.slice(-400);
        });
        incoming.on("end", () => {
          const seen = reading.delaysMs.length;
          if (incoming.statusCode !== 200) reject(new Error(`${incoming.statusCode}: ${last}`));
          else if (shot.events > 0 && !ended) reject(new Error(`a stream without its end: ${last}`));
          else if (stamps && seen !== shot.events)
            reject(new Error(`${seen} of ${shot.events} events came through`));
          else resolve(reading);
        });
        incoming.on("error", reject);
      },
    );
    outgoing.on("error", (error) => {
      // The other side may close a kept connection at the very moment it is used again.
      if (outgoing.reusedSocket && !answered) shoot(shot, stamps).then(resolve, reject);
      else reject(error);
    });
    outgoing.end(shot.body);
  });
}

/** Takes the times out of the text; what may be the beginning of one more is handed back. */
function readStamps(text: string, delaysMs: number[]): string {
  const now = performance.timeOrigin + performance.now();
  let end = 0;
  for (const match of text.matchAll(STAMP)) {
    delaysMs.push(now - Number(match[1]));
    end = match.index + match[0].length;
  }
  return text.slice(Math.max(end, text.length - STAMP_LENGTH));
}

/** Many shots, so many at a time. */
export async function volley(
  shot: Shot,
  { count, atOnce, stamps = false }: { count: number; atOnce: number; stamps?: boolean },
): Promise<Reading[]> {
  const readings: Reading[] = [];
  let left = count;
  await Promise.all(
    Array.from({ length: Math.min(atOnce, count) }, async () => {
      while (left-- > 0) readings.push(await shoot(shot, stamps));
    }),
  );
  return readings;
}
