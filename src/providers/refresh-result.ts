/** What the providers' refreshes have in common: the refresh grant, and failures that leave the account as it is. */
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { type ProviderResponse, whatWentWrong } from "./identity-response.ts";
import { grantedBy, type OauthServer, refreshGrant } from "./oauth.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "./provider.ts";

export interface TokenRefresh {
  readonly server: OauthServer;
  /** Reads a successful response; null when it holds no token to store. */
  read(granted: JsonObject, now: number): RefreshResult | null;
  /** Classifies any other response. */
  judge(response: ProviderResponse): RefreshResult;
}

/** Refreshes a sign-in by the refresh grant. An API key needs no refresh. */
export async function refreshTokens(
  { account, refreshToken }: RefreshInput,
  identity: IdentityFetch,
  { server, read, judge }: TokenRefresh,
): Promise<RefreshResult> {
  if (account.kind === "api_key") return { status: "valid" };
  if (refreshToken === null) {
    return { status: "rejected", reason: "The account holds no refresh token. Connect it again." };
  }
  return orUnavailable(async () => {
    const response = await refreshGrant(identity, server, refreshToken);
    const granted = grantedBy(response);
    return (granted === null ? null : read(granted, identity.now())) ?? judge(response);
  });
}

/** Turns a `KleisError` (a server that cannot be reached, a response that is too large) into `unavailable`. */
export async function orUnavailable(run: () => Promise<RefreshResult>): Promise<RefreshResult> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof KleisError) return { status: "unavailable", reason: error.message };
    throw error;
  }
}

/** A response that says nothing about the sign-in. `retryAfterMs` defaults to what the server asks for. */
export function unavailable(
  server: string,
  response: ProviderResponse,
  retryAfterMs = response.retryAfterMs,
): RefreshResult {
  return {
    status: "unavailable",
    reason: `${whatWentWrong(server, response)}.`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
