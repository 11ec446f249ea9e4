/** The stored accounts and what opens them, remembered for a few seconds so that a warm request asks no store. */
import type { Runtime } from "../runtime.ts";
import type {
  AccountRecord,
  AccountSecrets,
  ClosedAccount,
  OpenAccount,
  RefusalNote,
} from "../storage/port.ts";
import { createReadCache, type Reading } from "../storage/read-cache.ts";
import { SealError } from "../storage/seal.ts";
import { type StoreHealth, watchStore } from "../storage/store-health.ts";
import { undecryptable } from "./undecryptable.ts";

export interface AccountCache {
  /** Every account, oldest first. Throws `KleisError("storage_unavailable")` when nobody knows. */
  list(): Promise<readonly AccountRecord[]>;
  /** One account of that list. */
  get(id: string): Promise<AccountRecord | null>;
  /**
   * What opens an account; null when there is no such account.
   * Throws `KleisError("account_needs_login")` when they do not open.
   */
  secretsOf(id: string): Promise<AccountSecrets | null>;
  /** The account together with what opens it, of one moment; otherwise as `secretsOf`. */
  open(id: string): Promise<OpenAccount | null>;
  /** True when the list is fresh and the secrets that requests use came with it: then nothing has to be read. */
  isWhole(): boolean;
  /** Begins a reading of all of it that is made elsewhere. */
  reading(): Reading<{ all: readonly AccountRecord[]; closed: readonly ClosedAccount[] }>;
  /** Takes over what this process knows to be stored now, unless something newer is remembered. */
  learn(open: OpenAccount): void;
  /** Takes over what was noted of a refusal, as this process knows it before the store does. */
  noted(id: string, lastRefusal: RefusalNote | null): void;
  /** Makes a change effective at once in this process: the list, and one account's secrets or everybody's. */
  forget(id?: string): void;
}

/** Accounts whose secrets are kept in memory at most. */
const CAPACITY = 200;

const ALL = "all";

/** An account of which what opens it is in memory, still sealed or opened already. */
type Openable = Pick<ClosedAccount, "version" | "open">;

/** The list, and by id what came with it: no older and no younger. */
interface Known {
  readonly all: readonly AccountRecord[];
  readonly with: ReadonlyMap<string, Openable> | null;
}

/** `health`: what is known of the store, together with whoever else reads it for the same requests. */
export function createAccountCache(
  { storage, clock, logger, waitUntil }: Runtime,
  health: StoreHealth = watchStore(clock),
): AccountCache {
  const lists = createReadCache<Known>({
    clock,
    logger,
    waitUntil,
    health,
    capacity: 1,
    load: async () => ({ all: await storage.accounts.list(), with: null }),
    isUsable: ({ all }) => all.some(isUsable),
  });
  const opened = createReadCache<OpenAccount>({
    clock,
    logger,
    waitUntil,
    health,
    capacity: CAPACITY,
    load: (id) => storage.accounts.open(id),
    isUsable: ({ account }) => isUsable(account),
  });

  async function list(): Promise<readonly AccountRecord[]> {
    return (await lists.get(ALL))?.all ?? [];
  }

  async function open(id: string): Promise<OpenAccount | null> {
    try {
      const openable = lists.peek(ALL)?.with?.get(id);
      return await (openable === undefined ? opened.get(id) : openable.open());
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      // The account says so in the store by now: the next request is to know.
      lists.clear();
      throw undecryptable(error);
    }
  }

  return {
    list,
    async get(id) {
      return (await list()).find((account) => account.id === id) ?? null;
    },
    open,
    async secretsOf(id) {
      return (await open(id))?.secrets ?? null;
    },
    isWhole: () => (lists.peek(ALL)?.with ?? null) !== null,
    reading() {
      const { keep, drop } = lists.reading(ALL);
      return {
        drop,
        keep(found) {
          keep(
            found && {
              all: found.all,
              with: new Map(found.closed.map((each) => [each.id, openedOnce(each)])),
            },
          );
        },
      };
    },
    learn(known) {
      const { account, version } = known;
      const { id } = account;
      let isNews = true;
      opened.amend(id, (old) => {
        isNews = version >= old.version;
        return isNews ? known : old;
      });
      lists.amend(ALL, (old) => {
        isNews &&= version >= (old.with?.get(id)?.version ?? version);
        if (!isNews) return old;
        const openable = { version, open: async () => known };
        return {
          all: old.all.map((each) => (each.id === id ? account : each)),
          with: old.with?.has(id) ? new Map([...old.with, [id, openable]]) : old.with,
        };
      });
    },
    noted(id, lastRefusal) {
      lists.amend(ALL, (old) => ({
        ...old,
        all: old.all.map((each) => (each.id === id ? { ...each, lastRefusal } : each)),
      }));
    },
    forget(id) {
      lists.clear();
      if (id === undefined) opened.clear();
      else opened.forget(id);
    },
  };
}

function isUsable({ enabled, status }: AccountRecord): boolean {
  return enabled && status === "active";
}

/** Nobody waits for what another request is opening, which Workers forbid: each opens it himself until one has. */
function openedOnce({ version, open }: ClosedAccount): Openable {
  let known: OpenAccount | undefined;
  return {
    version,
    async open() {
      known ??= await open();
      return known;
    },
  };
}
