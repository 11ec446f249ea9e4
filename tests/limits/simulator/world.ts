/** What isolates share in the simulation: accounts with their real limits, a store that is slow and loses things, time. */
import type { LimitVerdict } from "../../../src/providers/limit.ts";
import { mergeLimits } from "../../../src/storage/merge-limits.ts";
import type { LimitReading, LimitRow, LimitStore } from "../../../src/storage/port.ts";
import type { Chance } from "../../refresh/simulator/chance.ts";
import type { Timeline } from "../../refresh/simulator/timeline.ts";

export const MINUTE = 60_000;

/** One stretch in which an account is exhausted in truth. */
export interface Exhaustion {
  readonly from: number;
  /** When it really ends; sooner or later than what is stated. */
  readonly until: number;
  /** What the provider says: the end that it plans, nothing, or an end in the past. */
  readonly states: "end" | "nothing" | "past";
  /** The end that it plans. */
  readonly planned: number;
}

export interface SimulatedAccount {
  readonly id: string;
  readonly exhaustions: readonly Exhaustion[];
}

export function accountsOf(chance: Chance, start: number, count: number): SimulatedAccount[] {
  return Array.from({ length: count }, (_, at) => {
    const exhaustions: Exhaustion[] = [];
    let time = start;
    while (chance.is(at === 0 ? 0.9 : 0.4) && exhaustions.length < 3) {
      const from = time + chance.between(0, 10 * MINUTE);
      const planned = from + chance.between(5_000, 60 * MINUTE);
      const kind = chance.next();
      const until =
        kind < 0.15 ? from + (planned - from) * chance.next() : kind < 0.25 ? planned + 5 * MINUTE : planned;
      const states = chance.is(0.75) ? "end" : chance.is(0.7) ? "nothing" : "past";
      exhaustions.push({ from, until, planned, states });
      time = Math.max(until, planned) + MINUTE;
    }
    return { id: `acc_${at}`, exhaustions };
  });
}

export function exhaustedAt({ exhaustions }: SimulatedAccount, at: number): Exhaustion | null {
  return exhaustions.find(({ from, until }) => from <= at && at < until) ?? null;
}

/** The verdict on a refusal by the clock of the isolate, which is `skew` ahead. */
export function verdictOn({ states, planned }: Exhaustion, now: number, skew: number): LimitVerdict {
  const isAhead = states === "end" && planned > now;
  const untilMs = isAhead ? planned + skew : null;
  return { class: "window", scope: "*", untilMs, isStated: isAhead, code: "usage_limit_reached" };
}

/** The store, by its own clock, which is the true one. */
export class SimulatedStore {
  readonly rows = new Map<string, LimitRow>();
  readonly #writes: { readonly row: LimitRow; readonly at: number }[] = [];
  outage: { readonly from: number; readonly until: number };
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #loses: number;

  constructor(timeline: Timeline, chance: Chance) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#loses = chance.is(0.5) ? 0 : chance.between(0, 0.3);
    const from = timeline.now + chance.between(0, 20 * MINUTE);
    this.outage = chance.is(0.3) ? { from, until: from + MINUTE } : { from, until: from };
  }

  get isDown(): boolean {
    const { now } = this.#timeline;
    return now >= this.outage.from && now < this.outage.until;
  }

  /** When this stated end was first written, true time; infinite where it was not. */
  writtenAt(accountId: string, until: number): number {
    const isIt = ({ row }: { row: LimitRow }) =>
      row.accountId === accountId && row.isStated && Math.abs(row.until - until) <= 6_000;
    return this.#writes.find(isIt)?.at ?? Number.POSITIVE_INFINITY;
  }

  /** As the port has it. */
  portOf(): LimitStore {
    return {
      read: async (): Promise<LimitReading> => {
        await this.#trip();
        return { rows: [...this.rows.values()], storeNow: this.#timeline.now };
      },
      merge: async (rows, now) => {
        await this.#trip();
        const skew = Math.abs(this.#timeline.now - now) > 5_000 ? this.#timeline.now - now : 0;
        for (const row of rows) this.#merge(shifted(row, skew));
        if (this.#chance.is(this.#loses)) throw new Error("the acknowledgement was lost");
      },
    };
  }

  #merge(row: LimitRow): void {
    const old = this.rows.get(row.accountId);
    this.rows.set(row.accountId, old === undefined ? row : mergeLimits(old, row));
    this.#writes.push({ row, at: this.#timeline.now });
  }

  async #trip(): Promise<void> {
    await new Promise<void>((resolve) => this.#timeline.after(this.#chance.between(2, 100), resolve));
    if (this.isDown || this.#chance.is(this.#loses)) throw new Error("the store did not answer");
  }
}

function shifted(row: LimitRow, by: number): LimitRow {
  const { until, seenAt, clearedAt } = row;
  return { ...row, until: until + by, seenAt: seenAt + by, clearedAt: clearedAt === 0 ? 0 : clearedAt + by };
}
