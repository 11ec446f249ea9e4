/**
 * Keeps refreshed tokens until they are stored. The caller waits for the first write; if it fails, the tokens stay in
 * memory and serve this isolate's requests while the write is retried in the background. Only newer tokens replace them.
 */
import type { JsonObject } from "../../json.ts";
import type { RefreshResult } from "../../providers/provider.ts";
import type { Clock, Logger, Runtime } from "../../runtime.ts";
import type { Lease, OpenAccount, RefreshState, RefreshStore } from "../../storage/port.ts";
import type { AccountCache } from "../account-cache.ts";
import { type FreshTokens, nextTokens } from "./next-tokens.ts";
import { LEASE_MS, LONGEST_WRITE_PAUSE_MS, WRITE_PAUSE_MS } from "./timing.ts";

type Refreshed = Extract<RefreshResult, { status: "refreshed" }>;

interface PendingWrite {
  /** The state whose refresh token was posted. */
  readonly posted: RefreshState;
  /** The lease for the next write, and the state of the same version, whose other members the write preserves. */
  lease: Lease;
  state: RefreshState;
  readonly fresh: FreshTokens;
  /** Metadata that the refresh brought. */
  readonly metadata: JsonObject;
  /** The account with the refreshed tokens. */
  readonly open: OpenAccount;
  /** `writing`: the first write is under way. `retrying`: it failed, and the account is served from memory. */
  phase: "writing" | "retrying";
  /** When the last write was attempted, epoch ms. A platform may end the background retry without notice. */
  attemptedAt: number;
}

type WriteResult = { done: true; open: OpenAccount | null } | { done: false };

/** Attempts per write; each fails only because another writer changed the same account. */
const MAX_ROUNDS = 8;

/** A background retry that made no attempt for this long was ended by its platform, ms. */
const RETRY_SILENT_MS = LONGEST_WRITE_PAUSE_MS + 15_000;

export class PendingWrites {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waitUntil: Runtime["waitUntil"];
  readonly #refreshes: RefreshStore;
  readonly #accountCache: AccountCache;
  /** By account id. */
  readonly #pending = new Map<string, PendingWrite>();
  /** The last used-up refresh token of each account, and when it was last relevant, epoch ms. */
  readonly #spent = new Map<string, { token: string | null; at: number }>();

  constructor({ clock, logger, waitUntil, storage }: Runtime, accountCache: AccountCache) {
    this.#clock = clock;
    this.#logger = logger;
    this.#waitUntil = waitUntil;
    this.#refreshes = storage.refreshes;
    this.#accountCache = accountCache;
  }

  /**
   * Stores the result of refreshing `state`. Resolves with the account to use, whether it could be stored or not; null
   * if the account is gone.
   */
  async store(state: RefreshState, lease: Lease, result: Refreshed): Promise<OpenAccount | null> {
    const { id } = state.account;
    const entry = this.#entryFor(state, lease, result);
    this.#pending.set(id, entry);
    const { spentToken } = nextTokens(state, entry.fresh);
    if (spentToken !== null) this.#spent.set(id, { token: spentToken, at: this.#clock.now() });
    const written = await this.#write(entry);
    if (written.done) {
      this.#finish(entry, written.open);
      return written.open;
    }
    entry.phase = "retrying";
    this.#waitUntil(this.#retry(entry));
    return entry.open;
  }

  /** The account with tokens that could not be stored yet, or null. Restarts the background retry if it was ended. */
  unwritten(id: string): OpenAccount | null {
    const entry = this.#pending.get(id);
    if (entry?.phase !== "retrying") return null;
    if (this.#clock.now() - entry.attemptedAt > RETRY_SILENT_MS) this.#waitUntil(this.#retry(entry));
    return entry.open;
  }

  /** Attempts to store the tokens of `unwritten` now; true once nothing is pending. */
  async flush(id: string): Promise<boolean> {
    const entry = this.#pending.get(id);
    if (entry === undefined) return true;
    const written = await this.#write(entry);
    if (written.done) this.#finish(entry, written.open);
    return written.done;
  }

  /** True for a refresh token that this isolate has used up, until every isolate must have noticed. */
  isSpent(id: string, refreshToken: string | null): boolean {
    const last = this.#spent.get(id);
    if (last === undefined || last.token !== refreshToken) return false;
    return this.#pending.has(id) || this.#clock.now() - last.at < LEASE_MS;
  }

  #entryFor(state: RefreshState, lease: Lease, { metadata = {}, ...tokens }: Refreshed): PendingWrite {
    const { account, version } = state;
    const { accessToken, refreshToken, idToken, expiresAt } = tokens;
    const fresh = { accessToken, refreshToken, idToken, expiresAt };
    const { expiresAt: _, spentToken, ...secrets } = nextTokens(state, fresh);
    const now = this.#clock.now();
    const refreshed = {
      ...account,
      expiresAt,
      metadata: { ...account.metadata, ...metadata },
      lastRefreshAt: now,
      lastRefreshStatus: "ok" as const,
      lastRefreshError: null,
    };
    const open = { account: refreshed, secrets, version };
    return { posted: state, lease, state, fresh, metadata, open, phase: "writing", attemptedAt: now };
  }

  async #write(entry: PendingWrite): Promise<WriteResult> {
    const { id } = entry.posted.account;
    entry.attemptedAt = this.#clock.now();
    try {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const written = await this.#compareAndSwap(entry);
        if (written.done) return written;
      }
    } catch (error) {
      this.#logger.error("refresh_not_stored", {
        account: id,
        reason: error instanceof Error ? error.message : "unknown",
      });
    }
    return { done: false };
  }

  async #compareAndSwap(entry: PendingWrite): Promise<WriteResult> {
    const { posted, fresh, lease } = entry;
    const { id } = posted.account;
    const metadata: JsonObject = { ...entry.state.account.metadata, ...entry.metadata };
    const next = nextTokens(entry.state, fresh);
    const stored = await this.#refreshes.commit(id, lease, next, metadata, this.#clock.now());
    if (stored !== null) return { done: true, open: stored };
    const state = await this.#refreshes.read(id);
    // Gone, or another token: this one, if the response to its write was lost, or that of a new sign-in.
    if (state === null || !holdsPostedToken(state, posted)) return { done: true, open: state };
    // The posted token is still stored, under another version or another lease. It is spent and only this isolate has
    // its successor, so this write must win. It does not end the other lease.
    entry.lease = { owner: lease.owner, fence: state.fence, version: state.version };
    entry.state = state;
    return { done: false };
  }

  #finish(entry: PendingWrite, open: OpenAccount | null): void {
    const { id } = entry.posted.account;
    if (this.#pending.get(id) === entry) this.#pending.delete(id);
    const last = this.#spent.get(id);
    if (last !== undefined) last.at = this.#clock.now();
    if (open === null) this.#accountCache.forget(id);
    else this.#accountCache.learn(open);
  }

  /** Never gives up: the tokens are not lost as long as this runs. */
  async #retry(entry: PendingWrite): Promise<void> {
    const { id } = entry.posted.account;
    entry.attemptedAt = this.#clock.now();
    for (let pause = WRITE_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_WRITE_PAUSE_MS)) {
      await this.#clock.sleep(pause);
      if (this.#pending.get(id) !== entry) return;
      const written = await this.#write(entry);
      if (!written.done) continue;
      this.#finish(entry, written.open);
      this.#logger.info("refresh_stored_late", { account: id });
      return;
    }
  }
}

/** The comparison of the compare-and-swap: true while the token that was posted is still the stored one. */
function holdsPostedToken(state: RefreshState, posted: RefreshState): boolean {
  return state.secrets.refreshToken === posted.secrets.refreshToken;
}
