/**
 * The secret that a request is sent upstream with. A token that expires soon is refreshed in the background, an expired
 * one before the request is sent, and a rejected one once (refresh.ts).
 */
import { KleisError } from "../errors.ts";
import type { Credential } from "../providers/account.ts";
import type { AccountRecord, AccountSecrets, OpenAccount, RefreshState } from "../storage/port.ts";
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
  return new RefreshedCredentials(deps);
}

class RefreshedCredentials implements Credentials {
  readonly #deps: RefresherDeps;
  readonly #refresher: Refresher;
  readonly answered: ReportStatus;

  constructor(deps: RefresherDeps) {
    this.#deps = deps;
    this.#refresher = new Refresher(deps);
    this.answered = watchRejections(deps.runtime, deps.accountCache, (open) => this.#isRenewable(open));
  }

  async fresh({ id }: AccountRecord): Promise<Credential> {
    const open = this.#refresher.unwritten(id) ?? (await this.#deps.accountCache.open(id));
    if (open === null) throw refreshError(id, { status: "gone" });
    return toCredential(await this.#usable(open));
  }

  async renew(account: AccountRecord, rejected: Credential): Promise<Credential | null> {
    const { id } = account;
    if (!this.#isRefreshable(account)) return null;
    const unwritten = this.#refresher.unwritten(id);
    if (unwritten !== null) return otherThan(rejected, unwritten);
    const known = await this.#deps.accountCache.open(id);
    const cached = known && otherThan(rejected, known);
    if (cached) return cached;

    const stored = await this.#current(id);
    if (stored === null) return null;
    // Another isolate has refreshed already.
    const rotated = otherThan(rejected, stored);
    if (rotated) return rotated;
    const now = this.#now();
    // Only its expiry tells whether the token has ended for good.
    if (!this.#isRenewable(stored) && dueOf(stored.account, now) !== "now") return null;
    // Unless a refresh is under way, which may be why the token was rejected.
    if (isYoung(stored.account, now) && stored.leasedForMs === 0) return null;
    const outcome = await this.#refresher.obtain(id, stored.version);
    return outcome.status === "fresh" ? otherThan(rejected, outcome.open) : null;
  }

  async relocate(account: AccountRecord): Promise<AccountRecord | null> {
    const { id } = account;
    // Where a refresh uses up a token, it is not used to find the host.
    if (!this.#isRefreshable(account) || this.#providerOf(account)?.rotates === true) return null;
    const elsewhere = (other: AccountRecord) =>
      JSON.stringify(other.metadata) === JSON.stringify(account.metadata) ? null : other;
    const stored = await this.#current(id);
    if (stored === null) return null;
    const found = elsewhere(stored.account);
    if (found !== null || isYoung(stored.account, this.#now())) return found;
    const outcome = await this.#refresher.obtain(id, stored.version);
    return outcome.status === "fresh" ? elsewhere(outcome.open.account) : null;
  }

  async refresh(id: string): Promise<AccountRecord | null> {
    const stored = this.#refresher.unwritten(id) ?? (await this.#refresher.current(id));
    if (stored === null) return null;
    const { account } = stored;
    if (!this.#isRefreshable(account)) throw nothingToRefresh();
    if (account.status === "needs_login") throw needsLogin(account);
    if (!this.#isRenewable(stored)) throw noRefreshToken();
    return (await this.#renewed(stored)).account;
  }

  async #usable(first: OpenAccount): Promise<OpenAccount> {
    let open = first;
    if (!this.#isRefreshable(open.account)) return open;
    for (let round = 0; round < ROUNDS; round++) {
      if (open.account.status === "needs_login") throw needsLogin(open.account);
      // Its expiry may be wrong and it cannot be refreshed: only a 401 shows that it has ended.
      if (open.secrets.accessToken !== null && !this.#isRenewable(open)) return open;
      const due = open.secrets.accessToken === null ? "now" : dueOf(open.account, this.#now());
      if (due === "later") return open;
      if (due === "soon") {
        // Without a refresh token, an early refresh gains nothing and risks a sign-in that still works.
        if (open.secrets.refreshToken !== null) this.#refresher.early(open);
        return open;
      }
      open = await this.#renewed(open);
    }
    return open;
  }

  async #renewed(open: OpenAccount): Promise<OpenAccount> {
    const { id } = open.account;
    const outcome = await this.#refresher.obtain(id, open.version);
    if (outcome.status === "fresh") return outcome.open;
    throw refreshError(id, outcome);
  }

  /** The account as it is stored, which the cache learns; null when it is gone or must sign in again. */
  async #current(id: string): Promise<RefreshState | null> {
    const stored = await this.#refresher.current(id);
    if (stored === null || stored.account.status === "needs_login") return null;
    this.#deps.accountCache.learn(stored);
    return stored;
  }

  #isRefreshable(account: AccountRecord): boolean {
    return account.kind === "oauth" && this.#providerOf(account)?.refresh !== undefined;
  }

  /** Whether the account can be refreshed: an access token without a refresh token works until the provider ends it. */
  #isRenewable({ account, secrets }: OpenAccount): boolean {
    if (!this.#isRefreshable(account)) return false;
    return secrets.refreshToken !== null || this.#providerOf(account)?.rotates !== true;
  }

  #providerOf(account: AccountRecord): Refreshing | undefined {
    return this.#deps.providers.find(({ id }) => id === account.provider);
  }

  #now(): number {
    return this.#deps.runtime.clock.now();
  }
}

/** The account's token, unless it is the one that was rejected. */
function otherThan(rejected: Credential, open: OpenAccount): Credential | null {
  const { accessToken } = open.secrets;
  return accessToken !== null && accessToken !== rejected.token ? toCredential(open) : null;
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
