/** Whether the servers that Kleis talks to respond, and their clocks. Sends no credential. */
import type { Clock, Fetch } from "../../src/runtime.ts";
import { explain } from "../../src/unreachable.ts";
import type { Finding } from "./finding.ts";

/** How long a server may take to respond, ms. */
const LIMIT_MS = 8_000;
/** Token expiry is judged by the clock, and tokens are refreshed a minute before it. */
const SKEW_NOTED_MS = 10_000;
const SKEW_WRONG_MS = 60_000;

export interface Reached {
  readonly origin: string;
  /** How far this machine is ahead of the server's `date`, ms; null where it sends none. */
  readonly aheadMs: number | null;
}

/** Why a server did not respond, and what to do. */
export type Unreached = Pick<Finding, "text" | "advice">;

/** Any response counts, whatever its status. */
export async function reach(fetch: Fetch, clock: Clock, origin: string): Promise<Reached | Unreached> {
  const begun = clock.now();
  try {
    const response = await fetch(`${origin}/`, {
      method: "GET",
      headers: new Headers({ accept: "*/*", "user-agent": "kleis-doctor" }),
      redirect: "manual",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const middle = (begun + clock.now()) / 2;
    await response.body?.cancel();
    const date = Date.parse(response.headers.get("date") ?? "");
    // The header is cut to the second.
    return { origin, aheadMs: Number.isNaN(date) ? null : Math.round(middle - (date + 500)) };
  } catch (error) {
    return unreached(origin, error);
  }
}

/** Why there was no response. */
export function unreached(address: string, error: unknown): Unreached {
  const text = `${address} cannot be reached.`;
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  const { reason, advice } = explain(error);
  if (isLate) return { text, advice: `It did not respond within ${LIMIT_MS / 1000} s. ${advice}` };
  if (reason === null) return { text, advice };
  return { text, advice: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}. ${advice}` };
}

/** Judges the clock by the server whose time is nearest: one of them may itself be wrong. */
export function lookAtClock(reached: readonly Reached[]): Finding {
  const area = "clock";
  const best = reached
    .filter((each): each is Reached & { aheadMs: number } => each.aheadMs !== null)
    .toSorted((a, b) => Math.abs(a.aheadMs) - Math.abs(b.aheadMs))[0];
  if (best === undefined) {
    return { area, level: "note", text: "No server responded, so there is nothing to compare it with." };
  }
  const seconds = Math.round(Math.abs(best.aheadMs) / 1000);
  const way = best.aheadMs > 0 ? "ahead of" : "behind";
  const text = `This machine is ${seconds} s ${way} ${best.origin}.`;
  if (Math.abs(best.aheadMs) < SKEW_NOTED_MS)
    return { area, level: "ok", text: `It agrees with ${best.origin}.` };
  const advice = "Turn on time synchronisation: ends of tokens and sign-ins are judged by this clock.";
  return { area, level: Math.abs(best.aheadMs) < SKEW_WRONG_MS ? "note" : "problem", text, advice };
}
