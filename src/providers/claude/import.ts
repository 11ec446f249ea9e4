/** Accounts from tokens, keys and the credential files of Claude Code and OpenCode. Never repeats a secret in an error. */
import { KleisError } from "../../errors.ts";
import { isObject, type JsonObject, text } from "../../json.ts";
import { readExpiry } from "../expiry.ts";
import { fitsHeader } from "../header-text.ts";
import { importedAccount } from "../imported-account.ts";
import { cleanCredential } from "../pasted-credential.ts";
import type { FileEntry, ImportedAccount, ImportInput } from "../provider.ts";

export function importAccount(input: ImportInput): ImportedAccount {
  return input.kind === "api_key" ? apiKeyAccount(input) : oauthAccount(input);
}

/** Entries of Claude Code's `.credentials.json` and of OpenCode's `auth.json`; one that a sign-out has emptied is none. */
export function importFile({ claudeAiOauth: claudeCode, anthropic: openCode }: JsonObject): FileEntry[] {
  const entries: FileEntry[] = [];
  if (isObject(claudeCode) && (text(claudeCode.accessToken) || text(claudeCode.refreshToken))) {
    entries.push({ name: "claudeAiOauth", read: () => claudeCodeAccount(claudeCode) });
  }
  if (!isObject(openCode)) return entries;
  const { type, key, access, refresh, expires } = openCode;
  if (type === "oauth" && (text(access) || text(refresh))) {
    entries.push({ name: "anthropic", read: () => signedIn(access, refresh, expires) });
  }
  if (type === "api" && text(key)) {
    entries.push({
      name: "anthropic",
      read: () => apiKeyAccount({ kind: "api_key", apiKey: text(key) ?? "" }),
    });
  }
  return entries;
}

function claudeCodeAccount(entry: JsonObject): ImportedAccount {
  const account = signedIn(entry.accessToken, entry.refreshToken, entry.expiresAt);
  const plan = text(entry.subscriptionType);
  const scopes = Array.isArray(entry.scopes) ? entry.scopes.filter((scope) => typeof scope === "string") : [];
  if (plan !== undefined) account.metadata.plan = plan;
  if (scopes.length > 0) account.metadata.scopes = scopes;
  return account;
}

function signedIn(access: unknown, refresh: unknown, expires: unknown): ImportedAccount {
  const [accessToken, refreshToken, expiresAt] = [text(access), text(refresh), readExpiry(expires)];
  return oauthAccount({
    kind: "oauth",
    ...(accessToken === undefined ? {} : { accessToken }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

type OAuthInput = Extract<ImportInput, { kind: "oauth" }>;
type ApiKeyInput = Extract<ImportInput, { kind: "api_key" }>;

function oauthAccount(input: OAuthInput): ImportedAccount {
  const accessToken = secret(input.accessToken, "access_token");
  const refreshToken = secret(input.refreshToken, "refresh_token");
  if (accessToken === null && refreshToken === null) {
    throw refusal("A Claude sign-in needs an access token or a refresh token.", "access_token");
  }
  return importedAccount({
    provider: "claude",
    kind: "oauth",
    externalId: input.accountId || undefined,
    label: input.label || undefined,
    metadata: input.accountId ? { account_uuid: input.accountId } : {},
    expiresAt: accessToken === null ? null : (input.expiresAt ?? null),
    accessToken,
    refreshToken,
  });
}

function apiKeyAccount(input: ApiKeyInput): ImportedAccount {
  const apiKey = secret(input.apiKey, "api_key");
  if (apiKey === null) throw refusal("A Claude API-key account needs an API key.", "api_key");
  return importedAccount({
    provider: "claude",
    kind: "api_key",
    label: input.label || undefined,
    apiKey,
  });
}

/** A secret as it can stand in a header; null when there is none. */
function secret(value: string | undefined, param: string): string | null {
  const cleaned = cleanCredential(value ?? "");
  if (cleaned === "") return null;
  if (fitsHeader(cleaned)) return cleaned;
  throw refusal(
    `${param} holds white space or characters that no Claude credential has: copy it again.`,
    param,
  );
}

function refusal(message: string, param: string): KleisError {
  return new KleisError("invalid_request", message, { param });
}
