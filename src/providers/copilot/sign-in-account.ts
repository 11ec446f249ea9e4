/** The user of a GitHub token and the host of its Copilot API (providers/copilot.md §1.4, §2.1). */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { badResponseError, readResponse, whatWentWrong } from "../identity-response.ts";
import { importedAccount } from "../imported-account.ts";
import type { IdentityFetch, SignInComplete, SignInOutcome } from "../provider.ts";
import { discoveredApi, githubOf } from "./host.ts";
import { nameOf, userOf } from "./identity.ts";
import { HEADERS, SIGN_IN } from "./profile.ts";

const word = z.string().check(z.minLength(1));

const planResponse = z.object({
  copilot_plan: z.catch(z.optional(word), undefined),
  access_type_sku: z.catch(z.optional(word), undefined),
  endpoints: z.catch(z.optional(z.object({ api: z.unknown() })), undefined),
});

/** The account of a fresh token. Without an identity there is no account; the token is kept for another attempt. */
export async function accountOf(
  token: string,
  { metadata, secret, config }: SignInComplete,
  identity: IdentityFetch,
): Promise<SignInOutcome> {
  const { api, domain } = githubOf(metadata, config);
  try {
    const response = await readResponse(
      await identity.fetch(api + SIGN_IN.userPath, { method: "GET", headers: githubHeaders(token) }),
      identity.now(),
    );
    const user = userOf(response);
    if (response.status === 401) {
      return {
        status: "ended",
        error: new KleisError(
          "invalid_request",
          `${whatWentWrong("GitHub", response)}: it does not accept the token that it has just given. Start again.`,
        ),
      };
    }
    if (user === null) {
      throw badResponseError(
        "GitHub",
        response,
        "It is not known yet whose sign-in this is: try again in a moment.",
      );
    }
    const about = { ...metadata, ...user };
    return {
      status: "connected",
      account: importedAccount({
        provider: "copilot",
        kind: "oauth",
        externalId: nameOf(domain, user.user_id),
        label: user.login,
        metadata: { ...about, ...(await discover(token, metadata, config, identity)) },
        accessToken: token,
      }),
    };
  } catch (error) {
    if (error instanceof KleisError) return { status: "failed", error, secret };
    throw error;
  }
}

/** The API host of the account's plan, as metadata; empty when GitHub does not tell, or names a host that is none. */
export async function discover(
  token: string,
  metadata: JsonObject,
  config: Config,
  identity: IdentityFetch,
): Promise<JsonObject> {
  const { api, domain } = githubOf(metadata, config);
  const headers = githubHeaders(token);
  headers.set(HEADERS.apiVersion, SIGN_IN.discoveryVersion);
  try {
    const response = await readResponse(
      await identity.fetch(api + SIGN_IN.discoveryPath, { method: "GET", headers }),
      identity.now(),
    );
    const decoded = planResponse.safeParse(response.json);
    if (response.status !== 200 || !decoded.success) return {};
    const { copilot_plan, access_type_sku, endpoints } = decoded.data;
    // The free plan may bear the paid one's name (§4.6).
    const plan = access_type_sku === SIGN_IN.freeSku ? "free" : copilot_plan;
    const base = discoveredApi(endpoints?.api, domain);
    return {
      ...(plan === undefined ? {} : { plan }),
      ...(base === null ? {} : { api_host: new URL(base).host }),
    };
  } catch (error) {
    if (error instanceof KleisError) return {};
    throw error;
  }
}

export function githubHeaders(token: string): Headers {
  return new Headers({
    authorization: `Bearer ${token}`,
    accept: "application/json",
    "user-agent": USER_AGENT,
  });
}
