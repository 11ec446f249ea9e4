/** The stored accounts and their secrets, cached for a few seconds so that a warm request reads no storage. */
import type { Runtime } from "../runtime.ts";
import type {
  AccountRecord,
  AccountSecrets,
  AccountsReading,
  LimitReading,
  OpenAccount,
  RefusalNote,
  SealedAccount,
} from "../storage/port.ts";
import { createReadCache, type ReadCache, type Reading } from "../storage/read-cache.ts";
import { SealError } from "../storage/seal.ts";
import { type StoreHealth, watchStore } from "../storage/store-health.ts";
import { undecryptable } from "./undecryptable.ts";

export interface AccountCache {
  /** Every account, oldest first. Throws `KleisError("storage_unavailable")` when neither store nor cache has them. */
  list(): Promise<readonly AccountRecord[]>;
  /** One account of that list. */
  get(id: string): Promise<AccountRecord | null>;
  /**
   * The secrets of an account; null when there is no such account.
   * Throws `KleisError("account_needs_login")` when they cannot be decrypted.
   */
  secretsOf(id: string): Promise<AccountSecrets | null>;
  /** The account with its secrets, read together; otherwise as `secretsOf`. */
  open(id: string): Promise<OpenAccount | null>;
  /** True when the list and the secrets that requests use are fresh: then nothing has to be read. */
  isWhole(): boolean;
  /** Announces that the caller reads all accounts; it reports the result. */
  reading(): Reading<AccountsReading>;
  /** Caches what this process knows to be stored now, unless the cache holds something newer. */
  learn(open: OpenAccount): void;
  /** Caches an account's last refusal before it is stored. */
  noted(id: string, lastRefusal: RefusalNote | null): void;
  /** Drops the list, and the secrets of one account or of all, so that a change takes effect immediately. */
  forget(id?: string): void;
}

/** Maximum number of accounts whose secrets are cached. */
const CAPACITY = 200;

const ALL = "all";

/** An account whose secrets are in memory, sealed or decrypted. */
type Openable = Pick<SealedAccount, "version" | "open">;

/** The list, and by id the secrets that were read with it. */
interface Known {
  readonly all: readonly AccountRecord[];
  readonly with: ReadonlyMap<string, Openable> | null;
}

export interface AccountCacheOptions {
  /** Shared with the other caches of the same store. */
  readonly health?: StoreHealth;
  /** Learns the limits that are read together with the accounts. */
  readonly onLimits?: (reading: LimitReading) => void;
}

export function createAccountCache(runtime: Runtime, options: AccountCacheOptions = {}): AccountCache {
  return new StoredAccountCache(runtime, options);
}

class StoredAccountCache implements AccountCache {
  readonly #lists: ReadCache<Known>;
  readonly #opened: ReadCache<OpenAccount>;
  readonly #onLimits: (reading: LimitReading) => void;

  constructor(runtime: Runtime, { health, onLimits = () => {} }: AccountCacheOptions) {
    const { storage, clock, logger, waitUntil } = runtime;
    const shared = { clock, logger, waitUntil, health: health ?? watchStore(clock) };
    this.#onLimits = onLimits;
    this.#lists = createReadCache<Known>({
      ...shared,
      capacity: 1,
      async load() {
        const { all, limits } = await storage.requests.accounts();
        onLimits(limits);
        return { all, with: null };
      },
      isUsable: ({ all }) => all.some(isUsable),
    });
    this.#opened = createReadCache<OpenAccount>({
      ...shared,
      capacity: CAPACITY,
      load: (id) => storage.accounts.open(id),
      isUsable: ({ account }) => isUsable(account),
    });
  }

  async list(): Promise<readonly AccountRecord[]> {
    return (await this.#lists.get(ALL))?.all ?? [];
  }

  async get(id: string): Promise<AccountRecord | null> {
    return (await this.list()).find((account) => account.id === id) ?? null;
  }

  async open(id: string): Promise<OpenAccount | null> {
    try {
      const openable = this.#lists.peek(ALL)?.with?.get(id);
      return await (openable === undefined ? this.#opened.get(id) : openable.open());
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      // The stored account is marked by now: the next request must see it.
      this.#lists.clear();
      throw undecryptable(error);
    }
  }

  async secretsOf(id: string): Promise<AccountSecrets | null> {
    return (await this.open(id))?.secrets ?? null;
  }

  isWhole(): boolean {
    return (this.#lists.peek(ALL)?.with ?? null) !== null;
  }

  reading(): ReturnType<AccountCache["reading"]> {
    const { keep, drop } = this.#lists.reading(ALL);
    return {
      drop,
      keep: (found) => {
        if (found !== null) this.#onLimits(found.limits);
        const openables = found?.sealed.map((each) => [each.id, openedOnce(each)] as const);
        keep(found && { all: found.all, with: new Map(openables) });
      },
    };
  }

  learn(known: OpenAccount): void {
    const { account, version } = known;
    const { id } = account;
    let isNewer = true;
    this.#opened.update(id, (old) => {
      isNewer = version >= old.version;
      return isNewer ? known : old;
    });
    this.#lists.update(ALL, (old) => {
      isNewer &&= version >= (old.with?.get(id)?.version ?? version);
      if (!isNewer) return old;
      const openable = { version, open: async () => known };
      return {
        all: old.all.map((each) => (each.id === id ? account : each)),
        with: old.with?.has(id) ? new Map([...old.with, [id, openable]]) : old.with,
      };
    });
  }

  noted(id: string, lastRefusal: RefusalNote | null): void {
    this.#lists.update(ALL, (old) => ({
      ...old,
      all: old.all.map((each) => (each.id === id ? { ...each, lastRefusal } : each)),
    }));
  }

  forget(id?: string): void {
    this.#lists.clear();
    if (id === undefined) this.#opened.clear();
    else this.#opened.forget(id);
  }
}

function isUsable({ enabled, status }: AccountRecord): boolean {
  return enabled && status === "active";
}

/** Requests cannot await each other's promises on Workers, so each decrypts by itself until one has finished. */
function openedOnce({ version, open }: SealedAccount): Openable {
  let known: OpenAccount | undefined;
  return {
    version,
    async open() {
      known ??= await open();
      return known;
    },
  };
}
