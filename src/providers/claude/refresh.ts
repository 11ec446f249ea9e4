/** A fresh token pair for a Claude plan (providers/claude.md §1.6, §1.7). Refresh tokens are single-use, so a granted one is always kept. */
import { errorCode, isTransient, type ProviderResponse } from "../identity-response.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../provider.ts";
import { refreshTokens, unavailable } from "../refresh-result.ts";
import { PROFILE } from "./profile.ts";
import { readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

export function refresh(input: RefreshInput, identity: IdentityFetch): Promise<RefreshResult> {
  return refreshTokens(input, identity, {
    server: tokenServer(input.config),
    read(granted, now) {
      const tokens = readTokens(granted, now);
      return tokens && { status: "refreshed", idToken: null, ...tokens };
    },
    judge,
  });
}

/** Only `invalid_grant` ends a sign-in; any other error can be temporary. */
function judge(response: ProviderResponse): RefreshResult {
  if (!isTransient(response) && response.status < 500 && errorCode(response.json) === "invalid_grant") {
    return {
      status: "rejected",
      reason: "Anthropic does not accept this sign-in any more (invalid_grant). Connect the account again.",
    };
  }
  const { waitAtLeast, waitAtMost } = PROFILE.signIn;
  const asked = response.retryAfterMs ?? (response.status === 429 ? waitAtLeast : undefined);
  const wait = asked === undefined ? undefined : Math.min(Math.max(asked, waitAtLeast), waitAtMost);
  return unavailable(SERVER, response, wait);
}
