/**
 * Notes on the account that its provider rejects its key, or an access token that cannot be refreshed. Such an account
 * stays in use, because a single 401 must not lock its owner out. The note is written in the background and removed when
 * a request succeeds. Other sign-ins are refreshed instead (credentials.ts).
 */
import type { Credential } from "../providers/account.ts";
import type { Runtime } from "../runtime.ts";
import type { AccountRecord, OpenAccount } from "../storage/port.ts";
import type { AccountCache } from "./account-cache.ts";

/** Status of an account whose key got a 401 (providers/claude.md §3.4, providers/codex.md §2.8). */
export const KEY_REJECTED =
  "The provider refused this key. Requests still try it: replace the key, or remove the account.";

/** Status of an account whose access token got a 401 and has no refresh token. */
export const TOKEN_REJECTED =
  "The provider refused this access token, and there is no refresh token to renew it with. Requests still try it: connect the account again.";

/** Status of an API key that could not be checked when it was saved; removed by the first request. */
export const NOT_CHECKED = "Not checked: the provider could not be asked when this key was saved.";

/** True when the status reason of an active account is that its credential is rejected. */
export function isRejection(statusReason: string | null): boolean {
  return statusReason === KEY_REJECTED || statusReason === TOKEN_REJECTED;
}

/** The same change is not written again within this time, ms: a key may be rejected for some requests only. */
const QUIET_MS = 60_000;

/** Reports the HTTP status of a response to a request with this account's credential. Returns immediately. */
export type ReportStatus = (account: AccountRecord, credential: Credential, status: number) => void;

export function watchRejections(
  runtime: Runtime,
  accountCache: Pick<AccountCache, "open" | "learn">,
  renewable: (open: OpenAccount) => boolean,
): ReportStatus {
  const { storage, clock, logger } = runtime;
  const writes = new Map<string, { of: number; at: number }>();

  async function write(
    id: string,
    { kind, token }: Credential,
    from: string | null,
    to: string | null,
  ): Promise<void> {
    const open = await accountCache.open(id);
    if (open === null || renewable(open)) return;
    // The account has another credential by now.
    if (token !== (kind === "api_key" ? open.secrets.apiKey : open.secrets.accessToken)) return;
    const { version } = open;
    const account = await storage.accounts.changeReason(id, { version, from, to });
    if (account !== null) accountCache.learn({ ...open, account });
  }

  return ({ id, statusReason, updatedAt }, credential, status) => {
    const isRejected = status === 401;
    if (status >= 400 && !isRejected) return;
    const words = credential.kind === "api_key" ? KEY_REJECTED : TOKEN_REJECTED;
    const to = isRejected ? words : null;
    const from = statusReason === NOT_CHECKED ? NOT_CHECKED : isRejected ? null : words;
    if (statusReason !== from) return;
    const now = clock.now();
    const name = `${id} ${isRejected}`;
    const last = writes.get(name);
    if (last?.of === updatedAt && now - last.at < QUIET_MS) return;
    writes.set(name, { of: updatedAt, at: now });
    runtime.waitUntil(
      write(id, credential, from, to).catch((error: unknown) => {
        logger.warn("refusal_not_noted", {
          account: id,
          error: error instanceof Error ? error.name : "unknown",
        });
      }),
    );
  };
}
