/** Accounts from tokens, keys and the credential files of Claude Code and OpenCode. Never repeats a secret in an error. */
import * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { fitsHeader } from "../header-text.ts";
import type { ImportedAccount, ImportInput } from "../provider.ts";
import { PROFILE } from "./profile.ts";

/** Claude Code's `.credentials.json`; `expiresAt` in epoch ms. */
const claudeCodeFile = z.object({
  claudeAiOauth: z.object({
    accessToken: z.nullish(z.string()),
    refreshToken: z.nullish(z.string()),
    expiresAt: z.nullish(z.number()),
    scopes: z.catch(z.nullish(z.array(z.string())), null),
    subscriptionType: z.catch(z.nullish(z.string()), null),
  }),
});

/** OpenCode's `auth.json`, the entry `anthropic`; `expires` in epoch ms. */
const openCodeFile = z.object({
  anthropic: z.discriminatedUnion("type", [
    z.object({
      type: z.literal("oauth"),
      access: z.nullish(z.string()),
      refresh: z.nullish(z.string()),
      expires: z.nullish(z.number()),
    }),
    z.object({ type: z.literal("api"), key: z.string() }),
  ]),
});

export function importAccount(input: ImportInput): ImportedAccount {
  return input.kind === "api_key" ? apiKeyAccount(input) : oauthAccount(input);
}

export function importFile(file: JsonObject): ImportedAccount[] {
  const accounts: ImportedAccount[] = [];
  const claudeCode = claudeCodeFile.safeParse(file);
  if (claudeCode.success) {
    const { accessToken, refreshToken, expiresAt, scopes, subscriptionType } = claudeCode.data.claudeAiOauth;
    for (const account of signedIn(accessToken, refreshToken, expiresAt)) {
      if (subscriptionType) account.metadata.plan = subscriptionType;
      if (scopes && scopes.length > 0) account.metadata.scopes = scopes;
      accounts.push(account);
    }
  }
  const openCode = openCodeFile.safeParse(file);
  if (openCode.success) {
    const entry = openCode.data.anthropic;
    if (entry.type === "oauth") accounts.push(...signedIn(entry.access, entry.refresh, entry.expires));
    else if (entry.key !== "") accounts.push(apiKeyAccount({ kind: "api_key", apiKey: entry.key }));
  }
  return accounts;
}

type OAuthInput = Extract<ImportInput, { kind: "oauth" }>;
type ApiKeyInput = Extract<ImportInput, { kind: "api_key" }>;

/** None for an entry that a sign-out has emptied. */
function signedIn(
  access: string | null | undefined,
  refresh: string | null | undefined,
  expires: number | null | undefined,
): ImportedAccount[] {
  if (!access && !refresh) return [];
  return [
    oauthAccount({
      kind: "oauth",
      ...(access ? { accessToken: access } : {}),
      ...(refresh ? { refreshToken: refresh } : {}),
      ...(expires ? { expiresAt: expires } : {}),
    }),
  ];
}

function oauthAccount(input: OAuthInput): ImportedAccount {
  const accessToken = secret(input.accessToken, "access_token");
  const refreshToken = secret(input.refreshToken, "refresh_token");
  if (accessToken === null && refreshToken === null) {
    throw refusal("A Claude sign-in needs an access token or a refresh token.", "access_token");
  }
  const { apiKey, refreshToken: refreshMark, accessToken: accessMark } = PROFILE.secrets;
  if (accessToken?.startsWith(apiKey) || refreshToken?.startsWith(apiKey)) {
    throw refusal('This is an API key, not a sign-in token: import it with kind "api_key".', "access_token");
  }
  if (accessToken?.startsWith(refreshMark)) {
    throw refusal("This is a refresh token: give it as refresh_token.", "access_token");
  }
  if (refreshToken?.startsWith(accessMark)) {
    throw refusal("This is an access token: give it as access_token.", "refresh_token");
  }
  return {
    provider: "claude",
    kind: "oauth",
    ...(input.accountId ? { externalId: input.accountId } : {}),
    ...(input.label ? { label: input.label } : {}),
    metadata: input.accountId ? { account_uuid: input.accountId } : {},
    expiresAt: accessToken === null ? null : (input.expiresAt ?? null),
    accessToken,
    refreshToken,
    idToken: null,
    apiKey: null,
  };
}

function apiKeyAccount(input: ApiKeyInput): ImportedAccount {
  const apiKey = secret(input.apiKey, "api_key");
  if (apiKey === null) throw refusal("A Claude API-key account needs an API key.", "api_key");
  const { accessToken, refreshToken } = PROFILE.secrets;
  if (apiKey.startsWith(accessToken) || apiKey.startsWith(refreshToken)) {
    throw refusal('This is a sign-in token, not an API key: import it with kind "oauth".', "api_key");
  }
  return {
    provider: "claude",
    kind: "api_key",
    ...(input.label ? { label: input.label } : {}),
    metadata: {},
    expiresAt: null,
    accessToken: null,
    refreshToken: null,
    idToken: null,
    apiKey,
  };
}

/** A secret as it can stand in a header; null when there is none. */
function secret(value: string | undefined, param: string): string | null {
  const trimmed = value?.trim() ?? "";
  if (trimmed === "") return null;
  if (fitsHeader(trimmed)) return trimmed;
  throw refusal(
    `${param} holds white space or characters that no Claude credential has: copy it again.`,
    param,
  );
}

function refusal(message: string, param: string): KleisError {
  return new KleisError("invalid_request", message, { param });
}
