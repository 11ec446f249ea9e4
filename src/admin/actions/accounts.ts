/** Imports, updates, refreshes and removes accounts, and drops this process's cached copies of what it changed. */
import type * as z from "zod/mini";
import { type AccountImport, type Imported, importAccounts } from "../../accounts/import.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { accountChangeBody } from "../api/schemas.ts";
import type { AdminDeps } from "../context.ts";
import { notFound } from "../errors.ts";
import type { Audit, AuditEntry } from "./audit.ts";

/** Each throws `not_found` for an unknown id. */
export interface AccountActions {
  /** Throws `invalid_request` or `credential_rejected` when nothing could be imported. */
  import(input: AccountImport, audit: Audit): Promise<Imported>;
  makePrimary(id: string, audit: Audit): Promise<AccountRecord>;
  refresh(id: string, audit: Audit): Promise<AccountRecord>;
  /** The account may be used again at once, whatever limit it had run into. */
  uncool(id: string, audit: Audit): Promise<AccountRecord>;
  update(id: string, change: z.output<typeof accountChangeBody>, audit: Audit): Promise<AccountRecord>;
  remove(id: string, audit: Audit): Promise<void>;
}

export function createAccountActions(deps: AdminDeps): AccountActions {
  const { runtime, providers, accountCache, credentials, limits, models } = deps;
  const { storage, clock } = runtime;

  function changed(account: AccountRecord | null, audit: Audit, entry: AuditEntry): AccountRecord {
    if (account === null) throw notFound("account");
    accountCache.forget(account.id);
    audit({ target: account.id, ...entry });
    return account;
  }

  return {
    async import(input, audit) {
      try {
        const imported = await importAccounts(runtime, providers, input);
        models.connected(imported.accounts);
        // A new credential, or one for another plan, has limits of its own.
        for (const { id } of imported.accounts) limits.cooling.clear(id);
        for (const { id } of imported.accounts) audit({ action: "account.import", target: id });
        return imported;
      } finally {
        // Also after a failure: part of a file may have been stored.
        accountCache.forget();
      }
    },
    makePrimary: async (id, audit) =>
      changed(await storage.accounts.makePrimary(id, clock.now()), audit, { action: "account.primary" }),
    refresh: async (id, audit) =>
      changed(await credentials.refresh(id), audit, { action: "account.refresh" }),
    async uncool(id, audit) {
      const account = await storage.accounts.get(id);
      if (account === null) throw notFound("account");
      limits.cooling.clear(id);
      await limits.cooling.flush();
      audit({ action: "account.uncool", target: id });
      return account;
    },
    async update(id, { label, enabled, rank }, audit) {
      const change = {
        ...(label === undefined ? {} : { label }),
        ...(enabled === undefined ? {} : { enabled }),
        ...(rank === undefined ? {} : { rank }),
      };
      const stored = await storage.accounts.update(id, change, clock.now());
      const account = changed(stored, audit, { action: "account.update", detail: change });
      // The owner has looked at an account that the vendor had stopped.
      if (enabled === true) limits.cooling.clear(id);
      return account;
    },
    async remove(id, audit) {
      if (!(await storage.accounts.remove(id, clock.now()))) throw notFound("account");
      accountCache.forget(id);
      audit({ action: "account.remove", target: id });
    },
  };
}
