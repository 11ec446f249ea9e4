/** What a fresh Claude bearer is good for beside requests: asking whose it is, and minting an API key (providers/claude.md §1.8, §1.9). */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { badResponseError, errorCode, isTransient, readResponse } from "../identity-response.ts";
import type { IdentityFetch } from "../provider.ts";
import { PROFILE } from "./profile.ts";
import { present } from "./sign-in-tokens.ts";

const word = z.catch(z.optional(z.string().check(z.trim(), z.minLength(1))), undefined);

const profileAnswer = z.object({
  account: z.catch(z.optional(z.object({ uuid: word, email: word })), undefined),
  organization: z.catch(
    z.optional(z.object({ uuid: word, name: word, organization_type: word, rate_limit_tier: word })),
    undefined,
  ),
});

const mintAnswer = z.object({
  raw_key: z.string().check(z.trim(), z.startsWith(PROFILE.apiKeyPrefix)),
});

/** Whose token this is, as metadata; empty when the profile cannot be had, since a sign-in does not hang on it. */
export async function lookUpProfile(
  accessToken: string,
  config: Config,
  identity: IdentityFetch,
): Promise<JsonObject> {
  try {
    const url = config.CLAUDE_API_URL + PROFILE.signIn.profilePath;
    const response = await readResponse(
      await identity.fetch(url, { method: "GET", headers: bearer(accessToken) }),
      identity.now(),
    );
    const decoded = profileAnswer.safeParse(response.json);
    if (response.status !== 200 || !decoded.success) return {};
    const { account, organization } = decoded.data;
    return present({
      account_uuid: account?.uuid,
      email: account?.email,
      organization_uuid: organization?.uuid,
      organization: organization?.name,
      plan: organization?.organization_type?.replace(PROFILE.signIn.planPrefix, ""),
      rate_limit_tier: organization?.rate_limit_tier,
    });
  } catch (error) {
    if (error instanceof KleisError) return {};
    throw error;
  }
}

/** Mints an API key with a console sign-in's bearer. Throws `KleisError` in words when there is none to be had. */
export async function mintApiKey(
  accessToken: string,
  config: Config,
  identity: IdentityFetch,
): Promise<string> {
  const url = config.CLAUDE_API_URL + PROFILE.signIn.mintPath;
  const headers = bearer(accessToken);
  headers.set("content-type", "application/json");
  const response = await readResponse(await identity.fetch(url, { method: "POST", headers }), identity.now());
  const decoded = mintAnswer.safeParse(response.json);
  if (response.status < 300 && decoded.success) return decoded.data.raw_key;
  if (isTransient(response) || response.status < 300) {
    throw badResponseError(
      "The Claude Console",
      response,
      "No key was made. Open the address again and paste the new code.",
    );
  }
  throw new KleisError(
    "invalid_request",
    `The Claude Console made no API key (${errorCode(response.json) ?? response.status}): your role there may not allow it. Use another organization, or make a key in the Console and import it.`,
  );
}

/** The headers of a call for JSON with a plan's token. */
export function bearer(accessToken: string): Headers {
  return new Headers({
    authorization: `Bearer ${accessToken}`,
    [PROFILE.headers.beta]: PROFILE.oauthBeta,
    [PROFILE.headers.version]: PROFILE.defaultVersion,
    accept: "application/json",
    "user-agent": USER_AGENT,
  });
}
