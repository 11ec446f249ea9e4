/** Nothing rotates at GitHub: the token is tried against the Copilot API, and its host asked for anew (providers/copilot.md §0, §2.1). */
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { type Heard, hear, whatWentWrong } from "../heard.ts";
import type { ProviderNet, RefreshInput, RefreshResult } from "../provider.ts";
import { apiBase, githubOf } from "./host.ts";
import { userOf } from "./identity.ts";
import { API_VERSION, MODELS_PATH, SIGN_IN } from "./profile.ts";
import { discover, githubHeaders } from "./sign-in-account.ts";

export async function refresh(input: RefreshInput, net: ProviderNet): Promise<RefreshResult> {
  const token = input.accessToken ?? input.refreshToken;
  if (token === null) {
    return { status: "rejected", reason: "The account holds no GitHub token. Connect it again." };
  }
  try {
    return await validate(token, input, net);
  } catch (error) {
    if (error instanceof KleisError) return { status: "unavailable", reason: error.message };
    throw error;
  }
}

async function validate(
  token: string,
  { account, config }: RefreshInput,
  net: ProviderNet,
): Promise<RefreshResult> {
  const models = await ask(apiBase(account, config) + MODELS_PATH, token, net, API_VERSION);
  if (models.status === 401) return rejected();
  // 421: this is not the host of the account's plan (any more); another may be.
  if (models.status !== 200 && models.status !== 421) return unavailable("GitHub Copilot", models);
  const found = await discover(token, account.metadata, config, net);
  const userUrl = githubOf(account.metadata, config).api + SIGN_IN.userPath;
  if (models.status === 200) {
    const isKnown = account.metadata.user_id !== undefined;
    return valid(isKnown ? found : { ...found, ...(await lookUpUser(userUrl, token, net)) });
  }
  const user = await ask(userUrl, token, net);
  if (user.status === 401) return rejected();
  if (user.status !== 200) return unavailable("GitHub", user);
  // The host that refused is forgotten; without another one the general host serves.
  return valid({ api_host: null, ...found });
}

/** Whose the token of an import is, as metadata; empty where GitHub does not tell, for the token is good all the same. */
async function lookUpUser(url: string, token: string, net: ProviderNet): Promise<JsonObject> {
  try {
    return userOf(await ask(url, token, net)) ?? {};
  } catch (error) {
    if (error instanceof KleisError) return {};
    throw error;
  }
}

async function ask(url: string, token: string, net: ProviderNet, version?: string): Promise<Heard> {
  const headers = githubHeaders(token);
  if (version !== undefined) headers.set("x-github-api-version", version);
  return hear(await net.fetch(url, { method: "GET", headers }), net.now());
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

function unavailable(server: string, heard: Heard): RefreshResult {
  const { retryAfterMs } = heard;
  return {
    status: "unavailable",
    reason: `${whatWentWrong(server, heard)}.`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
