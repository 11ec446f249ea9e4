/**
 * A stored setting, cached by this process: served without waiting, read in the background at first and when it is old,
 * and kept when storage does not respond.
 */
import type { Runtime } from "../runtime.ts";
import { isWithin } from "./time.ts";

/** A setting that another read of storage is to fetch too. */
export interface WantedSetting {
  readonly key: string;
  /** What is stored; null when nothing is. */
  take(text: string | null): void;
}

export interface CachedSetting<T> {
  /** What is known; undefined until storage has been read once. */
  value(): T | undefined;
  /** Starts a read in the background when one is due. Returns it, so that the same request can wait for it. */
  begin(): Promise<void> | undefined;
  /** What a request that reads storage anyway should fetch too; undefined while the known value is fresh. */
  wanted(): WantedSetting | undefined;
  /** True once a read has ended, successfully or not. */
  isRead(): boolean;
  /** Reads it now. Never rejects: on failure the known value stays. */
  load(): Promise<void>;
  /** What is stored now, for a change of it; undefined when it cannot be decoded. Rejects when storage does not respond. */
  stored(): Promise<T | undefined>;
  /** Takes this value as known, without storing it. */
  know(value: T): void;
  /** Stores the value and takes it as known. Rejects when it cannot be stored. */
  save(value: T): Promise<void>;
}

export interface SettingOptions<T> {
  readonly key: string;
  /** Of the stored text, null when nothing is stored; undefined when it cannot be decoded. */
  decode(text: string | null): T | undefined;
  encode(value: T): string;
  /** Merges a value that was read or written into the known one; without it, the new value replaces the known one. */
  join?(known: T, stored: T): T;
  /** ms after which a read value is old. */
  readonly freshMs: number;
}

/** A read that has not ended after this long, ms, is presumed dead. */
const READING_MS = 10_000;
/** The pause after a failed read, ms. */
const PAUSE_MS = 2_000;

export function cacheSetting<T>(runtime: Runtime, options: SettingOptions<T>): CachedSetting<T> {
  return new SettingCache(runtime, options);
}

class SettingCache<T> implements CachedSetting<T> {
  readonly #runtime: Runtime;
  readonly #options: SettingOptions<T>;
  #known: T | undefined;
  #isRead = false;
  /** Since when (epoch ms) and for how long (ms) no read is due. */
  #quietSince = Number.NEGATIVE_INFINITY;
  #quietMs = 0;
  /** Counts changes: a read that began before a change must not bring the old value back. */
  #changes = 0;

  constructor(runtime: Runtime, options: SettingOptions<T>) {
    this.#runtime = runtime;
    this.#options = options;
  }

  value(): T | undefined {
    return this.#known;
  }

  isRead(): boolean {
    return this.#isRead;
  }

  wanted(): WantedSetting | undefined {
    if (this.#isRead && !this.#isDue()) return undefined;
    const take = this.#beginRead();
    return {
      key: this.#options.key,
      take: (text) => {
        // Several reads may have begun at once, and decoding a large text is not free.
        if (!this.#isRead || this.#isDue()) take(text);
      },
    };
  }

  begin(): Promise<void> | undefined {
    if (!this.#isDue()) return undefined;
    const reading = this.load();
    this.#runtime.waitUntil(reading);
    return reading;
  }

  async load(): Promise<void> {
    const { storage, logger } = this.#runtime;
    const { key } = this.#options;
    const take = this.#beginRead();
    this.#keepQuiet(READING_MS);
    try {
      take(await storage.settings.get(key));
    } catch (error) {
      logger.warn("setting_not_read", { key, error: error instanceof Error ? error.message : "unknown" });
      this.#isRead = true;
      this.#keepQuiet(PAUSE_MS);
    }
  }

  async stored(): Promise<T | undefined> {
    const { key, decode } = this.#options;
    const take = this.#beginRead();
    const text = await this.#runtime.storage.settings.get(key);
    take(text);
    return decode(text);
  }

  know(value: T): void {
    this.#changes++;
    this.#known = value;
    this.#isRead = true;
    this.#keepQuiet(this.#options.freshMs);
  }

  async save(value: T): Promise<void> {
    const { storage, clock } = this.#runtime;
    const { key, encode } = this.#options;
    this.#changes++;
    await storage.settings.set(key, encode(value), clock.now());
    this.#adopt(value);
    this.know(this.#known ?? value);
  }

  /** Marks the start of a read; the result takes what was read. */
  #beginRead(): (text: string | null) => void {
    const { key, decode, join, freshMs } = this.#options;
    const begun = this.#changes;
    return (text) => {
      const value = decode(text);
      if (value === undefined) this.#runtime.logger.warn("setting_unreadable", { key });
      else if (begun === this.#changes || join !== undefined) this.#adopt(value);
      this.#isRead = true;
      this.#keepQuiet(freshMs);
    };
  }

  #adopt(stored: T): void {
    const { join } = this.#options;
    this.#known = this.#known === undefined || join === undefined ? stored : join(this.#known, stored);
  }

  #isDue(): boolean {
    return !isWithin(this.#runtime.clock.now(), this.#quietSince, this.#quietMs);
  }

  #keepQuiet(ms: number): void {
    this.#quietSince = this.#runtime.clock.now();
    this.#quietMs = ms;
  }
}
