/** Anthropic's token endpoint: JSON bodies instead of forms, and response fields beyond the standard (providers/claude.md §1.5, §1.6). */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import type { JsonObject } from "../../json.ts";
import type { OauthServer } from "../oauth.ts";
import { PROFILE } from "./profile.ts";

/** Its name in messages. */
export const SERVER = "Anthropic's sign-in server";

export function tokenServer(config: Config): OauthServer {
  return {
    tokenUrl: config.CLAUDE_TOKEN_URL,
    clientId: config.CLAUDE_CLIENT_ID,
    headers: { [PROFILE.headers.beta]: PROFILE.oauthBeta },
    encode: (fields) => ({
      type: "application/json",
      body: JSON.stringify(Object.fromEntries(fields)),
    }),
  };
}

const word = z.catch(z.optional(z.string().check(z.trim(), z.minLength(1))), undefined);
const seconds = z.catch(z.optional(z.number().check(z.positive())), undefined);
const token = z.catch(z.optional(z.string().check(z.minLength(1))), undefined);

const tokenResponse = z.object({
  access_token: token,
  refresh_token: token,
  expires_in: seconds,
  refresh_token_expires_in: seconds,
  scope: word,
  account: z.catch(z.optional(z.object({ uuid: word, email_address: word })), undefined),
  organization: z.catch(z.optional(z.object({ uuid: word, name: word })), undefined),
});

export interface ClaudeTokens {
  /** Null: the stored one stays, and is due for another refresh. */
  readonly accessToken: string | null;
  /** Null: the one that was used stays (§1.6). */
  readonly refreshToken: string | null;
  /** Epoch ms. */
  readonly expiresAt: number;
  /** What the response says about the account, as metadata without undefined members. */
  readonly metadata: JsonObject;
}

/** Decodes a token response, which needs no more than a token (§1.5); null when there is none. */
export function readTokens(json: JsonObject, now: number): ClaudeTokens | null {
  const {
    access_token = null,
    refresh_token = null,
    expires_in = PROFILE.signIn.assumedLifetime,
    refresh_token_expires_in,
    scope,
    account,
    organization,
  } = tokenResponse.parse(json);
  if (access_token === null && refresh_token === null) return null;
  return {
    accessToken: access_token,
    refreshToken: refresh_token,
    expiresAt: access_token === null ? now : now + expires_in * 1000,
    metadata: present({
      account_uuid: account?.uuid,
      email: account?.email_address,
      organization_uuid: organization?.uuid,
      organization: organization?.name,
      scopes: scope?.split(/\s+/),
      // The login as a whole ends then, however often it is refreshed (§1.6).
      login_expires_at:
        refresh_token_expires_in === undefined ? undefined : now + refresh_token_expires_in * 1000,
    }),
  };
}

/** A copy without undefined members, so that spreading it hides nothing. */
export function present(metadata: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
}
