/** Makes accounts of material that the owner already has: tokens, a key, a Codex or OpenCode credential file. */
import { KleisError } from "../../errors.ts";
import { isObject, type JsonObject, text } from "../../json.ts";
import { readExpiry } from "../expiry.ts";
import { fitsHeader } from "../header-text.ts";
import { importedAccount } from "../imported-account.ts";
import { cleanCredential } from "../pasted-credential.ts";
import type { FileEntry, ImportedAccount, ImportInput } from "../provider.ts";
import { type Claims, mergeClaims, readClaims } from "./claims.ts";

/** A ChatGPT sign-in, from wherever it comes: an import or a finished OAuth flow. */
export interface ChatGptTokens {
  accessToken: string | null;
  refreshToken: string | null;
  idToken: string | null;
  /** Epoch ms; where absent, the access token's own `exp` counts. */
  expiresAt?: number | undefined;
  /** Where absent, the tokens' claims are asked, the id token first. */
  accountId?: string | undefined;
  label?: string | undefined;
}

export function importAccount(input: ImportInput): ImportedAccount {
  if (input.kind === "api_key") return apiKeyAccount(input.apiKey, input.label);
  return chatGptAccount({
    accessToken: input.accessToken ?? null,
    refreshToken: input.refreshToken ?? null,
    idToken: null,
    expiresAt: input.expiresAt,
    accountId: input.accountId,
    label: input.label,
  });
}

/**
 * The entries of a credential file: OpenCode's `openai`, or what the Codex CLI keeps (providers/codex.md §5). Where a Codex file
 * holds both a sign-in and a key, the sign-in is taken alone: the CLI uses it too, and a key costs money.
 */
export function importFile({ openai: openCode, tokens, OPENAI_API_KEY: apiKey }: JsonObject): FileEntry[] {
  if (isObject(openCode)) {
    const { type, key, access, refresh, expires, accountId } = openCode;
    if (type === "api" && word(key)) return [keyEntry("openai", key)];
    if (type === "oauth" && (word(access) || word(refresh))) {
      return [
        signInEntry("openai", {
          accessToken: word(access),
          refreshToken: word(refresh),
          idToken: null,
          expiresAt: readExpiry(expires),
          accountId: word(accountId) ?? undefined,
        }),
      ];
    }
  }
  if (isObject(tokens) && (word(tokens.access_token) || word(tokens.refresh_token))) {
    return [
      signInEntry("tokens", {
        accessToken: word(tokens.access_token),
        refreshToken: word(tokens.refresh_token),
        idToken: word(tokens.id_token),
        accountId: word(tokens.account_id) ?? undefined,
      }),
    ];
  }
  return word(apiKey) ? [keyEntry("OPENAI_API_KEY", apiKey)] : [];
}

const signInEntry = (name: string, tokens: ChatGptTokens): FileEntry => ({
  name,
  read: () => chatGptAccount(tokens),
});

const keyEntry = (name: string, key: unknown): FileEntry => ({
  name,
  read: () => apiKeyAccount(word(key) ?? ""),
});

function word(value: unknown): string | null {
  return text(value)?.trim() || null;
}

/** The account of a ChatGPT sign-in. Throws `invalid_request` when a token or the account id is missing, or is none. */
export function chatGptAccount(tokens: ChatGptTokens): ImportedAccount {
  const accessToken = sendable(tokens.accessToken, "access_token");
  const refreshToken = sendable(tokens.refreshToken, "refresh_token");
  const { idToken } = tokens;
  if (!accessToken && !refreshToken) {
    throw new KleisError(
      "invalid_request",
      "A Codex sign-in needs an access_token or a refresh_token: take both from ~/.codex/auth.json, or connect the account on the admin page.",
      { param: "access_token" },
    );
  }
  const claims = mergeClaims([idToken, accessToken]);
  const accountId = sendable(tokens.accountId || claims.accountId, "account_id");
  if (accountId === null) {
    throw new KleisError(
      "invalid_request",
      "The tokens do not say which ChatGPT account they belong to: send account_id as well (tokens.account_id in ~/.codex/auth.json), or connect the account on the admin page.",
      { param: "account_id" },
    );
  }
  const expiresAt = tokens.expiresAt ?? (accessToken ? readClaims(accessToken)?.expiresAt : undefined);
  return importedAccount({
    provider: "codex",
    kind: "oauth",
    // Members of one workspace share its account id; the user id keeps their sign-ins apart.
    externalId: claims.userId === undefined ? accountId : `${accountId}:${claims.userId}`,
    label: tokens.label ?? claims.email,
    metadata: metadataOf(accountId, claims),
    expiresAt: expiresAt ?? null,
    accessToken,
    refreshToken,
    idToken: idToken || null,
  });
}

function metadataOf(accountId: string, claims: Claims): JsonObject {
  return {
    account_id: accountId,
    ...(claims.userId === undefined ? {} : { user_id: claims.userId }),
    ...(claims.email === undefined ? {} : { email: claims.email }),
    ...(claims.plan === undefined ? {} : { plan: claims.plan }),
    ...(claims.fedramp === true ? { fedramp: true } : {}),
  };
}

function apiKeyAccount(apiKey: string, label?: string): ImportedAccount {
  const key = sendable(apiKey, "api_key");
  if (key === null) {
    throw new KleisError("invalid_request", "The API key is empty: send the OpenAI API key as api_key.", {
      param: "api_key",
    });
  }
  return importedAccount({ provider: "codex", kind: "api_key", label, apiKey: key });
}

/** What every request has to carry, trimmed; null when there is none. */
function sendable(value: string | null | undefined, param: string): string | null {
  const cleaned = cleanCredential(value ?? "");
  if (cleaned === "") return null;
  if (fitsHeader(cleaned)) return cleaned;
  throw new KleisError(
    "invalid_request",
    `${param} holds white space or characters that none from OpenAI has: copy it again.`,
    { param },
  );
}
