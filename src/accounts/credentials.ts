/**
 * The secret that a request is sent upstream with. A token that expires soon is refreshed in the background, an expired
 * one before the request is sent, and a rejected one once (refresh.ts).
 */
import { KleisError } from "../errors.ts";
import type { Credential } from "../providers/account.ts";
import type { AccountRecord, AccountSecrets, OpenAccount } from "../storage/port.ts";
import { type ReportStatus, watchRejections } from "./credential-rejection.ts";
import { nothingToRefresh, type Refreshing } from "./refresh/attempt.ts";
import { refreshError } from "./refresh/outcome.ts";
import { Refresher, type RefresherDeps } from "./refresh/refresh.ts";
import { dueOf, YOUNG_MS } from "./refresh/timing.ts";

export interface Credentials {
  /**
   * Throws `account_needs_login` when the account has no usable token, `refresh_failed` when it could not be refreshed
   * for now.
   */
  fresh(account: AccountRecord): Promise<Credential>;
  /** After the provider rejected a credential with 401: another one to try once, or null when there is none. */
  renew(account: AccountRecord, rejected: Credential): Promise<Credential | null>;
  /**
   * After a 421, which means that another host serves the account: the account with its new host, or null when a refresh
   * found no other. Throws as `fresh` does.
   */
  relocate(account: AccountRecord): Promise<AccountRecord | null>;
  /** Reports the status of every response of the provider, to notice rejected credentials (credential-rejection.ts). */
  readonly answered: ReportStatus;
  /**
   * Refreshes at the owner's request. Null when there is no such account; throws as `fresh` does, and `invalid_request`
   * for an account that has nothing to refresh.
   */
  refresh(id: string): Promise<AccountRecord | null>;
}

/** A token that is already expired after a refresh is refreshed once more, then sent as it is. */
const ROUNDS = 2;

export function createCredentials(deps: RefresherDeps): Credentials {
  const { runtime, accountCache } = deps;
  const { clock } = runtime;
  const refresher = new Refresher(deps);

  const refreshable = (account: AccountRecord): boolean =>
    account.kind === "oauth" && providerOf(deps.providers, account)?.refresh !== undefined;

  /** Whether the account can be refreshed: an access token without a refresh token works until the provider ends it. */
  const renewable = ({ account, secrets }: OpenAccount): boolean =>
    refreshable(account) &&
    (secrets.refreshToken !== null || providerOf(deps.providers, account)?.rotates !== true);

  async function renewed(open: OpenAccount): Promise<OpenAccount> {
    const { id } = open.account;
    const outcome = await refresher.obtain(id, open.version);
    if (outcome.status === "fresh") return outcome.open;
    throw refreshError(id, outcome);
  }

  async function usable(first: OpenAccount): Promise<OpenAccount> {
    let open = first;
    if (!refreshable(open.account)) return open;
    for (let round = 0; round < ROUNDS; round++) {
      if (open.account.status === "needs_login") throw needsLogin(open.account);
      // Its expiry may be wrong and it cannot be refreshed: only a 401 shows that it has ended.
      if (open.secrets.accessToken !== null && !renewable(open)) return open;
      const due = open.secrets.accessToken === null ? "now" : dueOf(open.account, clock.now());
      if (due === "later") return open;
      if (due === "soon") {
        // Without a refresh token, an early refresh gains nothing and risks a sign-in that still works.
        if (open.secrets.refreshToken !== null) refresher.early(open);
        return open;
      }
      open = await renewed(open);
    }
    return open;
  }

  return {
    async fresh({ id }) {
      const open = refresher.unwritten(id) ?? (await accountCache.open(id));
      if (open === null) throw refreshError(id, { status: "gone" });
      return toCredential(await usable(open));
    },

    async renew(account, rejected) {
      const { id } = account;
      if (!refreshable(account)) return null;
      const other = (open: OpenAccount) =>
        open.secrets.accessToken !== null && open.secrets.accessToken !== rejected.token
          ? toCredential(open)
          : null;

      const unwritten = refresher.unwritten(id);
      if (unwritten !== null) return other(unwritten);
      const known = await accountCache.open(id);
      const remembered = known && other(known);
      if (remembered) return remembered;

      const stored = await refresher.current(id);
      if (stored === null || stored.account.status === "needs_login") return null;
      accountCache.learn(stored);
      // Another isolate has refreshed already.
      const rotated = other(stored);
      if (rotated) return rotated;
      // Only its expiry tells whether the token has ended for good.
      if (!renewable(stored) && dueOf(stored.account, clock.now()) !== "now") return null;
      // Unless a refresh is under way, which may be why the token was rejected.
      if (isYoung(stored.account, clock.now()) && stored.leasedForMs === 0) return null;
      const outcome = await refresher.obtain(id, stored.version);
      return outcome.status === "fresh" ? other(outcome.open) : null;
    },

    async relocate(account) {
      const { id } = account;
      // Where a refresh uses up a token, it is not used to find the host.
      if (!refreshable(account) || providerOf(deps.providers, account)?.rotates === true) return null;
      const elsewhere = (other: AccountRecord) =>
        JSON.stringify(other.metadata) === JSON.stringify(account.metadata) ? null : other;
      const stored = await refresher.current(id);
      if (stored === null || stored.account.status === "needs_login") return null;
      accountCache.learn(stored);
      const found = elsewhere(stored.account);
      if (found !== null || isYoung(stored.account, clock.now())) return found;
      const outcome = await refresher.obtain(id, stored.version);
      return outcome.status === "fresh" ? elsewhere(outcome.open.account) : null;
    },

    answered: watchRejections(runtime, accountCache, renewable),

    async refresh(id) {
      const stored = refresher.unwritten(id) ?? (await refresher.current(id));
      if (stored === null) return null;
      const { account } = stored;
      if (!refreshable(account)) throw nothingToRefresh();
      if (account.status === "needs_login") throw needsLogin(account);
      if (!renewable(stored)) throw noRefreshToken();
      return (await renewed(stored)).account;
    },
  };
}

function providerOf(providers: readonly Refreshing[], account: AccountRecord): Refreshing | undefined {
  return providers.find(({ id }) => id === account.provider);
}

function isYoung({ lastRefreshAt, lastRefreshStatus }: AccountRecord, now: number): boolean {
  return lastRefreshStatus === "ok" && lastRefreshAt !== null && Math.abs(now - lastRefreshAt) < YOUNG_MS;
}

function toCredential({ account, secrets }: { account: AccountRecord; secrets: AccountSecrets }): Credential {
  const token = account.kind === "api_key" ? secrets.apiKey : secrets.accessToken;
  if (token) return { kind: account.kind, token };
  throw new KleisError(
    "account_needs_login",
    `The account ${account.id} has no token. Connect it again on the admin page.`,
  );
}

function needsLogin({ id, statusReason }: AccountRecord): KleisError {
  return refreshError(id, { status: "needs_login", reason: statusReason ?? "" });
}

function noRefreshToken(): KleisError {
  return new KleisError(
    "invalid_request",
    "There is nothing to refresh: this account was imported without a refresh token. Its access token works until the provider ends it; connect the account again then.",
  );
}
