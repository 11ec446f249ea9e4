/**
 * What a key may reach: the accounts of each provider, before and after its scopes, and its model scope.
 * Pure; chooses no account.
 */
import type { Provider } from "../../providers/provider.ts";
import type { AccountRecord, KeyRecord } from "../../storage/port.ts";
import type { AccountRef } from "../catalogue/catalogue.ts";
import { parseName, plainName } from "./name.ts";

/** Per provider id, the accounts there are. A provider without any is absent. */
export type AccountRefsByProvider = ReadonlyMap<string, readonly AccountRef[]>;

export interface Access {
  /** Of all enabled accounts. */
  readonly connected: AccountRefsByProvider;
  /** Of the enabled accounts inside the key's scopes: what a request is resolved among. */
  readonly allowed: AccountRefsByProvider;
  /** Of those, the accounts that can answer now (no sign-in is due): what lists are made of. */
  readonly usable: AccountRefsByProvider;
  /** The key's model scope; null for no limit. */
  readonly models: readonly string[] | null;
}

export type AccessAccount = Pick<AccountRecord, "id" | "provider" | "kind" | "enabled" | "status">;
export type KeyScopes = Pick<KeyRecord, "providers" | "models" | "accounts">;

/** The scopes that limit nothing. */
export const NO_SCOPES: KeyScopes = { providers: null, models: null, accounts: null };

/** The same object for the same accounts and the same scopes, so that what is worked out from it holds as long. */
export function accessOf(accounts: readonly AccessAccount[], key: KeyScopes): Access {
  const byScopes = remembered.get(accounts) ?? new WeakMap<KeyScopes, Access>();
  remembered.set(accounts, byScopes);
  const isUnlimited = key.providers === null && key.accounts === null && key.models === null;
  const scopes = isUnlimited ? NO_SCOPES : key;
  const access = byScopes.get(scopes) ?? workOut(accounts, scopes);
  byScopes.set(scopes, access);
  return access;
}

const remembered = new WeakMap<readonly AccessAccount[], WeakMap<KeyScopes, Access>>();

function workOut(accounts: readonly AccessAccount[], key: KeyScopes): Access {
  const connected = accounts.filter((account) => account.enabled);
  const allowed = connected.filter(
    (account) => holds(key.providers, account.provider) && holds(key.accounts, account.id),
  );
  const usable = allowed.filter((account) => account.status === "active");
  return {
    connected: accountRefsOf(connected),
    allowed: accountRefsOf(allowed),
    usable: accountRefsOf(usable),
    models: key.models,
  };
}

/** True when a model scope covers this model at this provider. */
export type ModelScope = (provider: Provider, id: string) => boolean;

/**
 * Reads a model scope. An entry with a provider prefix covers the model at that provider, one without covers it
 * wherever it is served; either in any spelling that the provider knows.
 */
export function modelScope(models: readonly string[] | null, providers: readonly Provider[]): ModelScope {
  if (models === null) return () => true;
  const names = models.map((model) => {
    const name = parseName(model, providers);
    return { provider: name.provider, id: plainName(name.id) };
  });
  return (provider, id) => {
    const plain = plainName(id);
    return names.some(
      (name) =>
        (name.provider === undefined || name.provider === provider) &&
        (name.id === plain || provider.spellings(name.id).includes(plain)),
    );
  };
}

function holds(scope: readonly string[] | null, value: string): boolean {
  return scope === null || scope.includes(value);
}

function accountRefsOf(accounts: readonly AccessAccount[]): AccountRefsByProvider {
  const accountRefs = new Map<string, AccountRef[]>();
  for (const account of accounts) {
    const known = accountRefs.get(account.provider);
    if (known === undefined) accountRefs.set(account.provider, [account]);
    else known.push(account);
  }
  return accountRefs;
}
