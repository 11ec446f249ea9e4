/**
 * The tables. Columns marked "sealed" hold `seal.ts` texts bound to this table, the column, the row's primary key and its
 * version where it has one, which rises with every write of them; hashes are SHA-256 in hex; everything else is plain.
 * All times are epoch milliseconds.
 *
 * History (`requests`, `audit`) refers to accounts and keys by id, without foreign keys, so that it stays when an account
 * is removed. Their ids sort by time, so that old rows are found without an index on it.
 */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const providerAccounts = sqliteTable(
  "provider_accounts",
  {
    id: text("id").primaryKey(),
    provider: text("provider").notNull(),
    kind: text("kind").notNull(),
    externalId: text("external_id").notNull(),
    label: text("label").notNull(),
    enabled: integer("enabled", { mode: "boolean" }).notNull(),
    primary: integer("is_primary", { mode: "boolean" }).notNull(),
    status: text("status").notNull(),
    statusReason: text("status_reason"),
    /** JSON object. */
    metadata: text("metadata").notNull(),
    expiresAt: integer("expires_at"),
    lastRefreshAt: integer("last_refresh_at"),
    lastRefreshStatus: text("last_refresh_status"),
    lastRefreshError: text("last_refresh_error"),
    /** JSON object: the refusal of the provider's that the owner should know of. */
    lastRefusal: text("last_refusal"),
    /** When it was. */
    lastRefusalAt: integer("last_refusal_at"),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    /** Sealed. */
    accessToken: text("access_token"),
    /** Sealed. */
    refreshToken: text("refresh_token"),
    /** Sealed. */
    idToken: text("id_token"),
    /** Sealed. */
    apiKey: text("api_key"),
    /** Rises with every write of secrets; what a refresh compares before it writes. */
    tokenVersion: integer("token_version").notNull().default(0),
    /** Who may refresh, until when by the database's own clock; the fence rises with every lease given. */
    leaseOwner: text("lease_owner"),
    leaseUntil: integer("lease_until"),
    leaseFence: integer("lease_fence").notNull().default(0),
    /** The version whose token was posted without a word yet of what became of it. */
    intentVersion: integer("intent_version"),
    /** No refresh before this time, by the database's own clock. */
    refreshRetryAt: integer("refresh_retry_at"),
    /** Failed refreshes in a row. */
    refreshFailures: integer("refresh_failures").notNull().default(0),
    /** The owner's order of the accounts that take over, lowest first; null comes last. */
    rank: integer("failover_rank"),
    /** Its provider is not asked for its quota before this time, by the database's own clock. */
    nextPollAt: integer("next_poll_at"),
    /** Halves of the hashes of refresh tokens that were used up, newest last (spent-tokens.ts). */
    spentTokens: text("spent_tokens"),
  },
  (table) => [
    uniqueIndex("provider_accounts_identity").on(table.provider, table.kind, table.externalId),
    uniqueIndex("provider_accounts_one_primary").on(table.provider).where(sql`is_primary = 1`),
  ],
);

export const apiKeys = sqliteTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    label: text("label").notNull(),
    prefix: text("prefix").notNull(),
    /** Hash of the key; how a key is found. */
    hash: text("hash").notNull(),
    /** Sealed. */
    sealedKey: text("sealed_key").notNull(),
    /** Hash of the discovery token. */
    discoveryHash: text("discovery_hash").notNull(),
    /** Sealed. */
    sealedDiscoveryToken: text("sealed_discovery_token").notNull(),
    /** JSON array of provider ids; null is no limit. */
    providers: text("providers"),
    /** JSON array of model ids; null is no limit. */
    models: text("models"),
    /** JSON array of account ids; null is no limit. */
    accounts: text("accounts"),
    /** `never`: its requests stay with the account that is used first; null follows the provider's policy. */
    failover: text("failover"),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    revokedAt: integer("revoked_at"),
    lastUsedAt: integer("last_used_at"),
  },
  (table) => [
    uniqueIndex("api_keys_hash").on(table.hash),
    uniqueIndex("api_keys_discovery_hash").on(table.discoveryHash),
    // For lists: their order, and what tells working keys from ended ones, without reading the rows.
    index("api_keys_newest").on(table.createdAt, table.revokedAt, table.expiresAt),
  ],
);

export const oauthStates = sqliteTable(
  "oauth_states",
  {
    state: text("state").primaryKey(),
    provider: text("provider").notNull(),
    mode: text("mode").notNull(),
    /** Sealed JSON object. */
    secret: text("secret").notNull(),
    /** Rises with every write of the secret. */
    version: integer("version").notNull().default(0),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [index("oauth_states_expires_at").on(table.expiresAt)],
);

/** Plain, but for the key check and the values whose key begins with `sealed:` (settings.ts). */
export const systemSettings = sqliteTable("system_settings", {
  key: text("key").primaryKey(),
  value: text("value").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

/** Tries at the admin token, by what is tried and where from; gone again when they are forgotten. */
export const loginAttempts = sqliteTable(
  "admin_tries",
  {
    channel: text("door").notNull(),
    /** Hash of the network address. */
    source: text("source").notNull(),
    /** Wrong ones since the last right one, and those that are being judged. */
    wrong: integer("wrong").notNull(),
    /** When the last try was made. */
    triedAt: integer("tried_at").notNull(),
    /** When the last right one was. */
    rightAt: integer("right_at"),
  },
  (table) => [
    primaryKey({ columns: [table.channel, table.source] }),
    index("admin_tries_tried_at").on(table.channel, table.triedAt),
  ],
);

/** Sessions of the admin page that were logged out before their end; gone again once they would have ended by themselves. */
export const endedSessions = sqliteTable("ended_sessions", {
  id: text("id").primaryKey(),
  /** When the session would have ended. */
  endsAt: integer("ends_at").notNull(),
});

/** Since when and until when an account, or one of its models, rests. Times by the database's own clock. */
export const accountLimits = sqliteTable(
  "account_limits",
  {
    accountId: text("account_id").notNull(),
    /** `*` for the account, otherwise a model's id or a pattern of them. */
    scope: text("scope").notNull(),
    class: text("class").notNull(),
    code: text("code").notNull(),
    words: text("words"),
    until: integer("until").notNull(),
    isStated: integer("is_stated", { mode: "boolean" }).notNull(),
    strikes: integer("strikes").notNull(),
    seenAt: integer("seen_at").notNull(),
    clearedAt: integer("cleared_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.scope] })],
);

/** How requests were decided, the newest of them. Rows are only added, and the oldest removed. */
export const requests = sqliteTable(
  "requests",
  {
    id: text("id").primaryKey(),
    /** The provider's id of the request. */
    upstreamId: text("upstream_id"),
    at: integer("at").notNull(),
    keyId: text("key_id").notNull(),
    accountId: text("account_id"),
    provider: text("provider"),
    model: text("model").notNull(),
    outcome: text("outcome").notNull(),
    /** The agent's name, from its user-agent. */
    agent: text("agent"),
    /** JSON object. */
    record: text("record").notNull(),
  },
  (table) => [index("requests_upstream_id").on(table.upstreamId).where(sql`upstream_id is not null`)],
);

/** Batches that were written: a batch that comes again, because its acknowledgement was lost, is not written twice. */
export const usageBatches = sqliteTable("usage_batches", {
  id: text("id").primaryKey(),
  at: integer("at").notNull(),
});

/** What the owner changed. */
export const audit = sqliteTable("audit", {
  id: text("id").primaryKey(),
  at: integer("at").notNull(),
  /** `admin token`, `session` or `browser`. */
  by: text("by").notNull(),
  requestId: text("request_id"),
  action: text("action").notNull(),
  /** The id of what was changed; null where there is none. */
  target: text("target"),
  /** JSON object without secrets: what it was changed to. */
  detail: text("detail"),
});
