/** An account as the admin API shows it: snake_case, without secrets. */
import type { Json, JsonObject } from "../json.ts";
import type { Provider } from "../providers/provider.ts";
import { CLASS_WORDS } from "../providers/refusal.ts";
import type { AccountRecord, RefusalNote } from "../storage/port.ts";

/**
 * The metadata that is shown whatever the provider; `Provider.shownMetadata` adds its own. An allowlist: a new field stays
 * hidden until it is added.
 */
const SHOWN = ["email", "login", "name", "plan", "domain", "organization", "login_expires_at"] as const;

export function accountView(
  account: AccountRecord,
  providers: readonly Pick<Provider, "id" | "shownMetadata">[],
): JsonObject {
  const provider = providers.find(({ id }) => id === account.provider);
  return {
    id: account.id,
    provider: account.provider,
    kind: account.kind,
    external_id: account.externalId,
    label: account.label,
    enabled: account.enabled,
    primary: account.primary,
    rank: account.rank,
    status: account.status,
    status_reason: account.statusReason,
    metadata: shownMetadata(account.metadata, provider?.shownMetadata ?? []),
    expires_at: account.expiresAt,
    last_refresh_at: account.lastRefreshAt,
    last_refresh_status: account.lastRefreshStatus,
    last_refresh_error: account.lastRefreshError,
    last_refusal: account.lastRefusal && refusalView(account.lastRefusal),
    created_at: account.createdAt,
    updated_at: account.updatedAt,
  };
}

function refusalView({ class: name, model, words, advice, at }: RefusalNote): JsonObject {
  return { class: name, summary: CLASS_WORDS[name], model, words, advice, at };
}

function shownMetadata(metadata: JsonObject, own: readonly string[]): JsonObject {
  const shown: JsonObject = {};
  for (const name of [...SHOWN, ...own]) {
    const value = metadata[name];
    if (isScalar(value)) shown[name] = value;
  }
  return shown;
}

function isScalar(value: Json | undefined): value is string | number | boolean | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
