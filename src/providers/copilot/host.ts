/**
 * Where a Copilot account's bearer may go: enterprise domains and API hosts, taken only in their plain form
 * (providers/copilot.md §1.5). A worker cannot pin DNS, so the lists are the control.
 */
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import { publicHostName, publicHostOf } from "../../host-name.ts";
import { type JsonObject, text } from "../../json.ts";
import type { ProviderAccount } from "../account.ts";
import {
  API_HOST,
  DEFAULT_API,
  ENTERPRISE_API_PREFIX,
  ENTERPRISE_HOST,
  ENTERPRISE_REST_PREFIX,
  PLAN_APIS,
  PUBLIC_HOSTS,
} from "./profile.ts";

/** A domain (null: github.com itself), or why what was given is none. */
export type DomainResult = { ok: true; domain: string | null } | { ok: false; reason: string };

/**
 * Reads a domain as an owner may write it (`company.ghe.com`, `https://company.ghe.com/`) by its form alone: no
 * other scheme, user info, port, path, query, address literal, private name, trailing dot or non-ASCII letter.
 */
export function enterpriseForm(value: string): DomainResult {
  const host = publicHostOf(value);
  if (host === null) {
    return {
      ok: false,
      reason: "the enterprise domain must be a plain public host name such as company.ghe.com",
    };
  }
  return { ok: true, domain: PUBLIC_HOSTS.includes(host) ? null : host };
}

/** The same, and on the list: `<name>.ghe.com` or one of `allowed` (`COPILOT_ENTERPRISE_HOSTS`, exact names in lower case). */
export function enterpriseDomain(value: string, allowed: readonly string[]): DomainResult {
  const form = enterpriseForm(value);
  if (!form.ok || form.domain === null || ENTERPRISE_HOST.test(form.domain)) return form;
  if (allowed.includes(form.domain)) return form;
  return {
    ok: false,
    reason: `the enterprise domain ${form.domain} is not under ghe.com: add it to COPILOT_ENTERPRISE_HOSTS to allow it`,
  };
}

/**
 * The API base that a server named in `endpoints.api`, without trailing slash; null when it is not one that the
 * bearer may go to, which callers treat as "not discovered". `domain` is the account's, null for github.com.
 */
export function discoveredApi(value: unknown, domain: string | null): string | null {
  if (typeof value !== "string") return null;
  const host = publicHostName(/^https:\/\/([^/]+)\/*$/i.exec(value)?.[1] ?? "");
  if (host === null) return null;
  if (API_HOST.test(host)) return `https://${host}`;
  return domain !== null && host === ENTERPRISE_API_PREFIX + domain ? `https://${host}` : null;
}

/**
 * The API base of an account, without trailing slash. `metadata.domain` is its enterprise domain (absent for
 * github.com), `metadata.api_host` what was discovered at sign-in. Throws when the domain is not on the list (any more).
 */
export function apiBase(account: Pick<ProviderAccount, "metadata">, config: Config): string {
  if (config.COPILOT_API_URL !== "") return config.COPILOT_API_URL;
  const domain = accountDomain(account.metadata, config);
  const found = text(account.metadata.api_host) ?? "";
  const discovered = discoveredApi(found.includes("://") ? found : `https://${found}`, domain);
  if (discovered !== null) return discovered;
  return domain === null ? DEFAULT_API : `https://${ENTERPRISE_API_PREFIX}${domain}`;
}

/** The hosts that have refused the account's token (421), as stored in `metadata.refused_hosts`. */
export function refusedHosts({ refused_hosts: stored }: JsonObject): string[] {
  return Array.isArray(stored) ? stored.filter((host) => typeof host === "string") : [];
}

/**
 * The bases that may serve an account, the one in use first: at github.com the general host and the plans' own. Another
 * that GitHub names comes to them once it is stored. Only the operator's where he has set one.
 */
export function apiCandidates(metadata: JsonObject, config: Config): string[] {
  const current = apiBase({ metadata }, config);
  if (config.COPILOT_API_URL !== "") return [current];
  const domain = accountDomain(metadata, config);
  const others =
    domain === null ? [DEFAULT_API, ...PLAN_APIS] : [`https://${ENTERPRISE_API_PREFIX}${domain}`];
  return [...new Set([current, ...others])];
}

/**
 * Where an account signs in (`web`) and where GitHub's own API is (`api`), without trailing slash; `domain` is null for
 * github.com. Throws when the domain is not on the list (any more).
 */
export function githubOf(
  metadata: JsonObject,
  config: Config,
): { web: string; api: string; domain: string | null } {
  const domain = accountDomain(metadata, config);
  if (domain === null) return { web: config.GITHUB_URL, api: config.GITHUB_API_URL, domain };
  return { web: `https://${domain}`, api: `https://${ENTERPRISE_REST_PREFIX}${domain}`, domain };
}

function accountDomain(metadata: JsonObject, config: Config): string | null {
  const stored = text(metadata.domain);
  if (stored === undefined) return null;
  const result = enterpriseDomain(stored, config.COPILOT_ENTERPRISE_HOSTS);
  if (!result.ok) throw new KleisError("provider_not_configured", `This Copilot account: ${result.reason}.`);
  return result.domain;
}
