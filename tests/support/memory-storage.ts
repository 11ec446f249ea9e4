/**
 * The accounts' part of the storage port in memory: each method is one atomic step that happens when it is called.
 * `tests/refresh/storage.test.ts` shows that it behaves as libSQL does. The other stores are not there.
 */
import type {
  AccountRecord,
  AccountSecrets,
  AccountStore,
  AuditStore,
  DecisionStore,
  KeyStore,
  Lease,
  LimitStore,
  LoginAttemptStore,
  NewAccount,
  OauthStateStore,
  OpenAccount,
  PollStore,
  RefreshState,
  RefreshStore,
  RequestStore,
  SessionStore,
  SettingStore,
  Storage,
  UsageStore,
} from "../../src/storage/port.ts";
import { LONGEST_HOLD_OFF_MS, LONGEST_LEASE_MS, SpentTokenError } from "../../src/storage/port.ts";

export interface MemoryRow {
  record: AccountRecord;
  secrets: AccountSecrets;
  version: number;
  leaseOwner: string | null;
  leaseUntil: number;
  fence: number;
  intentVersion: number | null;
  retryAt: number;
  failures: number;
  /** Refresh tokens that were used up. */
  spent: string[];
}

export interface MemoryStorage extends Storage {
  readonly rows: Map<string, MemoryRow>;
}

/** `now` is the store's own clock, epoch ms. */
export function createMemoryStorage(now: () => number): MemoryStorage {
  const rows = new Map<string, MemoryRow>();
  return {
    rows,
    accounts: accountStore(rows),
    refreshes: refreshStore(rows, now),
    keys: absent<KeyStore>(),
    requests: requestStore(rows, now),
    oauthStates: absent<OauthStateStore>(),
    settings: absent<SettingStore>(),
    sessions: absent<SessionStore>(),
    loginAttempts: absent<LoginAttemptStore>(),
    limits: absent<LimitStore>(),
    polls: absent<PollStore>(),
    decisions: absent<DecisionStore>(),
    usage: absent<UsageStore>(),
    audit: absent<AuditStore>(),
    async ping() {},
    async close() {},
  };
}

function accountStore(rows: Map<string, MemoryRow>): AccountStore {
  const enabled = (provider: string) =>
    [...rows.values()].filter(({ record }) => record.provider === provider && record.enabled);
  const hasPrimary = (provider: string) => enabled(provider).some(({ record }) => record.primary);
  return {
    async list() {
      return [...rows.values()].map(({ record }) => ({ ...record }));
    },
    async page({ limit }) {
      const all = [...rows.values()].map(({ record }) => ({ ...record }));
      return { entries: all.slice(0, limit), hasBefore: false, hasAfter: all.length > limit };
    },
    async get(id) {
      const row = rows.get(id);
      return row ? { ...row.record } : null;
    },
    async secrets(id) {
      const row = rows.get(id);
      return row ? { ...row.secrets } : null;
    },
    async open(id) {
      const row = rows.get(id);
      return row ? toOpen(row) : null;
    },
    async save(account, isSame = () => false) {
      const among = [...rows.values()].filter(
        ({ record }) => record.provider === account.provider && record.kind === account.kind,
      );
      const { refreshToken } = account;
      const by = among.find(({ spent }) => refreshToken !== null && spent.includes(refreshToken));
      if (by !== undefined) throw new SpentTokenError({ ...by.record });
      const same =
        among.find(({ record }) => record.externalId === account.externalId) ??
        among.find(({ record }) => isSame({ ...record }));
      const row = same ?? emptyRow(account);
      row.record = {
        ...row.record,
        externalId: account.externalId,
        primary: row.record.primary || (row.record.enabled && !hasPrimary(account.provider)),
        status: "active",
        statusReason: account.statusReason ?? null,
        metadata: account.metadata,
        expiresAt: account.expiresAt,
        lastRefreshAt: null,
        lastRefreshStatus: null,
        lastRefreshError: null,
        lastRefusal: null,
        updatedAt: account.now,
      };
      row.secrets = secretsOf(account);
      row.retryAt = 0;
      row.failures = 0;
      if (same === undefined) rows.set(account.id, row);
      else row.version++;
      return { ...row.record };
    },
    async update(id, change, at) {
      const row = rows.get(id);
      if (row === undefined) return null;
      row.record = { ...row.record, ...change, updatedAt: at };
      return { ...row.record };
    },
    async noteRefusal(id, note, at) {
      const row = rows.get(id);
      if (row !== undefined && (row.record.lastRefusal?.at ?? at) <= at) row.record.lastRefusal = note;
    },
    async changeReason(id, { version, from, to }) {
      const row = rows.get(id);
      if (row?.version !== version) return null;
      if (row.record.status !== "active" || row.record.statusReason !== from) return null;
      row.record = { ...row.record, statusReason: to };
      return { ...row.record };
    },
    async makePrimary(id, at) {
      const row = rows.get(id);
      if (row === undefined) return null;
      for (const other of rows.values()) {
        if (other.record.provider === row.record.provider) other.record.primary = other === row;
      }
      row.record.updatedAt = at;
      return { ...row.record };
    },
    async remove(id) {
      const row = rows.get(id);
      if (row === undefined) return false;
      rows.delete(id);
      const heir = enabled(row.record.provider).at(-1);
      if (heir && !hasPrimary(row.record.provider)) heir.record.primary = true;
      return true;
    },
  };
}

/** Of the accounts alone: a request is not read here. */
function requestStore(rows: Map<string, MemoryRow>, now: () => number): RequestStore {
  return {
    ...absent<RequestStore>(),
    async accounts() {
      const all = [...rows.values()].map(({ record }) => ({ ...record }));
      return { all, limits: { rows: [], storeNow: now() } };
    },
  };
}

function refreshStore(rows: Map<string, MemoryRow>, now: () => number): RefreshStore {
  const holds = (id: string, { version, fence }: Lease): MemoryRow | null => {
    const row = rows.get(id);
    return row && row.version === version && row.fence === fence ? row : null;
  };
  const left = (until: number, longest: number): number => {
    const ms = Math.max(0, until - now());
    return ms > longest ? 0 : ms;
  };
  const toState = (row: MemoryRow): RefreshState => ({
    ...toOpen(row),
    fence: row.fence,
    failures: row.failures,
    leasedForMs: left(row.leaseUntil, LONGEST_LEASE_MS),
    heldOffForMs: left(row.retryAt, LONGEST_HOLD_OFF_MS),
    unanswered: row.intentVersion === row.version,
  });
  const endLease = (row: MemoryRow): void => {
    row.leaseOwner = null;
    row.leaseUntil = 0;
  };
  const fail = (row: MemoryRow, reason: string, at: number): void => {
    endLease(row);
    row.record = {
      ...row.record,
      lastRefreshAt: at,
      lastRefreshStatus: "failed",
      lastRefreshError: reason,
      updatedAt: at,
    };
  };
  return {
    async read(id) {
      const row = rows.get(id);
      return row ? toState(row) : null;
    },
    async acquire(id, { owner, version, leaseMs }) {
      const row = rows.get(id);
      if (row === undefined) return null;
      const isRunning = left(row.leaseUntil, LONGEST_LEASE_MS) > 0;
      const acquired =
        row.version === version &&
        row.record.status === "active" &&
        left(row.retryAt, LONGEST_HOLD_OFF_MS) === 0 &&
        (!isRunning || row.leaseOwner === owner);
      if (acquired && !(isRunning && row.leaseOwner === owner)) {
        row.leaseOwner = owner;
        row.leaseUntil = now() + leaseMs;
        row.fence++;
      }
      return { acquired, state: toState(row) };
    },
    async intend(id, lease) {
      const row = holds(id, lease);
      if (row === null || row.leaseOwner !== lease.owner || row.leaseUntil <= now()) return false;
      row.intentVersion = lease.version;
      return true;
    },
    async commit(id, lease, next, metadata, at) {
      const row = holds(id, lease);
      if (row === null) return null;
      row.secrets = secretsOf(next);
      if (next.spentToken !== null) row.spent.push(next.spentToken);
      row.version++;
      row.record = {
        ...row.record,
        expiresAt: next.expiresAt,
        metadata,
        status: "active",
        statusReason: null,
        lastRefreshAt: at,
        lastRefreshStatus: "ok",
        lastRefreshError: null,
        updatedAt: at,
      };
      row.intentVersion = null;
      row.retryAt = 0;
      row.failures = 0;
      if (row.leaseOwner === lease.owner) endLease(row);
      return toOpen(row);
    },
    async reject(id, lease, reason, at) {
      const row = holds(id, lease);
      if (row === null) return false;
      fail(row, reason, at);
      row.record.status = "needs_login";
      row.record.statusReason = reason;
      row.intentVersion = null;
      return true;
    },
    async postpone(id, lease, { reason, failures, waitMs, unanswered }, at) {
      const row = holds(id, lease);
      if (row === null) return false;
      fail(row, reason, at);
      row.failures = failures;
      row.retryAt = now() + waitMs;
      row.intentVersion = unanswered ? lease.version : null;
      return true;
    },
    async release(id, { owner, fence, version }, unanswered) {
      const row = rows.get(id);
      if (row?.fence !== fence || row.leaseOwner !== owner) return;
      endLease(row);
      row.intentVersion = unanswered ? version : null;
    },
  };
}

function toOpen({ record, secrets, version }: MemoryRow): OpenAccount {
  return { account: { ...record }, secrets: { ...secrets }, version };
}

function secretsOf({ accessToken, refreshToken, idToken, apiKey }: AccountSecrets): AccountSecrets {
  return { accessToken, refreshToken, idToken, apiKey };
}

function emptyRow(account: NewAccount): MemoryRow {
  return {
    record: {
      id: account.id,
      provider: account.provider,
      kind: account.kind,
      externalId: account.externalId,
      label: account.label,
      enabled: true,
      primary: false,
      status: "active",
      statusReason: null,
      metadata: {},
      expiresAt: null,
      lastRefreshAt: null,
      lastRefreshStatus: null,
      lastRefreshError: null,
      lastRefusal: null,
      rank: null,
      createdAt: account.now,
      updatedAt: account.now,
    },
    secrets: secretsOf(account),
    version: 0,
    leaseOwner: null,
    leaseUntil: 0,
    fence: 0,
    intentVersion: null,
    retryAt: 0,
    failures: 0,
    spent: [],
  };
}

/** A store that no test here asks for anything. */
function absent<Store extends object>(): Store {
  const refuse = (_: Store, member: string | symbol): never => {
    throw new Error(`the storage in memory has no ${String(member)} here`);
  };
  const nothing = {} as Store;
  return new Proxy(nothing, { get: refuse });
}
