/**
 * One attempt to refresh one version of an account's token: lease, intent, provider call, write. Resolves with `busy`
 * when another attempt holds the lease. Run it under `waitUntil`: once the token is posted, its successor must be stored.
 */
import { errorCodeOf } from "../../error-code.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { randomId } from "../../keys/secret.ts";
import { errorFacts } from "../../log/error-facts.ts";
import type { IdentityFetch, Provider, RefreshResult } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { Lease, RefreshState } from "../../storage/port.ts";
import { StorageError } from "../../storage/port.ts";
import type { AccountCache } from "../account-cache.ts";
import { createIdentityFetch } from "../identity-fetch.ts";
import { nextTokens } from "./next-tokens.ts";
import { type RefreshStatus, redact, refreshStatus, UNANSWERED } from "./outcome.ts";
import type { PendingWrites } from "./pending-writes.ts";
import { retryStorage } from "./retry-storage.ts";
import { BEGIN_WITHIN_MS, backOff, CALL_LIMIT_MS, dueOf, LEASE_MS } from "./timing.ts";

/** What a refresh needs of a provider. */
export type Refreshing = Pick<Provider, "id" | "rotates" | "refresh" | "identityOrigins">;

export interface AttemptDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Refreshing[];
  readonly accountCache: AccountCache;
  readonly pendingWrites: PendingWrites;
}

/** Never `free`. Rejects with `StorageError` when the store failed before anything was posted. */
export async function attemptRefresh(deps: AttemptDeps, id: string, version: number): Promise<RefreshStatus> {
  const { runtime, pendingWrites } = deps;
  const { clock } = runtime;
  const { refreshes } = runtime.storage;

  const unwritten = pendingWrites.unwritten(id);
  if (unwritten !== null) {
    if (dueOf(unwritten.account, clock.now()) !== "now") return { status: "fresh", open: unwritten };
    // It expired before it was stored. Its refresh token must not be posted until it is.
    if (!(await pendingWrites.flush(id))) throw new StorageError("the refreshed tokens are not stored yet");
    return { status: "busy" };
  }

  const askedAt = clock.now();
  const owner = randomId(runtime, "ref_");
  const reply = await retryStorage(clock, () => refreshes.acquire(id, { owner, version, leaseMs: LEASE_MS }));
  if (reply === null) return { status: "gone" };
  const { acquired, state } = reply;
  if (!acquired) {
    const status = refreshStatus(state, version);
    return status.status === "free" ? { status: "busy" } : status;
  }
  return refreshUnderLease(deps, state, { owner, fence: state.fence, version }, askedAt);
}

async function refreshUnderLease(
  deps: AttemptDeps,
  state: RefreshState,
  lease: Lease,
  askedAt: number,
): Promise<RefreshStatus> {
  const { runtime, pendingWrites } = deps;
  const { clock } = runtime;
  const { refreshes } = runtime.storage;
  const { id } = state.account;
  // An intent that an earlier attempt left open stays open; this attempt's own is open from the post on.
  let { unanswered } = state;
  const release = () =>
    runtime.waitUntil(
      retryStorage(clock, () => refreshes.release(id, lease, unanswered)).catch(() => undefined),
    );
  try {
    const provider = deps.providers.find((each) => each.id === state.account.provider);
    if (provider?.refresh === undefined) throw nothingToRefresh();
    const isMine = await retryStorage(clock, () => refreshes.intend(id, lease));
    // An isolate that was frozen for longer than its own lease may have the provider's response by now.
    const isSpent = pendingWrites.isSpent(id, state.secrets.refreshToken);
    if (!isMine || isSpent || clock.now() - askedAt > BEGIN_WITHIN_MS) {
      release();
      return { status: "busy" };
    }
    unanswered = true;
    const { result, wasRefused } = await callProvider(runtime, provider, state);
    return await recordResult(deps, state, lease, result, state.unanswered || !wasRefused);
  } catch (error) {
    release();
    throw error;
  }
}

/** Error for an account that does not expire. */
export function nothingToRefresh(): KleisError {
  return new KleisError("invalid_request", "There is nothing to refresh: this account does not expire.");
}

interface ProviderReply {
  result: RefreshResult;
  /** The last response was a 4xx: the posted token is not used up. After a 5xx or no response it may be. */
  wasRefused: boolean;
}

async function callProvider(
  runtime: Runtime,
  provider: Refreshing,
  { account, secrets }: RefreshState,
): Promise<ProviderReply> {
  const { accessToken, refreshToken, idToken } = secrets;
  const input = { account, accessToken, refreshToken, idToken, config: runtime.config };
  let wasRefused = false;
  const as = (result: RefreshResult): ProviderReply => ({ result, wasRefused });
  try {
    const limits = { callMs: CALL_LIMIT_MS, totalMs: CALL_LIMIT_MS };
    const identity = createIdentityFetch(runtime, provider, account.metadata, limits);
    const observed: IdentityFetch = {
      ...identity,
      async fetch(url, init) {
        wasRefused = false;
        const response = await identity.fetch(url, init);
        wasRefused = response.status >= 400 && response.status < 500;
        return response;
      },
    };
    return as((await provider.refresh?.(input, observed)) ?? { status: "valid" });
  } catch (error) {
    if (error instanceof KleisError) {
      runtime.logger.warn("refresh_unanswered", {
        account: account.id,
        code: error.code,
        cause: errorCodeOf(error.cause),
      });
      return as({ status: "unavailable", reason: error.message });
    }
    runtime.logger.error("refresh_unforeseen", { account: account.id, ...errorFacts(error) });
    return as({ status: "unavailable", reason: "Kleis failed unexpectedly. The log has the details." });
  }
}

async function recordResult(
  deps: AttemptDeps,
  state: RefreshState,
  lease: Lease,
  result: RefreshResult,
  unanswered: boolean,
): Promise<RefreshStatus> {
  const { runtime, accountCache, pendingWrites } = deps;
  const { clock, logger } = runtime;
  const { refreshes } = runtime.storage;
  const { id } = state.account;
  logger.info("refresh", { account: id, provider: state.account.provider, result: result.status });

  /** When the write did nothing, something else is stored now, and that decides. */
  const stored = async () =>
    refreshStatus(await retryStorage(clock, () => refreshes.read(id)), lease.version);
  const record = (write: () => Promise<boolean>) =>
    retryStorage(clock, write).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      // The caller gets the result all the same; the lease expires by itself.
      logger.error("refresh_not_noted", { account: id, reason: error.message });
      return true;
    });

  switch (result.status) {
    case "refreshed": {
      const open = await pendingWrites.store(state, lease, result);
      return open === null ? { status: "gone" } : { status: "fresh", open };
    }
    case "valid": {
      const metadata: JsonObject = { ...state.account.metadata, ...result.metadata };
      const same = nextTokens(state, null);
      const open = await retryStorage(clock, () => refreshes.commit(id, lease, same, metadata, clock.now()));
      if (open === null) return stored();
      accountCache.learn(open);
      return { status: "fresh", open };
    }
    case "rejected": {
      const text = state.unanswered ? `${result.reason} ${UNANSWERED}` : result.reason;
      const reason = redact(text, state.secrets);
      // Effective only while the rejected token is still the stored one, which the write itself checks.
      if (!(await record(() => refreshes.reject(id, lease, reason, clock.now())))) return stored();
      accountCache.forget(id);
      return { status: "needs_login", reason };
    }
    case "unavailable": {
      const reason = redact(result.reason, state.secrets);
      const failures = state.failures + 1;
      const waitMs = backOff(failures, result.retryAfterMs);
      const failure = { reason, failures, waitMs, unanswered };
      if (!(await record(() => refreshes.postpone(id, lease, failure, clock.now())))) return stored();
      return { status: "unavailable", reason, retryInMs: waitMs };
    }
  }
}
