/** Makes accounts of material that the owner already has: tokens, a key, a Codex or OpenCode credential file. */
import * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { fitsHeader } from "../header-text.ts";
import type { ImportedAccount, ImportInput } from "../provider.ts";
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

const text = z.string().check(z.trim(), z.minLength(1));
const word = z.catch(z.optional(text), undefined);

/** `auth.json` of the Codex CLI (codex.md §5). */
const codexFile = z.object({
  OPENAI_API_KEY: word,
  tokens: z.catch(
    z.optional(z.object({ id_token: word, access_token: word, refresh_token: word, account_id: word })),
    undefined,
  ),
});

/** The entry `openai` of OpenCode's `auth.json`; `expires` is epoch ms. */
const openCodeFile = z.object({
  openai: z.discriminatedUnion("type", [
    z.object({
      type: z.literal("oauth"),
      access: word,
      refresh: word,
      expires: z.catch(z.optional(z.number().check(z.positive())), undefined),
      accountId: word,
    }),
    z.object({ type: z.literal("api"), key: text }),
  ]),
});

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
 * The accounts in a credential file. Where a Codex file holds both a sign-in and a key, the sign-in is taken alone:
 * the CLI uses it too, and a key costs money.
 */
export function importFile(file: JsonObject): ImportedAccount[] {
  const openCode = openCodeFile.safeParse(file);
  if (openCode.success) {
    const entry = openCode.data.openai;
    if (entry.type === "api") return [apiKeyAccount(entry.key)];
    return [
      chatGptAccount({
        accessToken: entry.access ?? null,
        refreshToken: entry.refresh ?? null,
        idToken: null,
        expiresAt: entry.expires,
        accountId: entry.accountId,
      }),
    ];
  }
  const codex = codexFile.safeParse(file);
  if (!codex.success) return [];
  const { tokens, OPENAI_API_KEY: apiKey } = codex.data;
  if (tokens?.access_token !== undefined || tokens?.refresh_token !== undefined) {
    return [
      chatGptAccount({
        accessToken: tokens.access_token ?? null,
        refreshToken: tokens.refresh_token ?? null,
        idToken: tokens.id_token ?? null,
        accountId: tokens.account_id,
      }),
    ];
  }
  return apiKey === undefined ? [] : [apiKeyAccount(apiKey)];
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
  return {
    provider: "codex",
    kind: "oauth",
    // Members of one workspace share its account id; the user id keeps their sign-ins apart.
    externalId: claims.userId === undefined ? accountId : `${accountId}:${claims.userId}`,
    ...labelled(tokens.label ?? claims.email),
    metadata: metadataOf(accountId, claims),
    expiresAt: expiresAt ?? null,
    accessToken,
    refreshToken,
    idToken: idToken || null,
    apiKey: null,
  };
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
  return {
    provider: "codex",
    kind: "api_key",
    ...labelled(label),
    metadata: {},
    expiresAt: null,
    accessToken: null,
    refreshToken: null,
    idToken: null,
    apiKey: key,
  };
}

/** What every request has to carry, trimmed; null when there is none. */
function sendable(value: string | null | undefined, param: string): string | null {
  const trimmed = value?.trim() ?? "";
  if (trimmed === "") return null;
  if (fitsHeader(trimmed)) return trimmed;
  throw new KleisError(
    "invalid_request",
    `${param} holds white space or characters that none from OpenAI has: copy it again.`,
    { param },
  );
}

function labelled(label: string | undefined): { label?: string } {
  return label === undefined ? {} : { label };
}
