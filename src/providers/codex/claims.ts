/**
 * Reads the payload of ChatGPT tokens (providers/codex.md §1.5). The signature is not checked: the tokens come from the issuer's
 * own endpoint or from the owner's hands, and only OpenAI decides what they open.
 */
import * as z from "zod/mini";
import { fromBase64 } from "../../bytes.ts";
import { parseJson } from "../../json.ts";
import { AUTH_CLAIM, PROFILE_CLAIM } from "./profile.ts";

/** What a token says; absent where it does not. */
export interface Claims {
  accountId?: string;
  userId?: string;
  email?: string;
  plan?: string;
  /** True for an account of the FedRAMP environment. */
  fedramp?: boolean;
  /** Epoch ms. */
  expiresAt?: number;
}

const word = z.catch(z.optional(z.string().check(z.minLength(1))), undefined);

const payload = z.object({
  exp: z.catch(z.optional(z.number().check(z.positive())), undefined),
  email: word,
  chatgpt_account_id: word,
  [AUTH_CLAIM]: z.catch(
    z.optional(
      z.object({
        chatgpt_account_id: word,
        chatgpt_user_id: word,
        chatgpt_plan_type: word,
        chatgpt_account_is_fedramp: z.catch(z.optional(z.boolean()), undefined),
      }),
    ),
    undefined,
  ),
  [PROFILE_CLAIM]: z.catch(z.optional(z.object({ email: word })), undefined),
});

/** The claims of one token; null when it is not a readable JWT (opaque tokens are legal). */
export function readClaims(token: string): Claims | null {
  const source = decodePayload(token);
  const decoded = payload.safeParse(source === null ? null : parseJson(source));
  if (!decoded.success) return null;
  const { exp, email, chatgpt_account_id, [AUTH_CLAIM]: auth, [PROFILE_CLAIM]: profile } = decoded.data;
  return present({
    accountId: chatgpt_account_id ?? auth?.chatgpt_account_id,
    userId: auth?.chatgpt_user_id,
    email: email ?? profile?.email,
    plan: auth?.chatgpt_plan_type,
    fedramp: auth?.chatgpt_account_is_fedramp,
    expiresAt: exp === undefined ? undefined : exp * 1000,
  });
}

/**
 * The claims of several tokens together; for each claim the first token that has it counts. `expiresAt` is left out,
 * because it is a token's own and not the account's.
 */
export function mergeClaims(tokens: readonly (string | null)[]): Claims {
  let merged: Claims = {};
  for (const token of tokens) {
    if (token !== null) merged = { ...readClaims(token), ...merged };
  }
  const { expiresAt: _, ...account } = merged;
  return account;
}

/** A copy without the members that are undefined, so that spreading it hides nothing. */
function present(claims: { [K in keyof Claims]: Claims[K] | undefined }): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

/** The middle part of a JWT as text; null when there is none. */
function decodePayload(token: string): string | null {
  const parts = token.split(".");
  const middle = parts[1];
  if (parts.length !== 3 || !middle) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(middle));
  } catch {
    return null;
  }
}
