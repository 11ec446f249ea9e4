/** OpenAI's token endpoint: its responses, and the account that its tokens name (providers/codex.md §1.4, §1.5). */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { badResponseError, isTransient } from "../identity-response.ts";
import { type CodeGrant, codeGrant, grantedBy, type OauthServer } from "../oauth.ts";
import type { IdentityFetch, ImportedAccount } from "../provider.ts";
import { readClaims } from "./claims.ts";
import { chatGptAccount } from "./import.ts";
import { SIGN_IN } from "./profile.ts";

/** Its name in messages. */
export const SERVER = "OpenAI's sign-in server";

export function tokenServer(config: Config): OauthServer {
  return { tokenUrl: config.CODEX_AUTH_URL + SIGN_IN.tokenPath, clientId: config.CODEX_CLIENT_ID };
}

const token = z.catch(z.optional(z.string().check(z.minLength(1))), undefined);

const tokenResponse = z.object({
  access_token: token,
  refresh_token: token,
  id_token: token,
  expires_in: z.catch(z.optional(z.number().check(z.positive())), undefined),
});

export interface CodexTokens {
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** Any of the three tokens may be missing (§1.4); the caller decides which are required. */
export function readTokens(json: JsonObject, now: number): CodexTokens {
  const {
    access_token = null,
    refresh_token = null,
    id_token = null,
    expires_in,
  } = tokenResponse.parse(json);
  const named = expires_in === undefined ? undefined : now + expires_in * 1000;
  const own = access_token === null ? undefined : readClaims(access_token)?.expiresAt;
  return {
    accessToken: access_token,
    refreshToken: refresh_token,
    idToken: id_token,
    expiresAt: named ?? own ?? now + SIGN_IN.assumedLifetime * 1000,
  };
}

/** Exchanges a code for an account. Throws `KleisError`; `invalid_request` means that the code is not valid. */
export async function exchange(
  grant: CodeGrant,
  config: Config,
  identity: IdentityFetch,
): Promise<ImportedAccount> {
  const response = await codeGrant(identity, tokenServer(config), grant);
  const granted = grantedBy(response);
  const tokens = granted === null ? null : readTokens(granted, identity.now());
  if (tokens?.accessToken && tokens.refreshToken) return accountOf(tokens);
  if ([400, 401, 403].includes(response.status) && !isTransient(response)) {
    throw new KleisError(
      "invalid_request",
      "OpenAI did not accept this code: it was used already, is too old, or belongs to another sign-in. Open the address again and paste the new one.",
      { param: "code" },
    );
  }
  throw badResponseError(SERVER, response, "Wait a moment, then try again.");
}

function accountOf(tokens: CodexTokens): ImportedAccount {
  try {
    return chatGptAccount(tokens);
  } catch (cause) {
    throw new KleisError(
      "invalid_request",
      "The tokens that OpenAI sent do not name a ChatGPT account. Sign in with an account that has a ChatGPT plan with Codex.",
      { cause },
    );
  }
}
