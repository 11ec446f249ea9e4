/** The outcome of a refresh, also as read from the stored state by a process that did not perform it. */
import { KleisError } from "../../errors.ts";
import type { AccountSecrets, OpenAccount, RefreshState } from "../../storage/port.ts";

/** `fresh`: a version other than the one asked about is stored. Reasons are for the owner and hold no secrets. */
export type Outcome =
  | { status: "fresh"; open: OpenAccount }
  | { status: "needs_login"; reason: string }
  | { status: "unavailable"; reason: string; retryInMs: number }
  | { status: "gone" };

/** `busy`: an attempt holds the lease. `free`: none does, and the outcome is open. */
export type RefreshStatus = Outcome | { status: "busy" } | { status: "free" };

/** Reads the outcome of the refresh of `version` from the stored state. */
export function refreshStatus(state: RefreshState | null, version: number): RefreshStatus {
  if (state === null) return { status: "gone" };
  const { account } = state;
  if (account.status === "needs_login") return { status: "needs_login", reason: account.statusReason ?? "" };
  if (state.version !== version) return { status: "fresh", open: state };
  if (state.heldOffForMs > 0) {
    return {
      status: "unavailable",
      reason: account.lastRefreshError ?? "",
      retryInMs: state.heldOffForMs,
    };
  }
  return { status: state.leasedForMs > 0 ? "busy" : "free" };
}

/** Maximum length of a reason, in characters. */
const REASON_MAX = 400;

/** A provider's reason as it may be stored and shown: bounded, with the account's secrets removed. */
export function redact(reason: string, secrets: AccountSecrets): string {
  const hidden = Object.values(secrets).filter((secret): secret is string => Boolean(secret));
  return hidden.reduce((text, secret) => text.replaceAll(secret, "…"), reason).slice(0, REASON_MAX);
}

/** Appended to the provider's reason when a rejected refresh token may have been used up by an earlier attempt. */
export const UNANSWERED = "An earlier refresh ended without a clear response and may have used up the token.";

/** Error when no usable token could be obtained. */
export function refreshError(id: string, outcome: Exclude<Outcome, { status: "fresh" }>): KleisError {
  switch (outcome.status) {
    case "gone":
      return new KleisError("account_needs_login", `The account ${id} no longer exists.`);
    case "needs_login":
      return new KleisError(
        "account_needs_login",
        `The account ${id} must sign in again on the admin page. ${outcome.reason}`.trim(),
      );
    case "unavailable": {
      const seconds = Math.max(1, Math.ceil(outcome.retryInMs / 1000));
      return new KleisError(
        "refresh_failed",
        `The sign-in of account ${id} could not be refreshed. Kleis tries again in ${seconds} s. ${outcome.reason}`.trim(),
      );
    }
  }
}
