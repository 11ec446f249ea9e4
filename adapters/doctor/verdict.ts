/** What is known of an account without a try: the one set of rules for the doctor on the spot and the one from outside. */
import { NOT_CHECKED } from "../../src/accounts/credential-rejection.ts";
import type { AccountRecord, RefusalNote } from "../../src/storage/port.ts";
import type { Finding } from "./finding.ts";

export type Verdict = Pick<Finding, "level" | "text" | "advice">;

export interface Known
  extends Pick<
    AccountRecord,
    "kind" | "status" | "statusReason" | "expiresAt" | "lastRefreshStatus" | "lastRefreshError"
  > {
  /** Whether there is a refresh token; null where that cannot be seen. */
  renews: boolean | null;
}

export const SIGN_IN = "Connect it again on the admin page.";

export const NO_ACCOUNT: Finding = {
  area: "accounts",
  level: "note",
  text: "There is none yet.",
  advice: "Connect or import one on the admin page.",
};

/** Null: nothing that is known speaks against it, and only a try tells more. `now` in epoch ms. */
export function verdictOf(known: Known, now: number): Verdict | null {
  const { kind, status, statusReason, expiresAt, renews } = known;
  if (status === "needs_login") {
    return { level: "problem", text: statusReason ?? "it must sign in again.", advice: SIGN_IN };
  }
  if (statusReason === NOT_CHECKED) return { level: "note", text: NOT_CHECKED };
  if (statusReason !== null) return { level: "problem", text: statusReason };
  if (kind === "api_key") return { level: "ok", text: "an API key; not tried." };
  const at = expiresAt === null ? null : new Date(expiresAt).toISOString();
  const hasEnded = expiresAt !== null && expiresAt <= now;
  if (renews === false) return at === null ? null : unrenewed(at, hasEnded);
  if (known.lastRefreshStatus === "failed") {
    return notRenewed(at, hasEnded, known.lastRefreshError ?? "no reason is noted");
  }
  if (hasEnded)
    return renews ? { level: "ok", text: "its token has ended and is renewed at the next use." } : unseen(at);
  if (at === null && renews === null) return null;
  const until = at === null ? "" : ` until ${at}`;
  return { level: "ok", text: `its token holds${until}${renews ? " and is renewed by itself" : ""}.` };
}

/** There is an access token and nothing to renew it with. */
function unrenewed(at: string, hasEnded: boolean): Verdict {
  return hasEnded
    ? { level: "problem", text: `its token ended at ${at} and there is no refresh token.`, advice: SIGN_IN }
    : { level: "note", text: `its token ends at ${at}, and there is no refresh token.`, advice: SIGN_IN };
}

/** The last try to renew it failed, which only matters once it has ended. */
function notRenewed(at: string | null, hasEnded: boolean, reason: string): Verdict {
  const failed = `The last renewal failed: ${reason}`;
  if (hasEnded) {
    const advice = `It is tried again at the next use. If it stays so, connect it again on the admin page.`;
    return { level: "problem", text: `its token ended at ${at}. ${failed}`, advice };
  }
  return { level: "note", text: at === null ? failed : `its token holds until ${at}. ${failed}` };
}

/** It has ended, which is as it should be where it can be renewed. */
function unseen(at: string | null): Verdict {
  const text = `its token ended at ${at}. Whether it can be renewed is not seen from here.`;
  return { level: "note", text, advice: "Press Refresh beside it on the admin page: that tells." };
}

/** The last refusal as doctors see it, from the store or from the admin API. */
export type SeenRefusal = Pick<RefusalNote, "model" | "words" | "advice" | "at"> & { summary: string };

/** What the provider refused last, and has not granted since; nothing where there is none. */
export function refusalFindings(
  account: Parameters<typeof findingOf>[0],
  refusal: SeenRefusal | null | undefined,
): Finding[] {
  if (!refusal) return [];
  const { summary, model, words, advice, at } = refusal;
  const said = words === null ? "" : ` The provider said: “${words}”`;
  const text = `refused at ${new Date(at).toISOString()}, asked for ${model}. ${summary}.${said}`;
  return [findingOf(account, { level: "note", text, advice })];
}

/** The verdict with the account's name. A disabled account is no problem. */
export function findingOf(
  account: Pick<AccountRecord, "id" | "provider" | "label" | "enabled">,
  { level, ...rest }: Verdict,
): Finding {
  const { id, provider, label, enabled } = account;
  return {
    area: "accounts",
    level: level === "problem" && !enabled ? "note" : level,
    ...rest,
    text: `${provider} "${label}" (${id}${enabled ? "" : ", switched off"}): ${rest.text}`,
  };
}
