/** Nothing rotates at GitHub: the token is tried against the Copilot API, and the host that serves it looked for (providers/copilot.md §0, §2.1). */
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { type ProviderResponse, readResponse } from "../identity-response.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../provider.ts";
import { orUnavailable, unavailable } from "../refresh-result.ts";
import { apiBase, apiCandidates, githubOf, refusedHosts } from "./host.ts";
import { userOf } from "./identity.ts";
import { API_VERSION, DEFAULT_API, HEADERS, HOST_REFUSED, MODELS_PATH, SIGN_IN } from "./profile.ts";
import { POLICY_WORDS } from "./refusals.ts";
import { discover, githubHeaders } from "./sign-in-account.ts";

export async function refresh(input: RefreshInput, identity: IdentityFetch): Promise<RefreshResult> {
  const token = input.accessToken ?? input.refreshToken;
  if (token === null) {
    return { status: "rejected", reason: "The account holds no GitHub token. Connect it again." };
  }
  return orUnavailable(() => validate(token, input, identity));
}

async function validate(
  token: string,
  { account, config }: RefreshInput,
  identity: IdentityFetch,
): Promise<RefreshResult> {
  const { metadata } = account;
  const models = await ask(apiBase(account, config) + MODELS_PATH, token, identity, API_VERSION);
  if (models.status === 401) return rejected();
  if (models.status !== 200 && models.status !== 421) return unavailable("GitHub Copilot", models);
  const isServed = models.status === 200;
  const userUrl = githubOf(metadata, config).api + SIGN_IN.userPath;
  if (!isServed) {
    const user = await ask(userUrl, token, identity);
    if (user.status === 401) return rejected();
    if (user.status !== 200) return unavailable("GitHub", user);
  }
  const found = await discover(token, metadata, config, identity);
  const settled =
    config.COPILOT_API_URL === ""
      ? await settleHost(found, isServed, { metadata, config, token, identity })
      : // The operator's address is not for Kleis to leave; what GitHub names serves once he takes it away.
        { metadata: { ...(isServed ? {} : { api_host: null }), ...found } };
  if ("reason" in settled) return { status: "unavailable", reason: settled.reason };
  const isKnown = !isServed || metadata.user_id !== undefined;
  return valid(
    isKnown ? settled.metadata : { ...settled.metadata, ...(await lookUpUser(userUrl, token, identity)) },
  );
}

interface Where {
  readonly metadata: JsonObject;
  readonly config: Config;
  readonly token: string;
  readonly identity: IdentityFetch;
}

/** What is to be noted of the account, or why no host was found, in words for the owner. */
type Settled = { readonly metadata: JsonObject } | { readonly reason: string };

const FORBIDDEN =
  "A policy forbids GitHub Copilot to this account (403), and no other host is asked. Its administrator can change that in Copilot's settings.";

/**
 * Chooses among the hosts: the one in use while it serves, unless GitHub names another that does; else the first that
 * serves. A host that has refused this token (421) is not taken, whatever names it.
 */
async function settleHost(
  { api_host: named, ...found }: JsonObject,
  isServed: boolean,
  { metadata, config, token, identity }: Where,
): Promise<Settled> {
  const candidates = apiCandidates(metadata, config).map(hostOf);
  const [current = ""] = candidates;
  const refused = new Set(refusedHosts(metadata));
  const before = [...refused].sort().join();
  if (!isServed) refused.add(current);
  const wished = typeof named === "string" && named !== current ? [named] : [];

  let chosen = isServed ? current : null;
  const fresh = [...wished, ...(isServed ? [] : candidates)].filter((host) => !refused.has(host));
  // A plan may have changed since: before the account is given up, those that refused are asked once more.
  const again = isServed ? [] : candidates.filter((host) => refused.has(host) && host !== current);
  for (const host of new Set([...fresh, ...again])) {
    if (!candidates.includes(host)) continue;
    const { status, isForbidden } = await probe(`https://${host}${MODELS_PATH}`, token, identity);
    // A host that knows the account and forbids it has decided: the search does not go around that.
    if (isForbidden) return { reason: FORBIDDEN };
    if (status === 421) refused.add(host);
    if (status !== 200) continue;
    refused.delete(host);
    chosen = host;
    break;
  }
  // One that GitHub names and that is none of the known cannot be asked from here: it is taken when no other serves.
  chosen ??= wished.find((host) => !refused.has(host) && !candidates.includes(host)) ?? null;
  if (chosen === null) return { reason: HOST_REFUSED };
  const noted = {
    ...found,
    ...(chosen === current ? {} : { api_host: chosen === hostOf(DEFAULT_API) ? null : chosen }),
    ...([...refused].sort().join() === before ? {} : { refused_hosts: [...refused] }),
  };
  return { metadata: noted };
}

/** Whether a host serves the token. */
async function probe(url: string, token: string, identity: IdentityFetch) {
  const headers = githubHeaders(token);
  headers.set(HEADERS.apiVersion, API_VERSION);
  const response = await identity.fetch(url, { method: "GET", headers });
  const isForbidden = response.status === 403 && POLICY_WORDS.test(await response.text());
  return { status: response.status, isForbidden };
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** Whose the token of an import is, as metadata; empty where GitHub does not tell, for the token is good all the same. */
async function lookUpUser(url: string, token: string, identity: IdentityFetch): Promise<JsonObject> {
  try {
    return userOf(await ask(url, token, identity)) ?? {};
  } catch (error) {
    if (error instanceof KleisError) return {};
    throw error;
  }
}

async function ask(
  url: string,
  token: string,
  identity: IdentityFetch,
  version?: string,
): Promise<ProviderResponse> {
  const headers = githubHeaders(token);
  if (version !== undefined) headers.set(HEADERS.apiVersion, version);
  return readResponse(await identity.fetch(url, { method: "GET", headers }), identity.now());
}

function valid(metadata: JsonObject): RefreshResult {
  return { status: "valid", ...(Object.keys(metadata).length === 0 ? {} : { metadata }) };
}

function rejected(): RefreshResult {
  return {
    status: "rejected",
    reason: "GitHub does not accept this account's token any more (401). Connect the account again.",
  };
}
