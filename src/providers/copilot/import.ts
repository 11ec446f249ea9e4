/** Copilot accounts from tokens the owner gives and from OpenCode's auth.json (providers/copilot.md §2.1). */
import { KleisError } from "../../errors.ts";
import { isObject, type JsonObject, text } from "../../json.ts";
import { fitsHeader } from "../header-text.ts";
import { importedAccount } from "../imported-account.ts";
import { cleanCredential } from "../pasted-credential.ts";
import type { FileEntry, ImportedAccount, ImportInput } from "../provider.ts";
import { enterpriseForm } from "./host.ts";
import { APP_REFRESH_TOKEN, CLASSIC_PAT, EXCHANGED_TOKEN } from "./profile.ts";

/** Makes an account of a GitHub token, given as access or as refresh token: it is both, and it has no end. */
export function importAccount(input: ImportInput): ImportedAccount {
  if (input.kind === "api_key") {
    throw refused(
      "GitHub Copilot has no API keys: sign in, or import the GitHub token of a sign-in as kind oauth",
    );
  }
  const given = [input.accessToken, input.refreshToken]
    .map((token) => cleanCredential(token ?? ""))
    .filter(Boolean);
  if (given.length === 0) throw refused("access_token or refresh_token must hold the GitHub token (gho_…)");
  const problems = given.map(problemOf);
  const token = given[problems.indexOf(null)];
  if (token === undefined) throw refused(problems.find((problem) => problem !== null) ?? "");
  return account(token, {}, input.accountId, input.label);
}

/**
 * The Copilot entry of an OpenCode auth.json, which keeps the long-lived GitHub token as `refresh`; its `expires` is 0
 * or belongs to an exchanged token.
 */
export function importFile({ "github-copilot": entry }: JsonObject): FileEntry[] {
  if (!isObject(entry) || entry.type !== "oauth") return [];
  const token = text(entry.refresh);
  if (token === undefined) return [];
  return [
    { name: "github-copilot", read: () => entryAccount(token, text(entry.enterpriseUrl)?.trim() ?? "") },
  ];
}

function entryAccount(refresh: string, enterprise: string): ImportedAccount {
  const token = cleanCredential(refresh);
  const problem = problemOf(token);
  if (problem !== null) throw refused(problem);
  if (enterprise === "") return account(token, {});
  const form = enterpriseForm(enterprise);
  if (!form.ok) throw refused(`github-copilot.enterpriseUrl: ${form.reason}`);
  return account(token, form.domain === null ? {} : { domain: form.domain });
}

function account(token: string, metadata: JsonObject, externalId?: string, label?: string): ImportedAccount {
  return importedAccount({
    provider: "copilot",
    kind: "oauth",
    externalId,
    label,
    metadata,
    accessToken: token,
  });
}

/** Why a token cannot be the bearer; null when it can. Never repeats the token. */
function problemOf(token: string): string | null {
  if (token.startsWith(CLASSIC_PAT)) {
    return "GitHub Copilot says: Personal Access Tokens are not supported (ghp_…). Sign in instead, or import the token of an OAuth sign-in (gho_…)";
  }
  if (token.startsWith(APP_REFRESH_TOKEN)) {
    return "a ghr_… token only renews a GitHub App's token: import the access token, or sign in";
  }
  if (token.startsWith(EXCHANGED_TOKEN)) {
    return "this is a short-lived Copilot token (tid=…): import the GitHub token behind it (gho_…), or sign in";
  }
  return fitsHeader(token) ? null : "the GitHub token holds characters that no token has";
}

function refused(message: string): KleisError {
  return new KleisError("invalid_request", message);
}
