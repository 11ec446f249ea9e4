/** A fresh token pair for a ChatGPT plan (providers/codex.md §1.4). Refresh tokens rotate: ask once, keep what comes. */
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { errorCode, isTransient, type ProviderResponse, whatWentWrong } from "../identity-response.ts";
import { givenBy, refreshGrant, responseOf } from "../oauth.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../provider.ts";
import { mergeClaims } from "./claims.ts";
import { SIGN_IN } from "./profile.ts";
import { readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

export async function refresh(input: RefreshInput, identity: IdentityFetch): Promise<RefreshResult> {
  if (input.account.kind === "api_key") return { status: "valid" };
  if (input.refreshToken === null) {
    return { status: "rejected", reason: "The account holds no refresh token. Connect it again." };
  }
  try {
    const answer = await refreshGrant(identity, tokenServer(input.config), input.refreshToken);
    return refreshed(givenBy(answer), identity.now()) ?? judge(responseOf(answer));
  } catch (error) {
    if (error instanceof KleisError) return { status: "unavailable", reason: error.message };
    throw error;
  }
}

/** Null when the answer holds nothing to keep. A rotated refresh token is kept even when it comes alone. */
function refreshed(given: JsonObject | null, now: number): RefreshResult | null {
  if (given === null) return null;
  const { accessToken, refreshToken, idToken, expiresAt } = readTokens(given, now);
  if (accessToken === null && refreshToken === null) return null;
  return {
    status: "refreshed",
    accessToken,
    refreshToken,
    idToken,
    // Without a new access token the old one is all there is, and it is due for another refresh.
    expiresAt: accessToken === null ? now : expiresAt,
    metadata: told([idToken, accessToken]),
  };
}

/** What may have changed since the last tokens: the plan, the address. The account's id stays what it is. */
function told(tokens: (string | null)[]): JsonObject {
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
  const { retryAfterMs } = response;
  return {
    status: "unavailable",
    reason: `${whatWentWrong(SERVER, response)}.`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
