/**
 * The last refusal by each account's provider that its owner should see. Effective immediately in this process, stored in
 * the background, and removed when a later request of the same kind succeeds. A failed write stays pending.
 */
import type { Runtime } from "../runtime.ts";
import type { AccountRecord, RefusalNote } from "../storage/port.ts";
import type { AccountCache } from "./account-cache.ts";

/** A successful request. */
export interface Success {
  /** The model's id as the provider spells it. */
  readonly model: string;
  readonly counts: boolean;
  /** When it began, epoch ms. */
  readonly since: number;
}

export type Asking = Pick<AccountRecord, "id" | "lastRefusal">;

export interface LastRefusals {
  /** Returns immediately. The account is as the request read it. */
  refused(account: Asking, note: RefusalNote): void;
  /** Returns immediately; does nothing when no refusal is noted, which is the usual case. */
  succeeded(account: Asking, success: Success): void;
  /** Writes everything that is pending (before accounts are shown, at shutdown). Never rejects. */
  flush(): Promise<void>;
}

/** The same refusal is not recorded again within this time, ms. */
const QUIET_MS = 60_000;
/** Maximum writes per account within that time: a refusal that comes and goes with every request waits. */
const WRITES = 2;

/** An account's refusal as this process knows it; a null note was removed. */
interface Known {
  readonly note: RefusalNote | null;
  /** The time of the refusal that was recorded or removed, epoch ms. */
  readonly at: number;
}

type Cache = Pick<AccountCache, "noted">;

export function createLastRefusals(runtime: Runtime, accountCache: Cache): LastRefusals {
  return new StoredRefusals(runtime, accountCache);
}

class StoredRefusals implements LastRefusals {
  readonly #runtime: Runtime;
  readonly #cache: Cache;
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Known>();
  /** The recent writes of each account, epoch ms. */
  readonly #written = new Map<string, readonly number[]>();
  readonly #writes = new Set<Promise<void>>();

  constructor(runtime: Runtime, cache: Cache) {
    this.#runtime = runtime;
    this.#cache = cache;
  }

  refused({ id, lastRefusal: last }: Asking, note: RefusalNote): void {
    const isOld = last !== null && isSame(last, note) && note.at - last.at < QUIET_MS;
    if (!isOld) this.#put(id, { note, at: note.at });
    this.#settle(id);
  }

  succeeded({ id, lastRefusal }: Asking, success: Success): void {
    const own = this.#known.get(id);
    const note = own !== undefined && own.at >= (lastRefusal?.at ?? 0) ? own.note : lastRefusal;
    if (note !== null && note.at <= success.since && clears(success, note)) {
      this.#put(id, { note: null, at: note.at });
    }
    this.#settle(id);
  }

  async flush(): Promise<void> {
    // Where requests must not await each other's promises, each writes what it finds.
    if (this.#runtime.sharesPromises === true) await Promise.all(this.#writes);
    await Promise.all([...this.#pending.keys()].map((id) => this.#write(id)));
  }

  #put(id: string, change: Known): void {
    this.#known.set(id, change);
    this.#pending.set(id, change);
    this.#cache.noted(id, change.note);
  }

  /** Writes pending changes in the background, unless that happened too often recently: then a later call does. */
  #settle(id: string): void {
    if (!this.#pending.has(id) || this.#lately(id).length >= WRITES) return;
    const writing = this.#write(id).finally(() => this.#writes.delete(writing));
    this.#writes.add(writing);
    this.#runtime.waitUntil(writing);
  }

  async #write(id: string): Promise<void> {
    const { storage, clock, logger } = this.#runtime;
    const change = this.#pending.get(id);
    if (change === undefined) return;
    this.#pending.delete(id);
    this.#written.set(id, [...this.#lately(id), clock.now()]);
    try {
      await storage.accounts.noteRefusal(id, change.note, change.at);
    } catch (error) {
      // Kept for the next write, unless something newer is pending.
      if (!this.#pending.has(id)) this.#pending.set(id, change);
      logger.warn("last_refusal_not_noted", {
        account: id,
        error: error instanceof Error ? error.name : "unknown",
      });
    }
  }

  #lately(id: string): readonly number[] {
    const now = this.#runtime.clock.now();
    return (this.#written.get(id) ?? []).filter((at) => now - at < QUIET_MS);
  }
}

function isSame(one: RefusalNote, other: RefusalNote): boolean {
  return one.class === other.class && one.model === other.model && one.words === other.words;
}

/** True when the success shows that the refusal no longer applies. */
function clears({ model, counts }: Success, note: RefusalNote): boolean {
  if (note.scope === "route") return true;
  return note.counts === counts && (note.scope === "account" || note.model === model);
}
