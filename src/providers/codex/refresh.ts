/** A fresh token pair for a ChatGPT plan (providers/codex.md §1.4). Refresh tokens rotate, so a granted one is always kept. */
import type { JsonObject } from "../../json.ts";
import { errorCode, isTransient, type ProviderResponse } from "../identity-response.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../provider.ts";
import { refreshTokens, unavailable } from "../refresh-result.ts";
import { mergeClaims } from "./claims.ts";
import { SIGN_IN } from "./profile.ts";
import { readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

export function refresh(input: RefreshInput, identity: IdentityFetch): Promise<RefreshResult> {
  return refreshTokens(input, identity, { server: tokenServer(input.config), read: refreshed, judge });
}

/** Null when the response holds no token. A rotated refresh token is kept even when it comes alone. */
function refreshed(granted: JsonObject, now: number): RefreshResult | null {
  const { accessToken, refreshToken, idToken, expiresAt } = readTokens(granted, now);
  if (accessToken === null && refreshToken === null) return null;
  return {
    status: "refreshed",
    accessToken,
    refreshToken,
    idToken,
    // Without a new access token the old one stays, and is due for another refresh.
    expiresAt: accessToken === null ? now : expiresAt,
    metadata: changeable([idToken, accessToken]),
  };
}

/** What may have changed since the last tokens: the plan and the email address. The account's id does not change. */
function changeable(tokens: (string | null)[]): JsonObject {
  const { email, plan } = mergeClaims(tokens);
  return { ...(email === undefined ? {} : { email }), ...(plan === undefined ? {} : { plan }) };
}

function judge(response: ProviderResponse): RefreshResult {
  const code = errorCode(response.json);
  if (
    !isTransient(response) &&
    (response.status === 401 || (response.status >= 400 && SIGN_IN.dead.has(code ?? "")))
  ) {
    return {
      status: "rejected",
      reason: `OpenAI does not accept this sign-in any more (${code ?? response.status}). Connect the account again.`,
    };
  }
  return unavailable(SERVER, response);
}
