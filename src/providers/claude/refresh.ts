/** A fresh token pair for a Claude plan (providers/claude.md §1.6, §1.7). Refresh tokens are single-use: ask once, keep what comes. */
import { KleisError } from "../../errors.ts";
import { errorCode, isTransient, type ProviderResponse, whatWentWrong } from "../identity-response.ts";
import { givenBy, refreshGrant, responseOf } from "../oauth.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../provider.ts";
import { PROFILE } from "./profile.ts";
import { readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

export async function refresh(input: RefreshInput, identity: IdentityFetch): Promise<RefreshResult> {
  if (input.account.kind === "api_key") return { status: "valid" };
  if (input.refreshToken === null) {
    return { status: "rejected", reason: "The account holds no refresh token. Connect it again." };
  }
  try {
    const answer = await refreshGrant(identity, tokenServer(input.config), input.refreshToken);
    const given = givenBy(answer);
    const tokens = given === null ? null : readTokens(given, identity.now());
    if (tokens !== null) return { status: "refreshed", idToken: null, ...tokens };
    return judge(responseOf(answer));
  } catch (error) {
    if (error instanceof KleisError) return { status: "unavailable", reason: error.message };
    throw error;
  }
}

/** Only `invalid_grant` ends a login; everything else may pass or be mended. */
function judge(response: ProviderResponse): RefreshResult {
  if (!isTransient(response) && response.status < 500 && errorCode(response.json) === "invalid_grant") {
    return {
      status: "rejected",
      reason: "Anthropic does not accept this sign-in any more (invalid_grant). Connect the account again.",
    };
  }
  const { waitAtLeast, waitAtMost } = PROFILE.signIn;
  const asked = response.retryAfterMs ?? (response.status === 429 ? waitAtLeast : undefined);
  return {
    status: "unavailable",
    reason: `${whatWentWrong(SERVER, response)}.`,
    ...(asked === undefined ? {} : { retryAfterMs: Math.min(Math.max(asked, waitAtLeast), waitAtMost) }),
  };
}
