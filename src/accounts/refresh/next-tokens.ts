/** The tokens of an account after a refresh. Pure. */
import type { NextTokens, OpenAccount } from "../../storage/port.ts";

/** The tokens that a provider sent. Null: not sent, so the stored one stays. */
export interface FreshTokens {
  accessToken: string | null;
  refreshToken: string | null;
  idToken: string | null;
  expiresAt: number | null;
}

/** From the account as it was read; `fresh` is null when its tokens are still valid. */
export function nextTokens({ account, secrets }: OpenAccount, fresh: FreshTokens | null): NextTokens {
  if (fresh === null) return { ...secrets, expiresAt: account.expiresAt, spentToken: null };
  const isRotated = fresh.refreshToken !== null && fresh.refreshToken !== secrets.refreshToken;
  return {
    accessToken: fresh.accessToken ?? secrets.accessToken,
    refreshToken: fresh.refreshToken ?? secrets.refreshToken,
    idToken: fresh.idToken ?? secrets.idToken,
    apiKey: secrets.apiKey,
    expiresAt: fresh.expiresAt,
    spentToken: isRotated ? secrets.refreshToken : null,
  };
}
