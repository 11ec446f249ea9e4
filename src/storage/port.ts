/**
 * The storage port: what Kleis asks of a store, in the terms of its own domain.
 * Speaks plaintext; the implementation seals what the table in `libsql/schema.ts` marks as sealed.
 * All times are epoch milliseconds. Every method rejects with `StorageError` when the store cannot be reached.
 */
import type { JsonObject } from "../json.ts";
import type { CoolingClass } from "../providers/limit.ts";
import type { RefusalClass, RefusalScope } from "../providers/refusal.ts";

/** Storage failed: unreachable, timed out, full or broken. Never holds a secret. */
export class StorageError extends Error {
  /** True for a failure that needs an operator (a full disk, a missing file): an immediate retry is useless. */
  readonly lasts: boolean;

  constructor(message: string, { lasts = false, ...options }: { cause?: unknown; lasts?: boolean } = {}) {
    super(message, options);
    this.name = "StorageError";
    this.lasts = lasts;
  }
}

/** The imported refresh token has been used already: this account holds its successor. */
export class SpentTokenError extends Error {
  readonly account: AccountRecord;

  constructor(account: AccountRecord) {
    super("this refresh token was replaced by a newer one");
    this.name = "SpentTokenError";
    this.account = account;
  }
}

/** ENCRYPTION_KEY decrypts none of the stored secrets. The message says what to do. */
export class WrongKeyError extends StorageError {
  constructor(message: string) {
    super(message);
    this.name = "WrongKeyError";
  }
}

export type AccountKind = "oauth" | "api_key";
export type AccountStatus = "active" | "needs_login";

/** The last refusal of an account's provider that its owner should know of. */
export interface RefusalNote {
  class: RefusalClass;
  scope: RefusalScope;
  /** The model's id as the provider spells it. */
  model: string;
  /** True where tokens were to be counted, which providers may allow while they refuse answers. */
  counts: boolean;
  /** The provider's words, redacted and bounded; null where it had none. */
  words: string | null;
  /** What the owner can do. */
  advice: string;
  /** Epoch ms. */
  at: number;
}

/** One account at a provider, without its secrets. */
export interface AccountRecord {
  id: string;
  /** The provider's id, for example `claude`. */
  provider: string;
  kind: AccountKind;
  /** Who this is at the provider; with provider and kind it is unique, so that re-connecting updates in place. */
  externalId: string;
  label: string;
  enabled: boolean;
  /** At most one per provider, which the database enforces. */
  primary: boolean;
  status: AccountStatus;
  /** Why the status is what it is, or what is wrong with an active account, in words for the owner; null when all is well. */
  statusReason: string | null;
  /** What the provider needs to know about the account besides secrets (plan, e-mail, API host, …). */
  metadata: JsonObject;
  /** When the access token ends; null when it has no end or none is known. */
  expiresAt: number | null;
  lastRefreshAt: number | null;
  lastRefreshStatus: "ok" | "failed" | null;
  /** Redacted reason of the last failed refresh. */
  lastRefreshError: string | null;
  /** Null once a later request of the same kind has succeeded. */
  lastRefusal: RefusalNote | null;
  /** The owner's order of the accounts that take over, lowest first; null comes after every number. */
  rank: number | null;
  createdAt: number;
  updatedAt: number;
}

/** An account's secrets. Which are present depends on its kind. */
export interface AccountSecrets {
  accessToken: string | null;
  refreshToken: string | null;
  idToken: string | null;
  apiKey: string | null;
}

/** An account and its secrets, read together. */
export interface OpenAccount {
  account: AccountRecord;
  secrets: AccountSecrets;
  /** Rises with every write of secrets: the same version means the same secrets. */
  version: number;
}

export interface NewAccount extends AccountSecrets {
  id: string;
  provider: string;
  kind: AccountKind;
  externalId: string;
  label: string;
  metadata: JsonObject;
  expiresAt: number | null;
  /** What to say beside it from now on; absent and null for nothing. */
  statusReason?: string | null;
  now: number;
}

/** Which page of a list is requested. */
export interface PageOptions {
  /** Maximum number of entries. */
  limit: number;
  /** The id of the entry after which the page begins, or before which it ends; without either, the first page. */
  after?: string | undefined;
  before?: string | undefined;
}

/** A page of a list, in the list's order. */
export interface ListPage<Entry> {
  entries: Entry[];
  /** Whether there are entries before the first one and after the last one. */
  hasBefore: boolean;
  hasAfter: boolean;
}

/** What is said beside an active account from now on, and what was until now; null for nothing. */
export interface ReasonChange {
  /** The version of the secrets that it is about. */
  version: number;
  from: string | null;
  to: string | null;
}

/** What the owner may change of an account; absent members keep their value. */
export interface AccountChange {
  label?: string;
  enabled?: boolean;
  rank?: number | null;
}

export interface AccountStore {
  /** All of them, oldest first. */
  list(): Promise<AccountRecord[]>;
  /** A part of that list; null when the options name an account that is not there. */
  page(options: PageOptions): Promise<ListPage<AccountRecord> | null>;
  get(id: string): Promise<AccountRecord | null>;
  /** Decrypts the secrets; null when there is no such account. Rejects with `SealError` when one cannot be decrypted. */
  secrets(id: string): Promise<AccountSecrets | null>;
  /** The account together with its secrets; otherwise as `secrets`. */
  open(id: string): Promise<OpenAccount | null>;
  /**
   * Inserts, or updates in place the account of the same provider, kind and external id (keeping its id, label and
   * creation time, and making it active again). Where there is none of this name, the oldest of the same provider and
   * kind that `isSame` knows again takes the name. The first account of a provider becomes its primary. Rejects with
   * `SpentTokenError`, and stores nothing, when a refresh of some account of this provider and kind has used up the
   * refresh token.
   */
  save(account: NewAccount, isSame?: (stored: AccountRecord) => boolean): Promise<AccountRecord>;
  /** Null when there is no such account. */
  update(id: string, change: AccountChange, now: number): Promise<AccountRecord | null>;
  /**
   * Changes what is said beside an active account, and not when it was updated. Null when it did nothing: the account
   * is not there or not active, or other secrets or another reason are stored.
   */
  changeReason(id: string, change: ReasonChange): Promise<AccountRecord | null>;
  /**
   * Notes the last refusal, or with null that there is none any more, and not when the account was updated. Does nothing
   * where one is noted that is younger than `at` (epoch ms).
   */
  noteRefusal(id: string, note: RefusalNote | null, at: number): Promise<void>;
  /** Makes it the one primary of its provider, atomically; null when there is no such account. */
  makePrimary(id: string, now: number): Promise<AccountRecord | null>;
  /** Removes it with its secrets and limits. When it was the primary, the newest enabled account of its provider takes over. */
  remove(id: string, now: number): Promise<boolean>;
}

/**
 * Maximum duration of a lease or a pause of refreshes, ms. A longer one was written before the store's clock was set back
 * and has expired. A clock step of half a minute is tolerated, so that it does not end a lease in use.
 */
export const LONGEST_LEASE_MS = 120_000;
export const LONGEST_HOLD_OFF_MS = 330_000;

/** An account as a refresh finds it. Remaining times are computed by the store's clock, which all processes share. */
export interface RefreshState extends OpenAccount {
  /** Rises with every lease given. */
  fence: number;
  /** Remaining time of the current lease, ms; 0 when there is none. */
  leasedForMs: number;
  /** How long to wait before the next refresh, ms; 0 when one may start. */
  heldOffForMs: number;
  /** Failed refreshes in a row. */
  failures: number;
  /** True when the token of this version was sent and no outcome was stored. */
  unanswered: boolean;
}

/** The right to refresh one version of an account's token. */
export interface Lease {
  /** Names one attempt, not a process. */
  owner: string;
  fence: number;
  version: number;
}

/** What is stored after a refresh: every secret, since unchanged ones are sealed and written again with the others. */
export interface NextTokens extends AccountSecrets {
  expiresAt: number | null;
  /** The replaced refresh token, which is recognised later by its hash; null when it did not change. */
  spentToken: string | null;
}

export interface Postponed {
  reason: string;
  failures: number;
  waitMs: number;
  unanswered: boolean;
}

/**
 * Keeps concurrent refreshes apart. Each method is one atomic write. Those that take a lease do nothing, and report it, when
 * its version or its fence is no longer the stored one; each may be repeated when its result was lost.
 */
export interface RefreshStore {
  read(id: string): Promise<RefreshState | null>;
  /**
   * Gives the lease for `leaseMs` when it is free, this version is still stored, the account is active and nothing
   * holds it off. A repetition by the same owner gives the same lease. The state is the one under the lease.
   */
  acquire(
    id: string,
    options: { owner: string; version: number; leaseMs: number },
  ): Promise<{ acquired: boolean; state: RefreshState } | null>;
  /** Stores that the token is about to be sent; false also when the lease has expired. */
  intend(id: string, lease: Lease): Promise<boolean>;
  /**
   * Stores the tokens under the next version, with the complete metadata, and makes the account active. What stays is
   * what was read under the lease's version: while that one is stored, so are these. Ends the owner's own lease. Null
   * when it did nothing.
   */
  commit(
    id: string,
    lease: Lease,
    next: NextTokens,
    metadata: JsonObject,
    now: number,
  ): Promise<OpenAccount | null>;
  /** Marks the account `needs_login` and ends the lease. */
  reject(id: string, lease: Lease, reason: string, now: number): Promise<boolean>;
  /**
   * Notes a failure that may pass, holds refreshes off for `waitMs` and ends the lease. `unanswered` is what remains of
   * the intent: whether the posted token may have been used up all the same.
   */
  postpone(id: string, lease: Lease, failure: Postponed, now: number): Promise<boolean>;
  /** Ends the lease if its owner still holds it; `unanswered` as with `postpone`. */
  release(id: string, lease: Lease, unanswered: boolean): Promise<void>;
}

/** An issued key, without its secret. Null scopes mean "no limit". */
export interface KeyRecord {
  id: string;
  label: string;
  /** The first characters of the key, which distinguish keys in a list. */
  prefix: string;
  providers: string[] | null;
  models: string[] | null;
  accounts: string[] | null;
  /** `never`: its requests do not move to another account, whatever the provider's policy; null follows the policy. */
  failover: "never" | null;
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
  /** The fields of which something is stored that Kleis did not write; such a key opens nothing. Absent: none. */
  damaged?: readonly string[];
}

export interface NewKey {
  id: string;
  label: string;
  prefix: string;
  providers: string[] | null;
  models: string[] | null;
  accounts: string[] | null;
  failover: "never" | null;
  expiresAt: number | null;
  now: number;
  /** SHA-256 of the key, hex; the only way a key is found. */
  hash: string;
  /** The key itself, sealed at rest, shown again only on an explicit reveal. */
  key: string;
  /** SHA-256 of the discovery token, hex. */
  discoveryHash: string;
  discoveryToken: string;
}

/** Keys that are valid at `now` (epoch ms), or those that no longer are: revoked or expired. */
export interface KeyFilter {
  state: "working" | "ended";
  now: number;
  /** Only those that are limited to this account alone. */
  onlyAccount?: string;
}

export interface KeyStore {
  /** Newest first, all or those that pass the filter; null when the options name a key that is not there. */
  list(options: PageOptions, filter?: KeyFilter): Promise<ListPage<KeyRecord> | null>;
  count(filter: KeyFilter): Promise<number>;
  get(id: string): Promise<KeyRecord | null>;
  findByHash(hash: string): Promise<KeyRecord | null>;
  findByDiscoveryHash(hash: string): Promise<KeyRecord | null>;
  insert(key: NewKey): Promise<KeyRecord>;
  /** Null when there is no such key. */
  update(id: string, change: Pick<KeyRecord, "failover">): Promise<KeyRecord | null>;
  /** Idempotent: the first revocation's time stays. Null when there is no such key. */
  revoke(id: string, now: number): Promise<KeyRecord | null>;
  /** The key's full text and discovery token; null when there is no such key. */
  reveal(id: string): Promise<{ key: string; discoveryToken: string } | null>;
  /** Stores when keys were last used, in one write. */
  touch(uses: { id: string; at: number }[]): Promise<void>;
}

export interface SettingStore {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, now: number): Promise<void>;
  /** For settings that are sealed at rest, which have names of their own. Rejects with `SealError` when decryption fails. */
  getSealed(key: string): Promise<string | null>;
  setSealed(key: string, value: string, now: number): Promise<void>;
}

/** Sessions of the admin page that were logged out. Any other is valid until the expiry in its cookie. */
export interface SessionStore {
  isEnded(id: string): Promise<boolean>;
  /** `endsAt`: when it expires; the entry may be removed then. Idempotent. */
  end(id: string, endsAt: number, now: number): Promise<void>;
}

/** How attempts at a secret are slowed down. Times in ms. */
export interface AttemptRule {
  /** What the attempts are for; channels are counted separately. */
  readonly channel: string;
  /** Failed attempts of one source without a delay. The next waits 1 s, each further one twice as long as the last. */
  readonly free: number;
  readonly longestWaitMs: number;
  /** After this long without an attempt, a source's failures are forgotten. */
  readonly forgottenMs: number;
  /** How long a source is trusted after a successful attempt. */
  readonly trustedMs: number;
  /** How many untrusted sources may try within `unknownSourcesMs`. */
  readonly unknownSources: number;
  readonly unknownSourcesMs: number;
}

export interface AttemptStatus {
  /** When the source may try next; not later than now when it may try at once. */
  freeAt: number;
  /** True when its last attempt succeeded recently. */
  isClear: boolean;
}

/** Counts attempts at a secret, over all processes. `source` is a name, not an address. */
export interface LoginAttemptStore {
  status(rule: AttemptRule, source: string, now: number): Promise<AttemptStatus>;
  /**
   * Counts an attempt if the source may make one, in one atomic write, so that concurrent attempts get no further than
   * sequential ones. A successful attempt resets the count. False when the source may not try: then the response must not
   * reveal anything about the token.
   */
  record(rule: AttemptRule, source: string, isRight: boolean, now: number): Promise<boolean>;
}

/** An account whose secrets have been read but not decrypted. */
export interface SealedAccount {
  id: string;
  version: number;
  /** Opens it as `AccountStore.open` does, without asking the store again. */
  open(): Promise<OpenAccount>;
}

/** What a request reads together with its key. */
export interface RequestOptions {
  accounts: boolean;
  /** Names of settings. */
  settings: readonly string[];
}

/** The accounts and their limits, of one moment. */
export interface AccountsReading {
  all: AccountRecord[];
  sealed: SealedAccount[];
  limits: LimitReading;
}

/** What a request needs, read together. */
export interface RequestReading {
  key: KeyRecord;
  /**
   * Every account, oldest first, and the ones that the key's requests may well use, with their secrets: those that it is
   * limited to, the primary ones, then the newest; null when accounts were not wished for.
   */
  accounts: AccountsReading | null;
  /** Those that are set, by name. */
  settings: ReadonlyMap<string, string>;
}

export interface RequestStore {
  /** In one round trip. Null when no key has this hash: then nothing else was read either. */
  read(keyHash: string, options: RequestOptions): Promise<RequestReading | null>;
  /** Every account and the limits, in one round trip, without secrets. */
  accounts(): Promise<Omit<AccountsReading, "sealed">>;
}

/** Since when and until when an account, or one of its models, rests. One row per account and scope. */
export interface LimitRow {
  readonly accountId: string;
  /** `*` for the account, otherwise a model's id or a pattern of them (`LimitVerdict.scope`). */
  readonly scope: string;
  readonly class: CoolingClass;
  /** The provider's code, otherwise the class. */
  readonly code: string;
  /** The provider's words, redacted and bounded; null where it had none. */
  readonly words: string | null;
  readonly until: number;
  /** The provider stated the end; otherwise it is a guess. */
  readonly isStated: boolean;
  /** Guesses in a row, from 1; 0 for a stated end. */
  readonly strikes: number;
  /** When the provider last refused so. */
  readonly seenAt: number;
  /** When the limit was found or declared to be over; 0 for never. It holds while `seenAt > clearedAt`. */
  readonly clearedAt: number;
}

/** Every row that may still hold, and the store's clock at that moment. */
export interface LimitReading {
  readonly rows: readonly LimitRow[];
  /** Epoch ms by the store's clock, by which the times of the rows go. */
  readonly storeNow: number;
}

/** The limits that processes share. All processes agree on the store's clock. */
export interface LimitStore {
  read(): Promise<LimitReading>;
  /**
   * Merges rows into the stored ones, each by `mergeLimits`, in one atomic write that may be repeated. The times of `rows`
   * go by the caller's clock, whose present is `now`; where that differs from the store's by more than 5 s, they are stored
   * shifted by the difference.
   */
  merge(rows: readonly LimitRow[], now: number): Promise<void>;
}

/** When each account's provider may be asked for its quota, over all processes. */
export interface PollStore {
  /** True for one of several callers, once the time has come; then the next may ask `gapMs` later. */
  claim(accountId: string, gapMs: number): Promise<boolean>;
  /** No process asks within `waitMs` from now. */
  postpone(accountId: string, waitMs: number): Promise<void>;
}

/** How one request was decided, as it is kept for the owner. */
export interface DecisionRow {
  /** The request's id (`sortableId`). */
  readonly id: string;
  /** The provider's id of the request. */
  readonly upstreamId: string | null;
  readonly at: number;
  readonly keyId: string;
  /** Of the account that ended it; null where none was called. */
  readonly accountId: string | null;
  readonly provider: string | null;
  /** As the client asked for it. */
  readonly model: string;
  readonly outcome: string;
  readonly agent: string | null;
  /** Holds no body, no header, no prompt and no secret. */
  readonly record: JsonObject;
}

/** Absent members let everything pass. */
export interface DecisionFilter {
  readonly keyId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly outcome?: string | undefined;
}

export interface DecisionStore {
  /** Newest first, older than the entry `after` (which need not be there any more). */
  list(
    filter: DecisionFilter,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ entries: DecisionRow[]; hasAfter: boolean }>;
  /** By Kleis's id or the provider's. */
  get(id: string): Promise<DecisionRow | null>;
}

/** What a process has counted since the batch before. Its contents never change under one id. */
export interface UsageBatch {
  /** Of this batch alone (`sortableId`). */
  readonly id: string;
  readonly at: number;
  readonly decisions: readonly DecisionRow[];
}

export interface UsageStore {
  /**
   * Writes the whole batch, or nothing where it was written before. May be repeated within 12 hours; ids are kept for 24.
   * Keeps the newest 20,000 decisions, and those for 14 days.
   */
  write(batch: UsageBatch): Promise<void>;
}

/** One change that the owner made. */
export interface AuditLine {
  /** `sortableId`. */
  readonly id: string;
  readonly at: number;
  readonly by: AuditActor;
  /** Of the request that made it. */
  readonly requestId: string | null;
  /** Such as `account.remove`. */
  readonly action: string;
  /** The id of what was changed; null where there is none. */
  readonly target: string | null;
  /** What it was changed to, without secrets. */
  readonly detail: JsonObject | null;
}

/** `browser`: one that came back from a provider's sign-in page to this machine. */
export type AuditActor = "admin token" | "session" | "browser";

export interface AuditStore {
  /** In one atomic write that may be repeated. Lines go after 90 days. */
  add(lines: readonly AuditLine[]): Promise<void>;
  /** Newest first, older than the line `after`. */
  list(page: {
    limit: number;
    after?: string | undefined;
  }): Promise<{ entries: AuditLine[]; hasAfter: boolean }>;
}

/** A sign-in in progress. */
export interface OauthState {
  /** Opaque and random; the browser holds it. */
  state: string;
  provider: string;
  mode: string;
  /** What the flow needs to complete (PKCE verifier, device code, …) as JSON; sealed at rest. */
  secret: JsonObject;
  /** Rises with every secret stored under this state, even if the row was removed in between. */
  version: number;
  createdAt: number;
  expiresAt: number;
}

export interface OauthStateStore {
  insert(state: OauthState): Promise<void>;
  get(state: string): Promise<OauthState | null>;
  /**
   * Replaces the secret (how a sign-in stands) under the next version, atomically; where `version` is given, only while
   * that one is stored. False when it did nothing.
   */
  update(state: string, secret: JsonObject, version?: number): Promise<boolean>;
  /** Removes the row and returns it to exactly one of several callers. */
  consume(state: string): Promise<OauthState | null>;
  removeExpired(now: number): Promise<void>;
}

export interface Storage {
  readonly accounts: AccountStore;
  readonly refreshes: RefreshStore;
  readonly keys: KeyStore;
  readonly requests: RequestStore;
  readonly oauthStates: OauthStateStore;
  readonly settings: SettingStore;
  readonly sessions: SessionStore;
  readonly loginAttempts: LoginAttemptStore;
  readonly limits: LimitStore;
  readonly polls: PollStore;
  readonly decisions: DecisionStore;
  readonly usage: UsageStore;
  readonly audit: AuditStore;
  /** Resolves when the store responds and accepts a write. */
  ping(now: number): Promise<void>;
  close(): Promise<void>;
}
