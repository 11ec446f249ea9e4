/**
 * Each account: whether its secrets open, and whether it can be used. Spends nothing: what can be renewed is judged by
 * its end, since renewing uses the refresh token up; what cannot is tried by the provider's own check.
 */

import { isRejection } from "../../src/accounts/credential-rejection.ts";
import { createIdentityFetch } from "../../src/accounts/identity-fetch.ts";
import { KleisError } from "../../src/errors.ts";
import { PROVIDERS, providerById } from "../../src/providers/index.ts";
import { CLASS_WORDS } from "../../src/providers/refusal.ts";
import type { Runtime } from "../../src/runtime.ts";
import type { AccountRecord, AccountSecrets } from "../../src/storage/port.ts";
import { SealError } from "../../src/storage/seal.ts";
import type { Finding } from "./finding.ts";
import { findingOf, NO_ACCOUNT, refusalFindings, SIGN_IN, type Verdict, verdictOf } from "./verdict.ts";

export async function lookAtAccounts(runtime: Runtime): Promise<Finding[]> {
  const accounts = await runtime.storage.accounts.list();
  if (accounts.length === 0) return [NO_ACCOUNT];
  const findings: Finding[] = [];
  for (const account of accounts) {
    const { lastRefusal } = account;
    const seen = lastRefusal && { ...lastRefusal, summary: CLASS_WORDS[lastRefusal.class] };
    findings.push(findingOf(account, await judge(runtime, account)), ...refusalFindings(account, seen));
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
  // What another process said of secrets that it could not open does not hold: here they opened.
  const statusReason =
    account.status === "active" && !isRejection(account.statusReason) ? null : account.statusReason;
  const renews = Boolean(secrets?.refreshToken);
  return (
    verdictOf({ ...account, statusReason, renews }, runtime.clock.now()) ?? tried(runtime, account, secrets)
  );
}

/** Nothing can be rotated, so that the provider's renewal is no more than a look whether the token is good. */
async function tried(
  runtime: Runtime,
  account: AccountRecord,
  secrets: AccountSecrets | null,
): Promise<Verdict> {
  const provider = providerById(account.provider);
  if (!provider?.refresh) return { level: "ok", text: "there is nothing to renew." };
  if (provider.rotates) return { level: "ok", text: "an access token that nothing renews; not tried." };
  try {
    const net = createIdentityFetch(runtime, provider, account.metadata);
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
