/**
 * The last refusal of each account's provider that its owner should know of: told at once in this process, written behind
 * the request, and taken back when a later request of the same kind succeeds. A write that fails stays pending.
 */
import type { Runtime } from "../runtime.ts";
import type { AccountRecord, RefusalNote } from "../storage/port.ts";
import type { AccountCache } from "./account-cache.ts";

/** What a request that succeeded was. */
export interface Success {
  /** The model's id as the provider spells it. */
  readonly model: string;
  readonly counts: boolean;
  /** When it began, epoch ms. */
  readonly since: number;
}

export type Asking = Pick<AccountRecord, "id" | "lastRefusal">;

export interface LastRefusals {
  /** Returns at once. The account is as its request found it. */
  refused(account: Asking, note: RefusalNote): void;
  /** Returns at once; does nothing where nothing is noted, as for nearly every request. */
  succeeded(account: Asking, success: Success): void;
  /** Writes what is not written yet (before accounts are shown, at shutdown). Never rejects. */
  flush(): Promise<void>;
}

/** The same refusal is not noted again within this time, ms. */
const QUIET_MS = 60_000;
/** How often one account's note is written within that time: one that comes and goes with every request waits. */
const WRITES = 2;

/** What is known here of one account; a null note was taken back. */
interface Known {
  readonly note: RefusalNote | null;
  /** The time of the refusal that was noted or taken back, epoch ms. */
  readonly at: number;
}

export function createLastRefusals(
  { storage, clock, logger, waitUntil, sharesPromises = false }: Runtime,
  accountCache: Pick<AccountCache, "noted">,
): LastRefusals {
  const known = new Map<string, Known>();
  const pending = new Map<string, Known>();
  /** When an account's note was written lately, epoch ms. */
  const written = new Map<string, readonly number[]>();
  const writes = new Set<Promise<void>>();

  async function write(id: string): Promise<void> {
    const change = pending.get(id);
    if (change === undefined) return;
    pending.delete(id);
    written.set(id, [...lately(id), clock.now()]);
    try {
      await storage.accounts.noteRefusal(id, change.note, change.at);
    } catch (error) {
      // Kept for the next write, unless something newer is known meanwhile.
      if (!pending.has(id)) pending.set(id, change);
      logger.warn("last_refusal_not_noted", {
        account: id,
        error: error instanceof Error ? error.name : "unknown",
      });
    }
  }

  function lately(id: string): readonly number[] {
    const now = clock.now();
    return (written.get(id) ?? []).filter((at) => now - at < QUIET_MS);
  }

  function put(id: string, change: Known): void {
    known.set(id, change);
    pending.set(id, change);
    accountCache.noted(id, change.note);
  }

  /** Writes behind the request what is pending, unless that was done too often lately: then a later one does. */
  function settle(id: string): void {
    if (!pending.has(id) || lately(id).length >= WRITES) return;
    const writing = write(id).finally(() => writes.delete(writing));
    writes.add(writing);
    waitUntil(writing);
  }

  return {
    refused({ id, lastRefusal: last }, note) {
      const isOld = last !== null && isSame(last, note) && note.at - last.at < QUIET_MS;
      if (!isOld) put(id, { note, at: note.at });
      settle(id);
    },

    succeeded({ id, lastRefusal }, success) {
      const own = known.get(id);
      const note = own !== undefined && own.at >= (lastRefusal?.at ?? 0) ? own.note : lastRefusal;
      if (note !== null && note.at <= success.since && clears(success, note))
        put(id, { note: null, at: note.at });
      settle(id);
    },

    async flush() {
      // Where one request must not wait for another's promise, each writes what it finds.
      if (sharesPromises) await Promise.all(writes);
      await Promise.all([...pending.keys()].map(write));
    },
  };
}

function isSame(one: RefusalNote, other: RefusalNote): boolean {
  return one.class === other.class && one.model === other.model && one.words === other.words;
}

/** Whether the success shows that the refusal holds no longer. */
function clears({ model, counts }: Success, note: RefusalNote): boolean {
  if (note.scope === "route") return true;
  return note.counts === counts && (note.scope === "account" || note.model === model);
}
