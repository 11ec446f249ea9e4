/** The errors by which Kleis refuses a request itself, since the provider is known to refuse it. */
import { KleisError } from "../errors.ts";
import { slackOf } from "../limits/rest.ts";
import type { Operation } from "../protocols/protocol.ts";
import type { AccountRecord, LimitRow } from "../storage/port.ts";

/** What is known of the account that the error is about. */
export interface KnownLimit {
  readonly account: AccountRecord | undefined;
  readonly limit: LimitRow | null;
  /** Epoch ms. */
  readonly now: number;
}

/** The vendor has stopped the account. */
export function accountBlocked({ account, limit }: KnownLimit, name: string, adminUrl: string): KleisError {
  const words = limit?.words ?? null;
  const said = words === null ? "" : ` It says: ${words}`;
  return new KleisError(
    "account_blocked",
    `${name} has stopped the account ${labelOf(account)}. Disable or remove it, or make another account the primary, at ${adminUrl}.${said}`,
  );
}

export interface KnownExhaustion extends KnownLimit {
  /** When the first of the limits ends, epoch ms; null where none is stated. */
  readonly resetsAt: number | null;
  readonly operation: Operation;
}

/** The longest wait that agents are asked for, s. */
const MAX_WAIT_S = 60;

/** Every account that may serve the request is exhausted. Agents sleep for the whole of `retry-after`. */
export function accountsExhausted(
  { account, limit, now, resetsAt, operation }: KnownExhaustion,
  name: string,
  adminUrl: string,
): KleisError {
  const slack = limit === null ? 0 : slackOf(limit);
  const wait = resetsAt === null ? null : Math.max(1, Math.ceil((resetsAt + slack - now) / 1000));
  const resetsAtS = resetsAt === null ? null : Math.ceil(resetsAt / 1000);
  const end = resetsAtS === null ? "" : ` The first resets at ${timeOf(resetsAtS)}.`;
  const label = account === undefined ? "" : ` (${labelOf(account)})`;
  return new KleisError(
    "accounts_exhausted",
    `Every ${name} account that may serve this request has used up its limit${label}.${end} Connect another account, allow accounts to take over, or use this one again at ${adminUrl}.`,
    {
      headers: {
        "x-should-retry": "false",
        ...(wait !== null && wait <= MAX_WAIT_S ? { "retry-after": String(wait) } : {}),
        ...(resetsAtS === null ? {} : { "x-kleis-resets-at": String(resetsAtS) }),
      },
      ...(operation === "responses" ? { type: "usage_limit_reached" } : {}),
      ...(resetsAtS === null || wait === null
        ? {}
        : { extra: { resets_at: resetsAtS, resets_in_seconds: wait } }),
    },
  );
}

function labelOf(account: AccountRecord | undefined): string {
  return JSON.stringify(account?.label ?? "unknown");
}

/** Unix seconds as a time to the minute, with its zone. */
function timeOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
