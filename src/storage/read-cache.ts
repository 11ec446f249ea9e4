/**
 * A short memory in front of the store: answers are served without a round trip while they are fresh, and served
 * although old when the store does not answer. Knows nothing of what it remembers.
 */
import { KleisError } from "../errors.ts";
import type { Clock, Logger } from "../runtime.ts";
import { StorageError, WrongKeyError } from "./port.ts";

/** How long an answer is fresh, ms: the longest time that a change made by another process stays unseen. */
export const FRESH_MS = 10_000;

/**
 * While an old answer is being read anew, and after a read that failed, the old one serves for this long, ms; so that
 * neither a burst of requests nor a broken store makes every request wait.
 */
export const HOLD_MS = 2_000;

export interface ReadCache<V> {
  /**
   * The answer for a name; null is an answer too ("there is none").
   * Throws `KleisError("storage_unavailable")` when the store does not answer and nothing is remembered.
   */
  get(name: string): Promise<V | null>;
  /** Changes an answer that is remembered, without making it fresher; likewise nothing that is being read is kept. */
  amend(name: string, change: (value: V) => V): void;
  /** Forgets one name. What is being read at this moment is not remembered. */
  forget(name: string): void;
  /** Forgets every answer that matches, likewise. */
  forgetWhere(matches: (value: V) => boolean): void;
  clear(): void;
}

export interface ReadCacheOptions<V> {
  clock: Clock;
  logger: Logger;
  load(name: string): Promise<V | null>;
  /** How many answers are kept at most; as many again of the kind "there is none". */
  capacity: number;
}

interface Entry<V> {
  value: V | null;
  /** Fresh from `since` until `until`, epoch ms. */
  since: number;
  until: number;
}

export function createReadCache<V>({ clock, logger, load, capacity }: ReadCacheOptions<V>): ReadCache<V> {
  // Kept apart, so that guessed names can never push out what exists.
  const found = new Map<string, Entry<V>>();
  const absent = new Map<string, Entry<V>>();
  // Counts the forgettings: a read that began before one must not bring the old answer back.
  let generation = 0;

  function remember(name: string, entry: Entry<V>): void {
    found.delete(name);
    absent.delete(name);
    const room = entry.value === null ? absent : found;
    room.set(name, entry);
    if (room.size > capacity) room.delete(room.keys().next().value ?? name);
  }

  return {
    async get(name) {
      const now = clock.now();
      const known = found.get(name) ?? absent.get(name);
      if (known !== undefined && now >= known.since && now < known.until) return known.value;
      const hold = (entry: Entry<V>) => {
        entry.since = now;
        entry.until = now + HOLD_MS;
      };
      // Not after a long silence: what was true an hour ago must not serve because another is just asking.
      if (known !== undefined && now < known.until + FRESH_MS) hold(known);
      const begun = generation;
      try {
        const value = await load(name);
        if (begun === generation) remember(name, { value, since: now, until: now + FRESH_MS });
        return value;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        // Forgotten meanwhile: then the old answer may be wrong.
        const remembered = found.get(name) ?? absent.get(name);
        if (known === undefined || remembered !== known) throw storageUnavailable(error);
        hold(known);
        logger.warn("storage_stale", { reason: error.message });
        return known.value;
      }
    },
    amend(name, change) {
      generation++;
      absent.delete(name);
      const entry = found.get(name);
      if (entry !== undefined && entry.value !== null)
        found.set(name, { ...entry, value: change(entry.value) });
    },
    forget(name) {
      generation++;
      found.delete(name);
      absent.delete(name);
    },
    forgetWhere(matches) {
      generation++;
      for (const [name, { value }] of found) if (value !== null && matches(value)) found.delete(name);
    },
    clear() {
      generation++;
      found.clear();
      absent.clear();
    },
  };
}

/** The refusal that a store which does not answer leads to. */
export function storageUnavailable(cause: unknown): KleisError {
  if (cause instanceof WrongKeyError) return new KleisError("not_configured", cause.message, { cause });
  return new KleisError(
    "storage_unavailable",
    "The database can not be reached. Try again in a moment; if it stays so, check TURSO_DATABASE_URL and the database itself.",
    { cause },
  );
}
