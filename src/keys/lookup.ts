/** Finds the issued key that a request brings: by hash, from memory when possible; its state is checked on every call. */

import { sha256Hex } from "../bytes.ts";
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { KeyRecord } from "../storage/port.ts";
import { createReadCache } from "../storage/read-cache.ts";
import { type StoreHealth, watchStore } from "../storage/store-health.ts";

export type KeyRefusal = "invalid_api_key" | "expired_api_key";
export type KeyFound = { ok: true; key: KeyRecord } | { ok: false; code: KeyRefusal };

export interface KeyLookup {
  /** The key with this secret. Throws `KleisError("storage_unavailable")` when neither memory nor store can tell. */
  find(secret: string): Promise<KeyFound>;
  /** The key whose model list this token opens; likewise. */
  findByDiscoveryToken(token: string): Promise<KeyFound>;
  /** Makes a change of this key effective at once in this process. */
  forget(id: string): void;
  clear(): void;
}

/** How a key is read, and what is read along with it. */
export interface KeySource {
  /** The key with this hash. Rejects with `StorageError`. */
  read(hash: string): Promise<KeyRecord | null>;
  /** False when what comes along is old or missing: then the key is read again, together with the rest. */
  isFresh(): boolean;
}

/** Keys remembered at most; an owner has tens. */
const CAPACITY = 1_000;

const KEY = /^kleis_[A-Za-z0-9_-]{43}$/;
const DISCOVERY_TOKEN = /^[A-Za-z0-9_-]{43}$/;

export function createKeyLookup(
  { storage, clock, logger, waitUntil }: Runtime,
  source: KeySource = { read: (hash) => storage.keys.findByHash(hash), isFresh: () => true },
  health: StoreHealth = watchStore(clock),
): KeyLookup {
  const byKey = createReadCache<KeyRecord>({
    clock,
    logger,
    waitUntil,
    health,
    capacity: CAPACITY,
    load: source.read,
    isUsable: (key) => judge(key).ok,
  });
  const byToken = createReadCache<KeyRecord>({
    clock,
    logger,
    waitUntil,
    health,
    capacity: CAPACITY,
    load: (hash) => storage.keys.findByDiscoveryHash(hash),
    isUsable: (key) => judge(key).ok,
  });

  function judge(key: KeyRecord | null): KeyFound {
    if (key?.damaged !== undefined) return { ok: false, code: "invalid_api_key" };
    if (key === null || key.revokedAt !== null) return { ok: false, code: "invalid_api_key" };
    if (key.expiresAt !== null && key.expiresAt <= clock.now()) return { ok: false, code: "expired_api_key" };
    return { ok: true, key };
  }

  return {
    async find(secret) {
      // What cannot be a key (such as a provider's own key) is rejected without reading storage.
      if (!KEY.test(secret)) return { ok: false, code: "invalid_api_key" };
      return judge(await byKey.get(await sha256Hex(secret), source.isFresh));
    },
    async findByDiscoveryToken(token) {
      if (!DISCOVERY_TOKEN.test(token)) return { ok: false, code: "invalid_api_key" };
      return judge(await byToken.get(await sha256Hex(token)));
    },
    forget(id) {
      byKey.forgetWhere((key) => key.id === id);
      byToken.forgetWhere((key) => key.id === id);
    },
    clear() {
      byKey.clear();
      byToken.clear();
    },
  };
}

/** The error for an invalid key, without the key itself. */
export function keyRefusal(code: KeyRefusal): KleisError {
  if (code === "expired_api_key") {
    return new KleisError(code, "This Kleis key has expired. Issue a new one on the admin page.");
  }
  return new KleisError(
    code,
    "This is not a valid Kleis key: unknown, revoked or damaged. Use a key that begins with kleis_; issue one on the admin page.",
  );
}
