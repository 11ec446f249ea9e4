/** Notes when keys were last used, many uses in one write and never in the way of a request. */
import type { Runtime } from "../runtime.ts";

/** The shortest time between two writes, ms. */
export const FLUSH_MS = 30_000;

export interface KeyUses {
  /** Notes a use now. Returns at once. */
  note(keyId: string): void;
  /** Writes what is not written yet (before a list is shown, at shutdown). Never rejects. */
  flush(): Promise<void>;
}

export function createKeyUses(runtime: Runtime): KeyUses {
  const { storage, clock, logger } = runtime;
  // Key id to epoch ms.
  let pending = new Map<string, number>();
  let lastWrite: number | null = null;

  async function flush(): Promise<void> {
    if (pending.size === 0) return;
    const uses = pending;
    pending = new Map();
    lastWrite = clock.now();
    try {
      await storage.keys.touch(Array.from(uses, ([id, at]) => ({ id, at })));
    } catch (error) {
      // Kept for the next write; a use noted meanwhile is the later one.
      for (const [id, at] of uses) if (!pending.has(id)) pending.set(id, at);
      logger.warn("key_uses_not_written", {
        keys: uses.size,
        error: error instanceof Error ? error.name : "unknown",
      });
    }
  }

  return {
    note(keyId) {
      const now = clock.now();
      pending.set(keyId, now);
      if (lastWrite === null || now - lastWrite >= FLUSH_MS) runtime.waitUntil(flush());
    },
    flush,
  };
}
