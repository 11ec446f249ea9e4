/**
 * A stored setting as this process remembers it: asked for without waiting, read in the background at first and when it
 * has become old, kept when the store does not answer.
 */
import type { Runtime } from "../runtime.ts";
import { isWithin } from "./time.ts";

/** A setting that is about to be read by somebody else, together with other things. */
export interface WantedSetting {
  readonly key: string;
  /** What is stored; null when nothing is. */
  take(text: string | null): void;
}

export interface CachedSetting<T> {
  /** What is known; undefined until the store has answered once. */
  value(): T | undefined;
  /** Begins a reading in the background when one is due. Returns it, so that the same request can wait for it. */
  begin(): Promise<void> | undefined;
  /** What a request that reads the store anyway is to bring along; undefined when what is known is not old. */
  wanted(): WantedSetting | undefined;
  /** True when a reading has ended, well or not. */
  isRead(): boolean;
  /** Reads it now. Never rejects: what was known stays. */
  load(): Promise<void>;
  /** What is stored now, for a change of it; undefined where that is of no use. Rejects when the store does not answer. */
  stored(): Promise<T | undefined>;
  /** Knows it from here on, without storing it. */
  know(value: T): void;
  /** Stores it and knows it. Rejects when the store does not take it. */
  save(value: T): Promise<void>;
}

export interface SettingOptions<T> {
  readonly key: string;
  /** Of the stored text, null when nothing is stored; undefined when the text is of no use. */
  decode(text: string | null): T | undefined;
  encode(value: T): string;
  /** What is known once a stored value was read or written; that value alone, unless given. */
  join?(known: T, stored: T): T;
  /** ms after which a reading is old. */
  readonly freshMs: number;
}

/** A reading that has not ended after this long, ms, is taken for dead. */
const READING_MS = 10_000;
/** The pause after a reading that failed, ms. */
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
