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
  const { storage, clock, logger } = runtime;
  const { key, decode, encode, freshMs } = options;
  let known: T | undefined;
  let isRead = false;
  // Since when (epoch ms) and for how long (ms) no reading is due.
  let quietSince = Number.NEGATIVE_INFINITY;
  let quietMs = 0;
  // A reading that began before a change must not bring the old value back.
  let changes = 0;

  const isDue = () => !isWithin(clock.now(), quietSince, quietMs);
  function adopt(stored: T): void {
    known = known === undefined || options.join === undefined ? stored : options.join(known, stored);
  }
  function keepQuiet(ms: number): void {
    quietSince = clock.now();
    quietMs = ms;
  }

  /** Of a reading that begins now; takes over what it brings. */
  function reading(): (text: string | null) => void {
    const begun = changes;
    return (text) => {
      const value = decode(text);
      if (value === undefined) logger.warn("setting_unreadable", { key });
      else if (begun === changes || options.join !== undefined) adopt(value);
      isRead = true;
      keepQuiet(freshMs);
    };
  }

  async function load(): Promise<void> {
    const take = reading();
    keepQuiet(READING_MS);
    try {
      take(await storage.settings.get(key));
    } catch (error) {
      logger.warn("setting_not_read", { key, error: error instanceof Error ? error.message : "unknown" });
      isRead = true;
      keepQuiet(PAUSE_MS);
    }
  }

  function know(value: T): void {
    changes++;
    known = value;
    isRead = true;
    keepQuiet(freshMs);
  }

  return {
    value: () => known,
    wanted() {
      if (isRead && !isDue()) return undefined;
      const take = reading();
      return {
        key,
        take(text) {
          // Several may have begun at once, and what is stored can be large.
          if (!isRead || isDue()) take(text);
        },
      };
    },
    begin() {
      if (!isDue()) return undefined;
      const reading = load();
      runtime.waitUntil(reading);
      return reading;
    },
    isRead: () => isRead,
    load,
    async stored() {
      const take = reading();
      const text = await storage.settings.get(key);
      take(text);
      return decode(text);
    },
    know,
    async save(value) {
      changes++;
      await storage.settings.set(key, encode(value), clock.now());
      adopt(value);
      know(known ?? value);
    },
  };
}
