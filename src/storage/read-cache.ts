/**
 * A short-lived cache in front of storage: fresh values are served without a round trip, and stale ones when storage does
 * not respond in time. Independent of what it caches.
 */
import { withTimeout } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import type { Clock, Logger, Runtime } from "../runtime.ts";
import { StorageError, WrongKeyError } from "./port.ts";
import { MAX_READ_WAIT_MS, type StoreHealth, watchStore } from "./store-health.ts";

/** How long a value is served without a read, ms. */
export const FRESH_MS = 8_000;

/**
 * How old a value may get, ms, while one request reads it again and others use the old one: the longest time that a change
 * by another process goes unseen.
 */
export const MAX_AGE_MS = 10_000;

/** The shortest interval, ms, at which a known value is read again in the background while storage is degraded. */
export const HOLD_MS = 2_000;

export interface ReadCache<V> {
  /**
   * The value of a name; null is cached too ("there is none"). A fresh value that is not `isGood` is read again.
   * Where a stale value is known and usable, waits `MAX_READ_WAIT_MS` for a new one, and not at all while storage is
   * degraded. Throws `KleisError("storage_unavailable")` when storage does not respond and nothing is cached.
   */
  get(name: string, isGood?: (value: V) => boolean): Promise<V | null>;
  /** The value that can be served now, without a read; undefined when there is none. */
  peek(name: string): V | null | undefined;
  /** Announces a read that the caller makes: meanwhile, as during a read by `get`, the old value is served briefly. */
  reading(name: string): Reading<V>;
  /** Changes a cached value without making it fresher. Discards the results of reads that are running. */
  update(name: string, change: (value: V) => V): void;
  /** Drops one name. Discards the results of reads that are running. */
  forget(name: string): void;
  /** Drops every value that matches, likewise. */
  forgetWhere(matches: (value: V) => boolean): void;
  clear(): void;
}

export interface Reading<V> {
  /** Caches what was read, unless something was dropped or changed meanwhile. */
  keep(value: V | null): void;
  /** Nothing was read: restores the age of the old value. */
  drop(): void;
}

export interface ReadCacheOptions<V> {
  clock: Clock;
  logger: Logger;
  /** For reads that outlast their request. */
  waitUntil: Runtime["waitUntil"];
  /** Shared by all caches of a process, so that a request waits for a degraded store once, not once per name. */
  health?: StoreHealth;
  load(name: string): Promise<V | null>;
  /**
   * Whether a request can proceed with a stale value. A value that stops it (a revoked key, an account that must sign in
   * again) may have been corrected meanwhile, so the read is awaited for as long as it takes.
   */
  isUsable?(value: V): boolean;
  /** Maximum number of cached values; as many again for names that do not exist. */
  capacity: number;
}

interface Entry<V> {
  value: V | null;
  /** When it was read, epoch ms. */
  readAt: number;
  /** Fresh from `since` until `until`, epoch ms. */
  since: number;
  until: number;
  /** Stale, and served while a new value is being read or cannot be. */
  isHeld: boolean;
}

export function createReadCache<V>(options: ReadCacheOptions<V>): ReadCache<V> {
  return new TimedReadCache(options);
}

class TimedReadCache<V> implements ReadCache<V> {
  readonly #options: ReadCacheOptions<V>;
  readonly #clock: Clock;
  readonly #health: StoreHealth;
  // Kept apart, so that guessed names cannot evict values that exist.
  readonly #found = new Map<string, Entry<V>>();
  readonly #absent = new Map<string, Entry<V>>();
  /** Incremented by every invalidation: a read that began before one must not restore the old value. */
  #generation = 0;

  constructor(options: ReadCacheOptions<V>) {
    this.#options = options;
    this.#clock = options.clock;
    this.#health = options.health ?? watchStore(options.clock);
  }

  async get(name: string, isGood: (value: V) => boolean = () => true): Promise<V | null> {
    const known = this.#entryOf(name);
    const fresh = this.peek(name);
    if (fresh !== undefined && (fresh === null || known?.isHeld || isGood(fresh))) return fresh;
    const read = this.#read(name);
    if (known === undefined) return read;
    const isUsable = known.value !== null && (this.#options.isUsable?.(known.value) ?? true);
    if (isUsable && this.#health.isDegraded()) return this.#serveStale(known, read);
    try {
      const result = isUsable ? await inTime(this.#clock, read) : { value: await read };
      if (result !== null) return result.value;
      this.#health.failed();
    } catch (error) {
      if (!(error instanceof KleisError)) throw error;
    }
    // An entry that was invalidated meanwhile may be wrong.
    return this.#entryOf(name) === known ? this.#serveStale(known, read) : read;
  }

  peek(name: string): V | null | undefined {
    const now = this.#clock.now();
    const known = this.#entryOf(name);
    return known !== undefined && now >= known.since && now < known.until ? known.value : undefined;
  }

  reading(name: string): Reading<V> {
    const now = this.#clock.now();
    const known = this.#entryOf(name);
    const before = { ...known };
    const tooOldAt = (known?.readAt ?? 0) + MAX_AGE_MS;
    if (known !== undefined && now < tooOldAt) hold(known, now, tooOldAt);
    const begun = this.#generation;
    return {
      keep: (value) => {
        // A slow read may end after a faster one that began later.
        if (begun !== this.#generation || (this.#entryOf(name)?.readAt ?? now) > now) return;
        this.#remember(name, { value, readAt: now, since: now, until: now + FRESH_MS, isHeld: false });
      },
      drop() {
        if (known !== undefined) Object.assign(known, before);
      },
    };
  }

  update(name: string, change: (value: V) => V): void {
    this.#generation++;
    this.#absent.delete(name);
    const entry = this.#found.get(name);
    if (entry !== undefined && entry.value !== null)
      this.#found.set(name, { ...entry, value: change(entry.value) });
  }

  forget(name: string): void {
    this.#generation++;
    this.#found.delete(name);
    this.#absent.delete(name);
  }

  forgetWhere(matches: (value: V) => boolean): void {
    this.#generation++;
    for (const [name, { value }] of this.#found)
      if (value !== null && matches(value)) this.#found.delete(name);
  }

  clear(): void {
    this.#generation++;
    this.#found.clear();
    this.#absent.clear();
  }

  #entryOf(name: string): Entry<V> | undefined {
    return this.#found.get(name) ?? this.#absent.get(name);
  }

  #remember(name: string, entry: Entry<V>): void {
    this.#found.delete(name);
    this.#absent.delete(name);
    const entries = entry.value === null ? this.#absent : this.#found;
    entries.set(name, entry);
    if (entries.size > this.#options.capacity) entries.delete(entries.keys().next().value ?? name);
  }

  async #read(name: string): Promise<V | null> {
    const { keep } = this.reading(name);
    const begun = this.#clock.now();
    try {
      const value = await this.#options.load(name);
      keep(value);
      this.#health.responded(this.#clock.now() - begun);
      return value;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#health.failed();
      this.#options.logger.warn("storage_stale", { reason: error.message });
      throw storageUnavailable(error);
    }
  }

  /** Serves what is known and lets the read go on without the request. */
  #serveStale(known: Entry<V>, read: Promise<V | null>): V | null {
    const now = this.#clock.now();
    hold(known, now, now + HOLD_MS);
    this.#options.waitUntil(read.catch(() => undefined));
    return known.value;
  }
}

/** Lets a stale entry serve until then. */
function hold<V>(entry: Entry<V>, now: number, until: number): void {
  entry.since = now;
  entry.until = until;
  entry.isHeld = true;
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

/** The error for a request that storage did not respond to. */
export function storageUnavailable(cause: unknown): KleisError {
  if (cause instanceof WrongKeyError) return new KleisError("not_configured", cause.message, { cause });
  if (cause instanceof StorageError && cause.lasts) {
    const words = `${LASTS} Its owner finds the reason in the log, or by asking GET /healthz?deep=1 with the admin token.`;
    return new KleisError("storage_unavailable", words, { cause });
  }
  return new KleisError("storage_unavailable", `The database cannot be reached. ${ADVICE}`, { cause });
}

/** Why storage failed, for the owner and the log; undefined for any other error. */
export function storageReason(error: unknown): string | undefined {
  const cause = error instanceof KleisError ? error.cause : error;
  return cause instanceof StorageError ? cause.message : undefined;
}

/**
 * The error as admin routes report it: with the reason, which clients do not get. Every caller of those routes gets it,
 * since the owner cannot be authenticated without the database.
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
