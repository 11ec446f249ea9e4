/**
 * A short memory in front of the store: answers are served without a round trip while they are fresh, and served
 * although old when the store does not answer in time. Knows nothing of what it remembers.
 */
import { withTimeout } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import type { Clock, Logger, Runtime } from "../runtime.ts";
import { StorageError, WrongKeyError } from "./port.ts";
import { MAX_READ_WAIT_MS, type StoreHealth, watchStore } from "./store-health.ts";

/** How long an answer serves without a question, ms. */
export const FRESH_MS = 8_000;

/**
 * How old an answer may get, ms, while one request reads it again and others go on with it: the longest time that a
 * change made by another process stays unseen.
 */
export const MAX_AGE_MS = 10_000;

/** While the store ails, an answer that is known is asked for again this often at most, ms, behind the requests. */
export const HOLD_MS = 2_000;

export interface ReadCache<V> {
  /**
   * The answer for a name; null is an answer too ("there is none"). One that is fresh but not `isGood` is read again.
   * Where an old answer is known and usable, waits `MAX_READ_WAIT_MS` for a new one, and not at all while the store ails.
   * Throws `KleisError("storage_unavailable")` when the store does not answer and nothing is remembered.
   */
  get(name: string, isGood?: (value: V) => boolean): Promise<V | null>;
  /** The answer that serves now, without a read; undefined when there is none. */
  peek(name: string): V | null | undefined;
  /** Begins a read that is made elsewhere: meanwhile, as while `get` reads, the old answer serves for a moment. */
  reading(name: string): Reading<V>;
  /** Changes an answer that is remembered, without making it fresher; likewise nothing that is being read is kept. */
  update(name: string, change: (value: V) => V): void;
  /** Forgets one name. What is being read at this moment is not remembered. */
  forget(name: string): void;
  /** Forgets every answer that matches, likewise. */
  forgetWhere(matches: (value: V) => boolean): void;
  clear(): void;
}

export interface Reading<V> {
  /** Remembers what was read, unless something was forgotten meanwhile. */
  keep(value: V | null): void;
  /** It was not read after all: the old answer is as old as it was. */
  drop(): void;
}

export interface ReadCacheOptions<V> {
  clock: Clock;
  logger: Logger;
  /** For reads that go on when their request no longer waits for them. */
  waitUntil: Runtime["waitUntil"];
  /** One for all caches of a process, so that a request waits for an ailing store once, not once for each name. */
  health?: StoreHealth;
  load(name: string): Promise<V | null>;
  /**
   * Whether a request gets on with an old answer. One with which it does not (a revoked key, an account that must sign in
   * again) may have been put right meanwhile, so the store is waited for as long as it takes.
   */
  isUsable?(value: V): boolean;
  /** How many answers are kept at most; as many again of the kind "there is none". */
  capacity: number;
}

interface Entry<V> {
  value: V | null;
  /** When it was read, epoch ms. */
  readAt: number;
  /** Fresh from `since` until `until`, epoch ms. */
  since: number;
  until: number;
  /** Old in truth: it serves while another is being read, or cannot be. */
  isHeld: boolean;
}

export function createReadCache<V>(options: ReadCacheOptions<V>): ReadCache<V> {
  const { clock, logger, waitUntil, load, capacity, health = watchStore(options.clock) } = options;
  const { isUsable = () => true } = options;
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

  const entryOf = (name: string) => found.get(name) ?? absent.get(name);

  function peek(name: string): V | null | undefined {
    const now = clock.now();
    const known = entryOf(name);
    return known !== undefined && now >= known.since && now < known.until ? known.value : undefined;
  }

  function hold(entry: Entry<V>, now: number, until: number): void {
    entry.since = now;
    entry.until = until;
    entry.isHeld = true;
  }

  function reading(name: string): Reading<V> {
    const now = clock.now();
    const known = entryOf(name);
    const before = { ...known };
    const tooOldAt = (known?.readAt ?? 0) + MAX_AGE_MS;
    if (known !== undefined && now < tooOldAt) hold(known, now, tooOldAt);
    const begun = generation;
    return {
      keep(value) {
        // A slow read may end behind a faster one that began after it.
        if (begun !== generation || (entryOf(name)?.readAt ?? now) > now) return;
        remember(name, { value, readAt: now, since: now, until: now + FRESH_MS, isHeld: false });
      },
      drop() {
        if (known !== undefined) Object.assign(known, before);
      },
    };
  }

  async function readNow(name: string): Promise<V | null> {
    const { keep } = reading(name);
    const begun = clock.now();
    try {
      const value = await load(name);
      keep(value);
      health.answered(clock.now() - begun);
      return value;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      health.failed();
      logger.warn("storage_stale", { reason: error.message });
      throw storageUnavailable(error);
    }
  }

  /** Serves what is known, and leaves the read to go on without the request. */
  function serveOld(known: Entry<V>, read: Promise<V | null>): V | null {
    const now = clock.now();
    hold(known, now, now + HOLD_MS);
    waitUntil(read.catch(() => undefined));
    return known.value;
  }

  return {
    peek,
    reading,
    async get(name, isGood = () => true) {
      const known = entryOf(name);
      const fresh = peek(name);
      if (fresh !== undefined && (fresh === null || known?.isHeld || isGood(fresh))) return fresh;
      const read = readNow(name);
      if (known === undefined) return read;
      const serves = known.value !== null && isUsable(known.value);
      if (serves && health.isDegraded()) return serveOld(known, read);
      try {
        const answer = serves ? await inTime(clock, read) : { value: await read };
        if (answer !== null) return answer.value;
        health.failed();
      } catch (error) {
        if (!(error instanceof KleisError)) throw error;
      }
      // Forgotten meanwhile: then the old answer may be wrong.
      return entryOf(name) === known ? serveOld(known, read) : read;
    },
    update(name, change) {
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

/** Null when it takes longer than `MAX_READ_WAIT_MS`. */
function inTime<T>(clock: Clock, work: Promise<T>): Promise<{ value: T } | null> {
  return withTimeout(
    clock,
    MAX_READ_WAIT_MS,
    work.then((value) => ({ value })),
    () => null,
  );
}

const ADVICE =
  "Try again in a moment; if it stays so, check TURSO_DATABASE_URL, TURSO_AUTH_TOKEN and the database itself.";

const LASTS = "Kleis cannot use its database, and that does not pass by itself.";

/** The refusal that a store which does not answer leads to. */
export function storageUnavailable(cause: unknown): KleisError {
  if (cause instanceof WrongKeyError) return new KleisError("not_configured", cause.message, { cause });
  if (cause instanceof StorageError && cause.lasts) {
    const words = `${LASTS} Its owner finds the reason in the log, or by asking GET /healthz?deep=1 with the admin token.`;
    return new KleisError("storage_unavailable", words, { cause });
  }
  return new KleisError("storage_unavailable", `The database cannot be reached. ${ADVICE}`, { cause });
}

/** Why the store did not answer, for the owner and the log; undefined where it is not what went wrong. */
export function storageReason(error: unknown): string | undefined {
  const cause = error instanceof KleisError ? error.cause : error;
  return cause instanceof StorageError ? cause.message : undefined;
}

/**
 * The refusal as the owner's own doors give it: with the reason, which clients are not told. Whoever asks there gets it,
 * since without the database the owner cannot be told from others.
 */
export function forOwner(refusal: KleisError): KleisError {
  const reason = storageReason(refusal);
  if (refusal.code !== "storage_unavailable" || reason === undefined) return refusal;
  if (refusal.cause instanceof StorageError && refusal.cause.lasts) {
    return new KleisError(refusal.code, `Kleis cannot use its database: ${reason}.`, {
      cause: refusal.cause,
    });
  }
  return new KleisError(refusal.code, `The database cannot be reached: ${reason}. ${ADVICE}`, {
    cause: refusal.cause,
  });
}
