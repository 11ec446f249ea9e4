/** What became of a refresh, and what the stored state says of it to whoever did not do it himself. */
import { KleisError } from "../../errors.ts";
import type { AccountSecrets, OpenAccount, RefreshState } from "../../storage/port.ts";

/** `fresh`: another version than the one asked about is there. Reasons are in words for the owner, without secrets. */
export type Outcome =
  | { status: "fresh"; open: OpenAccount }
  | { status: "needs_login"; reason: string }
  | { status: "unavailable"; reason: string; retryInMs: number }
  | { status: "gone" };

/** `busy`: somebody holds the lease. `free`: nobody does, and nothing is decided. */
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

/** Characters of a reason at most. */
const REASON_MAX = 400;

/** A provider's reason as it may be stored and shown: bounded, and whatever opens the account blacked out. */
export function redact(reason: string, secrets: AccountSecrets): string {
  const hidden = Object.values(secrets).filter((secret): secret is string => Boolean(secret));
  return hidden.reduce((text, secret) => text.replaceAll(secret, "…"), reason).slice(0, REASON_MAX);
}

/** Why a refused refresh token may have been good once: said beside the provider's reason. */
export const UNANSWERED =
  "An earlier refresh ended without a clear answer, so its token may have been used up by it.";

/** The refusal that a caller gets whom no token could be found for. */
export function refreshError(id: string, outcome: Exclude<Outcome, { status: "fresh" }>): KleisError {
  switch (outcome.status) {
    case "gone":
      return new KleisError("account_needs_login", `The account ${id} is not there any more.`);
    case "needs_login":
      return new KleisError(
        "account_needs_login",
        `The account ${id} must sign in again on the admin page. ${outcome.reason}`.trim(),
      );
    case "unavailable": {
      const seconds = Math.max(1, Math.ceil(outcome.retryInMs / 1000));
      return new KleisError(
        "refresh_failed",
        `The sign-in of account ${id} could not be renewed for now, and Kleis tries again in ${seconds} s. ${outcome.reason}`.trim(),
      );
    }
  }
}
