/** The stored accounts and what opens them, remembered for a few seconds so that a warm request asks no store. */
import type { Runtime } from "../runtime.ts";
import type { AccountRecord, AccountSecrets, OpenAccount } from "../storage/port.ts";
import { createReadCache } from "../storage/read-cache.ts";
import { SealError } from "../storage/seal.ts";
import { unopened } from "./unopened.ts";

export interface AccountDirectory {
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
  /** Takes over what this process knows to be stored now, unless something newer is remembered. */
  learn(open: OpenAccount): void;
  /** Makes a change effective at once in this process: the list, and one account's secrets or everybody's. */
  forget(id?: string): void;
}

/** Accounts whose secrets are kept in memory at most. */
const CAPACITY = 200;

const ALL = "all";

export function createAccountDirectory({ storage, clock, logger }: Runtime): AccountDirectory {
  const lists = createReadCache<readonly AccountRecord[]>({
    clock,
    logger,
    capacity: 1,
    load: () => storage.accounts.list(),
  });
  const opened = createReadCache<OpenAccount>({
    clock,
    logger,
    capacity: CAPACITY,
    load: (id) => storage.accounts.open(id),
  });

  async function list(): Promise<readonly AccountRecord[]> {
    return (await lists.get(ALL)) ?? [];
  }

  async function open(id: string): Promise<OpenAccount | null> {
    try {
      return await opened.get(id);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      // A damaged account was marked in the store: the next request is to know.
      lists.clear();
      throw unopened(error);
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
    learn(known) {
      const { account, version } = known;
      let isNews = true;
      opened.amend(account.id, (old) => {
        isNews = version >= old.version;
        return isNews ? known : old;
      });
      if (isNews) lists.amend(ALL, (all) => all.map((old) => (old.id === account.id ? account : old)));
    },
    forget(id) {
      lists.clear();
      if (id === undefined) opened.clear();
      else opened.forget(id);
    },
  };
}
