/** Stores with one rule taken out, to see that the simulator would notice. */
import type { MemoryStorage } from "../../support/memory-storage.ts";

type Sabotage = (store: MemoryStorage) => MemoryStorage;

/** Fresh tokens are written whatever is stored by now. */
export const withoutCompareAndSwap: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    async commit(id, lease, fresh, metadata, now) {
      const row = store.rows.get(id);
      const current = row ? { ...lease, version: row.version, fence: row.fence } : lease;
      return store.refreshes.commit(id, current, fresh, metadata, now);
    },
  },
});

/** Everybody gets the lease. */
export const withoutLease: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    async acquire(id, wish) {
      const row = store.rows.get(id);
      if (row && row.version === wish.version) row.leaseUntil = 0;
      return store.refreshes.acquire(id, wish);
    },
  },
});

/** A lease is given for whatever is stored, without a look whether that is still what was found due. */
export const withoutReRead: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    async acquire(id, wish) {
      const version = store.rows.get(id)?.version ?? wish.version;
      return store.refreshes.acquire(id, { ...wish, version });
    },
    async intend(id, lease) {
      const version = store.rows.get(id)?.version ?? lease.version;
      return store.refreshes.intend(id, { ...lease, version });
    },
  },
});

/** A refused token ends the sign-in whatever is stored by now. */
export const withoutDoubt: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    async reject(id, lease, reason, now) {
      const row = store.rows.get(id);
      const current = row ? { ...lease, version: row.version, fence: row.fence } : lease;
      return store.refreshes.reject(id, current, reason, now);
    },
  },
});

/** Nobody knows a refresh token again that was used up. */
export const withoutMemory: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    commit: (id, lease, next, metadata, now) =>
      store.refreshes.commit(id, lease, { ...next, spentToken: null }, metadata, now),
  },
});

/** A lease never ends by itself. */
export const withoutExpiry: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    async read(id) {
      const state = await store.refreshes.read(id);
      return state && { ...state, leasedForMs: store.rows.get(id)?.leaseOwner ? 1_000 : 0 };
    },
    async acquire(id, wish) {
      const state = await store.refreshes.read(id);
      const holder = store.rows.get(id)?.leaseOwner ?? wish.owner;
      return state && holder !== wish.owner
        ? { acquired: false, state: { ...state, leasedForMs: 1_000 } }
        : store.refreshes.acquire(id, wish);
    },
  },
});

/** A lease ends while its holder's call may still be under way. */
export const withShortLease: Sabotage = (store) => ({
  ...store,
  refreshes: {
    ...store.refreshes,
    acquire: (id, wish) => store.refreshes.acquire(id, { ...wish, leaseMs: 10_000 }),
  },
});
