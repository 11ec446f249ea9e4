/** Copilot accounts from tokens the owner gives and from OpenCode's auth.json (providers/copilot.md §2.1). */
import * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { fitsHeader } from "../header-text.ts";
import type { ImportedAccount, ImportInput } from "../provider.ts";
import { enterpriseForm } from "./host.ts";
import { APP_REFRESH_TOKEN, CLASSIC_PAT, EXCHANGED_TOKEN } from "./profile.ts";

/** OpenCode keeps the long-lived GitHub token as `refresh`; `expires` is 0 or belongs to an exchanged token. */
const openCodeEntry = z.object({
  type: z.literal("oauth"),
  refresh: z.string().check(z.minLength(1)),
  enterpriseUrl: z.optional(z.string()),
});

/** Makes an account of a GitHub token, given as access or as refresh token: it is both, and it has no end. */
export function importAccount(input: ImportInput): ImportedAccount {
  if (input.kind === "api_key") {
    throw refused(
      "GitHub Copilot has no API keys: sign in, or import the GitHub token of a sign-in as kind oauth",
    );
  }
  const given = [input.accessToken, input.refreshToken].map((token) => token?.trim() ?? "").filter(Boolean);
  if (given.length === 0) throw refused("access_token or refresh_token must hold the GitHub token (gho_…)");
  const problems = given.map(problemOf);
  const token = given[problems.indexOf(null)];
  if (token === undefined) throw refused(problems.find((problem) => problem !== null) ?? "");
  return account(token, {}, input.accountId, input.label);
}

/** The Copilot account in an OpenCode auth.json; empty when there is none. */
export function importFile(file: JsonObject): ImportedAccount[] {
  const entry = openCodeEntry.safeParse(file["github-copilot"]);
  if (!entry.success) return [];
  const token = entry.data.refresh.trim();
  const problem = problemOf(token);
  if (problem !== null) throw refused(problem);
  const enterprise = entry.data.enterpriseUrl?.trim() ?? "";
  if (enterprise === "") return [account(token, {})];
  const form = enterpriseForm(enterprise);
  if (!form.ok) throw refused(`github-copilot.enterpriseUrl: ${form.reason}`);
  return [account(token, form.domain === null ? {} : { domain: form.domain })];
}

function account(token: string, metadata: JsonObject, externalId?: string, label?: string): ImportedAccount {
  return {
    provider: "copilot",
    kind: "oauth",
    ...(externalId === undefined ? {} : { externalId }),
    ...(label === undefined ? {} : { label }),
    metadata,
    expiresAt: null,
    accessToken: token,
    refreshToken: null,
    idToken: null,
    apiKey: null,
  };
}

/** Why a token can not be the bearer; null when it can. Never repeats the token. */
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
