/**
 * Each account: whether its secrets open, and whether it can be used. Spends nothing: what can be renewed is judged by
 * its end, since renewing uses the refresh token up; what can not is tried by the provider's own check.
 */

import { createProviderNet } from "../../src/accounts/net.ts";
import { KleisError } from "../../src/errors.ts";
import { PROVIDERS, providerById } from "../../src/providers/index.ts";
import type { Runtime } from "../../src/runtime.ts";
import type { AccountRecord, AccountSecrets } from "../../src/storage/port.ts";
import { SealError } from "../../src/storage/seal.ts";
import type { Finding } from "./finding.ts";

type Verdict = Pick<Finding, "level" | "text" | "advice">;

const SIGN_IN = "Connect it again on the admin page.";

export async function lookAtAccounts(runtime: Runtime): Promise<Finding[]> {
  const accounts = await runtime.storage.accounts.list();
  if (accounts.length === 0) {
    const advice = "Connect or import one on the admin page.";
    return [{ area: "accounts", level: "note", text: "There is none yet.", advice }];
  }
  const findings: Finding[] = [];
  for (const account of accounts) {
    const { level, text, advice } = await judge(runtime, account);
    findings.push({
      area: "accounts",
      level: level === "problem" && !account.enabled ? "note" : level,
      text: `${account.provider} "${account.label}" (${account.id}${account.enabled ? "" : ", switched off"}): ${text}`,
      ...(advice === undefined ? {} : { advice }),
    });
  }
  return findings;
}

/** The origins that the accounts there are (or, without any, any account) are used and renewed at. */
export function originsOf(runtime: Runtime, accounts: readonly AccountRecord[]): string[] {
  const { config } = runtime;
  const of = accounts.flatMap((account) => {
    const provider = providerById(account.provider);
    if (provider === undefined) return [];
    try {
      return [
        ...provider.origins(account, config),
        ...(account.kind === "oauth" ? (provider.identityOrigins?.(account.metadata, config) ?? []) : []),
      ];
    } catch {
      return [];
    }
  });
  return [...new Set(of)];
}

async function judge(runtime: Runtime, account: AccountRecord): Promise<Verdict> {
  const provider = providerById(account.provider);
  if (provider === undefined) {
    const known = PROVIDERS.map(({ id }) => id).join(", ");
    return { level: "problem", text: `this version knows no such provider (${known}).` };
  }
  let secrets: AccountSecrets | null;
  try {
    secrets = await runtime.storage.accounts.secrets(account.id);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    const advice =
      "Add the former key to ENCRYPTION_KEY (comma-separated, behind the present one), or connect it again.";
    return { level: "problem", text: "its secrets do not open with ENCRYPTION_KEY.", advice };
  }
  if (account.status === "needs_login") {
    return { level: "problem", text: account.statusReason ?? "it must sign in again.", advice: SIGN_IN };
  }
  if (account.kind === "api_key") return { level: "ok", text: "an API key; not tried." };
  const failed =
    account.lastRefreshStatus === "failed" ? ` The last renewal failed: ${account.lastRefreshError}` : "";
  if (secrets?.refreshToken) return byItsEnd(account, runtime.clock.now(), failed);
  if (account.expiresAt !== null) return untilItsEnd(account.expiresAt, runtime.clock.now());
  return tried(runtime, account, secrets);
}

function byItsEnd({ expiresAt }: AccountRecord, now: number, failed: string): Verdict {
  const level = failed === "" ? "ok" : "note";
  if (expiresAt !== null && expiresAt <= now) {
    return { level, text: `its token has ended and is renewed at the next use.${failed}` };
  }
  const until = expiresAt === null ? "" : ` until ${new Date(expiresAt).toISOString()}`;
  return { level, text: `its token holds${until} and is renewed by itself.${failed}` };
}

/** There is an access token and nothing to renew it with. */
function untilItsEnd(expiresAt: number, now: number): Verdict {
  const at = new Date(expiresAt).toISOString();
  if (expiresAt <= now) {
    return {
      level: "problem",
      text: `its token ended at ${at} and there is no refresh token.`,
      advice: SIGN_IN,
    };
  }
  return { level: "note", text: `its token ends at ${at}, and there is no refresh token.`, advice: SIGN_IN };
}

/** Nothing can be rotated, so that the provider's renewal is no more than a look whether the token is good. */
async function tried(
  runtime: Runtime,
  account: AccountRecord,
  secrets: AccountSecrets | null,
): Promise<Verdict> {
  const provider = providerById(account.provider);
  if (!provider?.refresh) return { level: "ok", text: "there is nothing to renew." };
  try {
    const net = createProviderNet(runtime, provider, account.metadata);
    const result = await provider.refresh(
      {
        account,
        accessToken: secrets?.accessToken ?? null,
        refreshToken: null,
        idToken: secrets?.idToken ?? null,
        config: runtime.config,
      },
      net,
    );
    if (result.status === "rejected") return { level: "problem", text: result.reason, advice: SIGN_IN };
    if (result.status === "unavailable")
      return { level: "note", text: `could not be tried: ${result.reason}` };
    return { level: "ok", text: "the provider accepts its token." };
  } catch (error) {
    if (error instanceof KleisError) return { level: "problem", text: error.message };
    throw error;
  }
}
