/**
 * Which accounts rest, and until when. Effective immediately in this process, stored in the background, and merged with what
 * other processes have stored. A failed write stays pending.
 */

import { isCooling, type LimitVerdict, scopeCovers } from "../providers/limit.ts";
import type { Runtime } from "../runtime.ts";
import { isHeld, mergeLimits } from "../storage/merge-limits.ts";
import type { LimitReading, LimitRow, LimitStore } from "../storage/port.ts";
import type { CandidateCooling, CoolingPhase } from "./decision.ts";
import { rowOf, slackOf } from "./rest.ts";

export interface Cooling {
  /**
   * Learns what a refusal says, and returns immediately. Only classes that cool have an effect. `words`: the provider's,
   * redacted and bounded.
   */
  refused(accountId: string, verdict: LimitVerdict, words: string | null): void;
  /** Learns that the account has served this model; `since`: when the request was sent, epoch ms. Returns immediately. */
  succeeded(accountId: string, model: string, since: number): void;
  /** The limit that keeps the account from this model for the longest time; null where there is none. */
  of(accountId: string, model: string): CandidateCooling | null;
  /** The same with everything that is known of it. */
  rowOf(accountId: string, model: string): LimitRow | null;
  /** Announces that a request finds out whether a limit that has ended holds still. Ends with the response's headers. */
  probe(accountId: string, model: string): Probe;
  /** The owner, a new credential or the provider's own figures say that the account, or one scope of it, is free again. */
  clear(accountId: string, scope?: string): void;
  /** Learns what is stored. */
  learn(reading: LimitReading): void;
  /** Every limit that holds or has ended without being tried out. */
  rows(): LimitRow[];
  /** Writes everything that is pending (before accounts are shown, at shutdown). Never rejects. */
  flush(): Promise<void>;
}

export interface Probe {
  /** The provider's headers have come, or will not. `passed`: it did not refuse. */
  end(passed: boolean): void;
}

export type CoolingRuntime = Pick<Runtime, "clock" | "logger" | "waitUntil"> & {
  readonly storage: { readonly limits: LimitStore };
};

/** A request whose headers have not come for so long no longer keeps others from trying, ms. */
const PROBE_MS = 60_000;
/** A row that says nothing new is not written again within this time, ms. */
const QUIET_MS = 5_000;
/** A write that has not come back for so long is taken for lost, ms: a runtime may end it without notice. */
const LOST_MS = 30_000;
/** Waits between attempts at a write, ms. After the last one the next request tries. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000];
/** Clocks that differ by less are taken for the same, ms. */
const SKEW_MS = 5_000;
/** A limit is forgotten this long after its end, ms. */
const FORGOTTEN_MS = 7 * 86_400_000;

interface Entry {
  row: LimitRow;
  /** What the store is known to hold; null where it is not known to hold anything. */
  stored: LimitRow | null;
  writtenAt: number;
  writingSince: number | null;
  probingSince: number | null;
  /** The `seenAt` of the refusal after whose end a request has passed; null while none has. */
  passed: number | null;
}

export function createCooling(runtime: CoolingRuntime): Cooling {
  return new StoredCooling(runtime);
}

class StoredCooling implements Cooling {
  readonly #runtime: CoolingRuntime;
  /** By account and scope. */
  readonly #accounts = new Map<string, Map<string, Entry>>();
  /** When an attempt at a write failed that is going to be repeated, epoch ms; null where none is. */
  #failedAt: number | null = null;

  constructor(runtime: CoolingRuntime) {
    this.#runtime = runtime;
  }

  refused(accountId: string, verdict: LimitVerdict, words: string | null): void {
    if (!isCooling(verdict.class)) return;
    const known = this.#accounts.get(accountId)?.get(verdict.scope)?.row ?? null;
    const entry = this.#put(rowOf(accountId, verdict, { words, known, now: this.#now() }));
    entry.passed = null;
    entry.probingSince = null;
    this.#settle();
  }

  succeeded(accountId: string, model: string, since: number): void {
    const now = this.#now();
    for (const entry of this.#entriesOf(accountId, model)) {
      const { row } = entry;
      const proves = row.seenAt < since && (!row.isStated || row.until <= now);
      if (proves) clearRow(entry, row.seenAt);
    }
    this.#settle();
  }

  of(accountId: string, model: string): CandidateCooling | null {
    const entry = this.#worst(accountId, model);
    if (entry === null) return null;
    // What could not be written is not forgotten.
    this.#settle();
    const { scope, class: name, code, until, isStated } = entry.row;
    return { scope, class: name, code, until, isStated, phase: phaseOf(entry, this.#now()) };
  }

  rowOf(accountId: string, model: string): LimitRow | null {
    return this.#worst(accountId, model)?.row ?? null;
  }

  probe(accountId: string, model: string): Probe {
    const now = this.#now();
    const tried = this.#entriesOf(accountId, model).filter((entry) => phaseOf(entry, now) === "over");
    for (const entry of tried) entry.probingSince = now;
    return {
      end(passed) {
        for (const entry of tried) {
          // A refusal has been learned since, or another request is trying by now.
          if (entry.probingSince !== now) continue;
          entry.probingSince = null;
          entry.passed = passed ? entry.row.seenAt : null;
        }
      },
    };
  }

  clear(accountId: string, scope?: string): void {
    for (const [name, entry] of this.#accounts.get(accountId) ?? []) {
      if (scope === undefined || scope === name) clearRow(entry, this.#now());
    }
    this.#settle();
  }

  learn({ rows, storeNow }: LimitReading): void {
    const now = this.#now();
    const skew = Math.abs(now - storeNow) > SKEW_MS ? now - storeNow : 0;
    for (const row of rows) {
      const read = skew === 0 ? row : shifted(row, skew);
      const entry = this.#put(read);
      if (!saysMore(entry.row, read)) entry.stored = entry.row;
    }
    forget(this.#accounts, now);
    this.#settle();
  }

  rows(): LimitRow[] {
    return this.#every().flatMap(({ row }) => (isHeld(row) ? [row] : []));
  }

  async flush(): Promise<void> {
    await this.#write(this.#every().filter(({ row, stored }) => row !== stored));
  }

  #now(): number {
    return this.#runtime.clock.now();
  }

  #every(): Entry[] {
    return [...this.#accounts.values()].flatMap((scopes) => [...scopes.values()]);
  }

  #entriesOf(accountId: string, model: string): Entry[] {
    const known = this.#accounts.get(accountId);
    if (known === undefined) return [];
    return [...known.values()].filter(({ row }) => isHeld(row) && scopeCovers(row.scope, model));
  }

  #put(row: LimitRow): Entry {
    const scopes = this.#accounts.get(row.accountId) ?? new Map<string, Entry>();
    this.#accounts.set(row.accountId, scopes);
    const known = scopes.get(row.scope);
    if (known !== undefined) {
      known.row = mergeLimits(known.row, row);
      return known;
    }
    const entry: Entry = {
      row,
      stored: null,
      writtenAt: Number.NEGATIVE_INFINITY,
      writingSince: null,
      probingSince: null,
      passed: null,
    };
    scopes.set(row.scope, entry);
    return entry;
  }

  /** The entry that keeps the account from the model for the longest time. */
  #worst(accountId: string, model: string): Entry | null {
    const now = this.#now();
    const limiting = this.#entriesOf(accountId, model).filter(({ row, passed }) => passed !== row.seenAt);
    limiting.sort((a, b) => weightOf(b, now) - weightOf(a, now) || b.row.until - a.row.until);
    return limiting[0] ?? null;
  }

  #due(): Entry[] {
    const now = this.#now();
    return this.#every().filter(
      ({ row, stored, writtenAt, writingSince }) =>
        row !== stored &&
        (writingSince === null || now - writingSince >= LOST_MS) &&
        (saysMore(row, stored) || now - writtenAt >= QUIET_MS),
    );
  }

  /** Writes what is due in the background. While the store fails, the attempt that is under way takes it along. */
  #settle(): void {
    const isInsisting = this.#failedAt !== null && this.#now() - this.#failedAt < LOST_MS;
    if (isInsisting || this.#due().length === 0) return;
    const writing = this.#writeInsistently().finally(() => {
      this.#failedAt = null;
    });
    this.#runtime.waitUntil(writing);
  }

  async #writeInsistently(): Promise<void> {
    for (const wait of RETRIES_MS) {
      if (await this.#write(this.#due())) return;
      this.#failedAt = this.#now();
      await this.#runtime.clock.sleep(wait);
    }
    await this.#write(this.#due());
  }

  /** Resolves with whether the store has taken the rows. */
  async #write(entries: readonly Entry[]): Promise<boolean> {
    if (entries.length === 0) return true;
    const { storage, logger } = this.#runtime;
    const now = this.#now();
    const rows = entries.map((entry) => entry.row);
    for (const entry of entries) entry.writingSince = now;
    try {
      await storage.limits.merge(rows, now);
      entries.forEach((entry, index) => {
        entry.stored = rows[index] ?? null;
        entry.writtenAt = now;
      });
      return true;
    } catch (error) {
      logger.warn("limits_not_stored", { error: error instanceof Error ? error.name : "unknown" });
      return false;
    } finally {
      for (const entry of entries) entry.writingSince = null;
    }
  }
}

function phaseOf({ row, probingSince }: Entry, now: number): CoolingPhase {
  if (now < row.until + slackOf(row)) return "active";
  const isProbing = probingSince !== null && now - probingSince < PROBE_MS;
  return isProbing ? "probing" : "over";
}

/** How much an entry keeps an account from requests: one that holds, one that is tried out, one that has ended. */
function weightOf(entry: Entry, now: number): number {
  const phase = phaseOf(entry, now);
  if (phase === "active") return entry.row.isStated ? 4 : 3;
  return phase === "probing" ? 2 : 1;
}

function clearRow(entry: Entry, at: number): void {
  entry.row = { ...entry.row, clearedAt: Math.max(entry.row.clearedAt, entry.row.seenAt, at) };
  entry.probingSince = null;
}

/** True where the row says something that matters to other processes. */
function saysMore(row: LimitRow, stored: LimitRow | null): boolean {
  if (stored === null) return true;
  return (
    isHeld(row) !== isHeld(stored) ||
    row.clearedAt > stored.clearedAt ||
    row.class !== stored.class ||
    row.isStated !== stored.isStated ||
    row.strikes !== stored.strikes ||
    Math.abs(row.until - stored.until) > SKEW_MS
  );
}

function shifted(row: LimitRow, by: number): LimitRow {
  const { until, seenAt, clearedAt } = row;
  return { ...row, until: until + by, seenAt: seenAt + by, clearedAt: clearedAt === 0 ? 0 : clearedAt + by };
}

function forget(accounts: Map<string, Map<string, Entry>>, now: number): void {
  for (const [accountId, scopes] of accounts) {
    for (const [scope, { row }] of scopes) {
      if (Math.max(row.until, row.clearedAt) + FORGOTTEN_MS < now) scopes.delete(scope);
    }
    if (scopes.size === 0) accounts.delete(accountId);
  }
}
