/**
 * One attempt to refresh one version of an account's token: lease, intent, provider call, write. It says `busy` when
 * another holds the lease. Run it under `waitUntil`: once the token is posted, the answer must find its way to the store.
 */
import { errorCodeOf } from "../../error-code.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { randomId } from "../../keys/secret.ts";
import { errorFacts } from "../../log/error-facts.ts";
import type { Provider, ProviderNet, RefreshResult } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { Lease, RefreshState } from "../../storage/port.ts";
import { StorageError } from "../../storage/port.ts";
import type { AccountCache } from "../account-cache.ts";
import { createProviderNet } from "../identity-fetch.ts";
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

/** Never `free`. Rejects with `StorageError` when the store did not answer before anything was posted. */
export async function attemptRefresh(deps: AttemptDeps, id: string, version: number): Promise<RefreshStatus> {
  const { runtime, pendingWrites } = deps;
  const { clock } = runtime;
  const { refreshes } = runtime.storage;

  const unwritten = pendingWrites.unwritten(id);
  if (unwritten !== null) {
    if (dueOf(unwritten.account, clock.now()) !== "now") return { status: "fresh", open: unwritten };
    // It ended before it was stored. Its refresh token must not be posted until it is.
    if (!(await pendingWrites.store(id))) throw new StorageError("the fresh tokens are not stored yet");
    return { status: "busy" };
  }

  const asked = clock.now();
  const owner = randomId(runtime, "ref_");
  const answer = await retryStorage(clock, () =>
    refreshes.acquire(id, { owner, version, leaseMs: LEASE_MS }),
  );
  if (answer === null) return { status: "gone" };
  const { acquired, state } = answer;
  if (!acquired) {
    const seen = refreshStatus(state, version);
    return seen.status === "free" ? { status: "busy" } : seen;
  }

  const lease: Lease = { owner, fence: state.fence, version };
  // What an earlier attempt left open stays open; this one's own intent is open from the post on.
  let { unanswered } = state;
  const letGo = () =>
    runtime.waitUntil(
      retryStorage(clock, () => refreshes.release(id, lease, unanswered)).catch(() => undefined),
    );
  try {
    const provider = deps.providers.find((each) => each.id === state.account.provider);
    if (provider?.refresh === undefined) throw nothingToRefresh();
    const isMine = await retryStorage(clock, () => refreshes.intend(id, lease));
    // An isolate that froze past a lease of its own may have the answer by now that it got under it.
    const isSpent = pendingWrites.isSpent(id, state.secrets.refreshToken);
    if (!isMine || isSpent || clock.now() - asked > BEGIN_WITHIN_MS) {
      letGo();
      return { status: "busy" };
    }
    unanswered = true;
    const { result, wasRefused } = await callProvider(runtime, provider, state);
    return await settle(deps, state, lease, result, state.unanswered || !wasRefused);
  } catch (error) {
    letGo();
    throw error;
  }
}

/** The refusal for an account of a kind that does not expire. */
export function nothingToRefresh(): KleisError {
  return new KleisError("invalid_request", "There is nothing to refresh: this account does not expire.");
}

interface Called {
  result: RefreshResult;
  /** The last answer was a refusal (4xx): what was posted is not used up. After 5xx, or none, it may be. */
  wasRefused: boolean;
}

async function callProvider(
  runtime: Runtime,
  provider: Refreshing,
  { account, secrets }: RefreshState,
): Promise<Called> {
  const { accessToken, refreshToken, idToken } = secrets;
  const input = { account, accessToken, refreshToken, idToken, config: runtime.config };
  let wasRefused = false;
  const as = (result: RefreshResult): Called => ({ result, wasRefused });
  try {
    const limits = { callMs: CALL_LIMIT_MS, totalMs: CALL_LIMIT_MS };
    const net = createProviderNet(runtime, provider, account.metadata, limits);
    const heard: ProviderNet = {
      ...net,
      async fetch(url, init) {
        wasRefused = false;
        const answer = await net.fetch(url, init);
        wasRefused = answer.status >= 400 && answer.status < 500;
        return answer;
      },
    };
    return as((await provider.refresh?.(input, heard)) ?? { status: "valid" });
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
    return as({ status: "unavailable", reason: "Something went wrong inside Kleis. The log says where." });
  }
}

async function settle(
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

  /** The result was not noted, because something else is stored now: that counts. */
  const lookAgain = async () =>
    refreshStatus(await retryStorage(clock, () => refreshes.read(id)), lease.version);
  const noted = (note: () => Promise<boolean>) =>
    retryStorage(clock, note).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      // The caller is told all the same; the lease runs out by itself.
      logger.error("refresh_not_noted", { account: id, reason: error.message });
      return true;
    });

  switch (result.status) {
    case "refreshed": {
      const open = await pendingWrites.keep(state, lease, result);
      return open === null ? { status: "gone" } : { status: "fresh", open };
    }
    case "valid": {
      const metadata: JsonObject = { ...state.account.metadata, ...result.metadata };
      const same = nextTokens(state, null);
      const open = await retryStorage(clock, () => refreshes.commit(id, lease, same, metadata, clock.now()));
      if (open === null) return lookAgain();
      accountCache.learn(open);
      return { status: "fresh", open };
    }
    case "rejected": {
      const words = state.unanswered ? `${result.reason} ${UNANSWERED}` : result.reason;
      const reason = redact(words, state.secrets);
      // Compares in the statement that writes: believed only while the very token that was refused is still stored.
      if (!(await noted(() => refreshes.reject(id, lease, reason, clock.now())))) return lookAgain();
      accountCache.forget(id);
      return { status: "needs_login", reason };
    }
    case "unavailable": {
      const reason = redact(result.reason, state.secrets);
      const failures = state.failures + 1;
      const waitMs = backOff(failures, result.retryAfterMs);
      const failure = { reason, failures, waitMs, unanswered };
      if (!(await noted(() => refreshes.postpone(id, lease, failure, clock.now())))) return lookAgain();
      return { status: "unavailable", reason, retryInMs: waitMs };
    }
  }
}
