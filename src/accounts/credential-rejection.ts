/**
 * A key that its provider refuses stays in use, for one odd 401 must not lock its owner out; so does an access token
 * that there is nothing to renew with. It is only said beside the account, behind the request that noticed, and taken
 * back when a request succeeds again. Other sign-ins are renewed instead (credentials.ts).
 */
import type { Credential } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import type { AccountRecord, OpenAccount } from "../storage/port.ts";
import type { AccountCache } from "./account-cache.ts";

/** What the owner reads beside an account whose key got a 401 (providers/claude.md §3.4, providers/codex.md §2.8). */
export const KEY_REJECTED =
  "The provider refused this key. Requests still try it: replace the key, or remove the account.";

/** The same of an access token that came without a refresh token. */
export const TOKEN_REJECTED =
  "The provider refused this access token, and there is no refresh token to renew it with. Requests still try it: connect the account again.";

/** What is said of an API key whose provider could not be asked when it was saved; the first request tells. */
export const NOT_CHECKED = "Not checked: the provider could not be asked when this key was saved.";

/** Whether what is said beside an active account is that its one credential is refused. */
export function isRejection(statusReason: string | null): boolean {
  return statusReason === KEY_REJECTED || statusReason === TOKEN_REJECTED;
}

/** The same thing is not written again within this time, ms: a key may be refused for some requests only. */
const QUIET_MS = 60_000;

/** Takes note of what a provider answered (an HTTP status) to a request with this account's credential. Returns at once. */
export type Answered = (account: AccountRecord, credential: Credential, status: number) => void;

export function watchRejections(
  runtime: Runtime,
  accountCache: Pick<AccountCache, "open" | "learn">,
  renewable: (open: OpenAccount) => boolean,
): Answered {
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
    // Another one by now, of which nothing is known.
    if (token !== (kind === "api_key" ? open.secrets.apiKey : open.secrets.accessToken)) return;
    const { version } = open;
    const account = await storage.accounts.changeReason(id, { version, from, to });
    if (account !== null) accountCache.learn({ ...open, account });
  }

  return ({ id, statusReason, updatedAt }, credential, status) => {
    const isRefused = status === 401;
    if (status >= 400 && !isRefused) return;
    const words = credential.kind === "api_key" ? KEY_REJECTED : TOKEN_REJECTED;
    const to = isRefused ? words : null;
    const from = statusReason === NOT_CHECKED ? NOT_CHECKED : isRefused ? null : words;
    if (statusReason !== from) return;
    const now = clock.now();
    const name = `${id} ${isRefused}`;
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
