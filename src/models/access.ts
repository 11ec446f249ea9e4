/**
 * What a key may reach: the kinds of account per provider, before and after its scopes, and its model scope.
 * Pure; chooses no account.
 */
import type { CredentialKind, Provider } from "../providers/provider.ts";
import type { AccountRecord, KeyRecord } from "../storage/port.ts";
import { parseName } from "./name.ts";

/** Per provider id, the kinds of account there are. A provider without any is absent. */
export type KindsByProvider = ReadonlyMap<string, ReadonlySet<CredentialKind>>;

export interface Access {
  /** Of all enabled accounts. */
  readonly connected: KindsByProvider;
  /** Of the enabled accounts inside the key's scopes: what a request is resolved among. */
  readonly allowed: KindsByProvider;
  /** Of those, the accounts that can answer now (no sign-in is due): what lists are made of. */
  readonly usable: KindsByProvider;
  /** The key's model scope; null for no limit. */
  readonly models: readonly string[] | null;
}

export type AccessAccount = Pick<AccountRecord, "id" | "provider" | "kind" | "enabled" | "status">;
export type KeyScopes = Pick<KeyRecord, "providers" | "models" | "accounts">;

export function accessOf(accounts: readonly AccessAccount[], key: KeyScopes): Access {
  const connected = accounts.filter((account) => account.enabled);
  const allowed = connected.filter(
    (account) => holds(key.providers, account.provider) && holds(key.accounts, account.id),
  );
  const usable = allowed.filter((account) => account.status === "active");
  return {
    connected: kindsOf(connected),
    allowed: kindsOf(allowed),
    usable: kindsOf(usable),
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
  const names = models.map((model) => parseName(model, providers));
  return (provider, id) =>
    names.some(
      (name) =>
        (name.provider === undefined || name.provider === provider) &&
        (name.id === id || provider.spellings(name.id).includes(id)),
    );
}

function holds(scope: readonly string[] | null, value: string): boolean {
  return scope === null || scope.includes(value);
}

function kindsOf(accounts: readonly AccessAccount[]): KindsByProvider {
  const kinds = new Map<string, Set<CredentialKind>>();
  for (const { provider, kind } of accounts) {
    const known = kinds.get(provider) ?? new Set();
    kinds.set(provider, known.add(kind));
  }
  return kinds;
}
