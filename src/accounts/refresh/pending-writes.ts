/**
 * Keeps fresh tokens until they are stored. The first write is waited for; when it fails, the tokens stay in memory and
 * serve this isolate's requests while the write is repeated behind them. They are given up only for newer ones.
 */
import type { JsonObject } from "../../json.ts";
import type { RefreshResult } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { Lease, OpenAccount, RefreshState } from "../../storage/port.ts";
import type { AccountCache } from "../account-cache.ts";
import { type FreshTokens, nextTokens } from "./next-tokens.ts";
import { LEASE_MS, LONGEST_WRITE_PAUSE_MS, WRITE_PAUSE_MS } from "./timing.ts";

export interface PendingWrites {
  /** Stores what a refresh of `state` gave. Resolves with what is to be used, stored or not; null: the account is gone. */
  keep(
    state: RefreshState,
    lease: Lease,
    result: Extract<RefreshResult, { status: "refreshed" }>,
  ): Promise<OpenAccount | null>;
  /** Tokens of an account that could not be stored yet; asking for them sees to it that somebody is writing. */
  unwritten(id: string): OpenAccount | null;
  /** Tries to store what `unwritten` gives, now; whether it is stored. */
  store(id: string): Promise<boolean>;
  /** True for a refresh token that this isolate itself has used up: from the answer on until everybody can know. */
  isSpent(id: string, refreshToken: string | null): boolean;
}

interface Kept {
  /** The state whose token was posted. */
  readonly posted: RefreshState;
  /** The lease under which the next write is tried, and the state of its version: what the write is to leave as it is. */
  lease: Lease;
  state: RefreshState;
  readonly fresh: FreshTokens;
  readonly news: JsonObject;
  /** What the account is with these tokens. */
  readonly open: OpenAccount;
  /** Its first write failed: now it serves from here. */
  serves: boolean;
  /** When the last write was tried, epoch ms. A platform may end the writer without a word. */
  triedAt: number;
}

type Written = { done: true; open: OpenAccount | null } | { done: false };

/** Rounds of one write; each loses only to another writer of the same account. */
const ROUNDS = 8;

/** A writer that has not tried for this long was ended by its platform, ms. */
const WRITER_SILENT_MS = LONGEST_WRITE_PAUSE_MS + 15_000;

export function createPendingWrites(runtime: Runtime, accountCache: AccountCache): PendingWrites {
  const { clock, logger } = runtime;
  const { refreshes } = runtime.storage;
  const kept = new Map<string, Kept>();
  /** The refresh token that was used up last, by account, and when that was last known to matter. */
  const spent = new Map<string, { token: string | null; at: number }>();

  async function write(entry: Kept): Promise<Written> {
    const { posted, fresh } = entry;
    const { id } = posted.account;
    entry.triedAt = clock.now();
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const metadata: JsonObject = { ...entry.state.account.metadata, ...entry.news };
        const next = nextTokens(entry.state, fresh);
        const stored = await refreshes.commit(id, entry.lease, next, metadata, clock.now());
        if (stored !== null) return { done: true, open: stored };
        const state = await refreshes.read(id);
        // Gone, or another token: this very one, whose first write was done unheard, or that of a new sign-in.
        if (state === null || !descendsFrom(state, posted)) return { done: true, open: state };
        // The posted token is still there, under another version or another's lease. It is spent and its successor is
        // here, so this write must win; the other's lease stays his.
        entry.lease = { owner: entry.lease.owner, fence: state.fence, version: state.version };
        entry.state = state;
      }
    } catch (error) {
      logger.error("refresh_not_stored", {
        account: id,
        reason: error instanceof Error ? error.message : "unknown",
      });
    }
    return { done: false };
  }

  function finish(entry: Kept, open: OpenAccount | null): void {
    const { id } = entry.posted.account;
    if (kept.get(id) === entry) kept.delete(id);
    const last = spent.get(id);
    if (last !== undefined) last.at = clock.now();
    if (open === null) accountCache.forget(id);
    else accountCache.learn(open);
  }

  /** Never gives up: as long as this runs, the tokens are not lost. */
  async function goOnWriting(entry: Kept): Promise<void> {
    const { id } = entry.posted.account;
    entry.triedAt = clock.now();
    for (let pause = WRITE_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_WRITE_PAUSE_MS)) {
      await clock.sleep(pause);
      if (kept.get(id) !== entry) return;
      const written = await write(entry);
      if (!written.done) continue;
      finish(entry, written.open);
      logger.info("refresh_stored_late", { account: id });
      return;
    }
  }

  return {
    async keep(state, lease, { accessToken, refreshToken, idToken, expiresAt, metadata = {} }) {
      const { account } = state;
      const fresh = { accessToken, refreshToken, idToken, expiresAt };
      const { expiresAt: _, spentToken, ...next } = nextTokens(state, fresh);
      const now = clock.now();
      const entry: Kept = {
        posted: state,
        lease,
        state,
        fresh,
        news: metadata,
        open: {
          account: {
            ...account,
            expiresAt,
            metadata: { ...account.metadata, ...metadata },
            lastRefreshAt: now,
            lastRefreshStatus: "ok",
            lastRefreshError: null,
          },
          secrets: next,
          version: state.version,
        },
        serves: false,
        triedAt: now,
      };
      kept.set(account.id, entry);
      if (spentToken !== null) spent.set(account.id, { token: spentToken, at: now });
      const written = await write(entry);
      if (written.done) {
        finish(entry, written.open);
        return written.open;
      }
      entry.serves = true;
      runtime.waitUntil(goOnWriting(entry));
      return entry.open;
    },

    unwritten(id) {
      const entry = kept.get(id);
      if (!entry?.serves) return null;
      if (clock.now() - entry.triedAt > WRITER_SILENT_MS) runtime.waitUntil(goOnWriting(entry));
      return entry.open;
    },

    async store(id) {
      const entry = kept.get(id);
      if (entry === undefined) return true;
      const written = await write(entry);
      if (written.done) finish(entry, written.open);
      return written.done;
    },

    isSpent(id, refreshToken) {
      const last = spent.get(id);
      if (last === undefined || last.token !== refreshToken) return false;
      return kept.has(id) || clock.now() - last.at < LEASE_MS;
    },
  };
}

/** The compare of the compare-and-swap, in terms of tokens: is what was posted still what is stored? */
function descendsFrom(state: RefreshState, posted: RefreshState): boolean {
  return state.secrets.refreshToken === posted.secrets.refreshToken;
}
