/**
 * GitHub's device flow, on github.com or an allowed enterprise domain (providers/copilot.md §1). GitHub reports errors
 * with status 200; otherwise it follows RFC 8628.
 */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { fitsHeader } from "../header-text.ts";
import {
  badResponseError,
  errorCode,
  isTransient,
  type ProviderResponse,
  whatWentWrong,
} from "../identity-response.ts";
import { deviceAuthorization, deviceGrant, grantedBy, type OauthServer } from "../oauth.ts";
import type { SignIn, SignInComplete, SignInOutcome } from "../provider.ts";
import { enterpriseDomain, githubOf } from "./host.ts";
import { SIGN_IN } from "./profile.ts";
import { accountOf } from "./sign-in-account.ts";

/** Its name in messages. */
const SERVER = "GitHub";

const deviceResponse = z.object({
  device_code: z.string().check(z.minLength(1)),
  user_code: z.string().check(z.minLength(1)),
  verification_uri: z.string(),
  /** Seconds. */
  expires_in: z.number().check(z.positive()),
  interval: z.catch(z.number().check(z.minimum(1), z.maximum(600)), SIGN_IN.interval),
});

const tokenResponse = z.object({ access_token: z.string().check(z.refine(fitsHeader)) });

/** What is stored between two polls. */
const secretShape = z.object({
  deviceCode: z.string(),
  /** ms. */
  intervalMs: z.number(),
  /** Present once GitHub has granted it: only its owner remains to be found. */
  token: z.optional(z.string()),
});

export const signIn: SignIn = {
  modes: [{ id: "device", name: "Type a code on their page", hint: "On any device, wherever Kleis runs." }],

  initialMetadata(domain, config) {
    if (domain === undefined) return {};
    const result = enterpriseDomain(domain, config.COPILOT_ENTERPRISE_HOSTS);
    if (!result.ok) {
      throw new KleisError("invalid_request", `enterprise_domain: ${result.reason}.`, {
        param: "enterprise_domain",
      });
    }
    return result.domain === null ? {} : { domain: result.domain };
  },

  async start({ metadata, config }, identity) {
    const response = await deviceAuthorization(identity, serverOf(metadata, config), SIGN_IN.scope);
    const decoded = deviceResponse.safeParse(grantedBy(response));
    if (!decoded.success) {
      throw badResponseError(
        SERVER,
        response,
        "Try again in a moment; if it stays so, check GITHUB_URL and COPILOT_CLIENT_ID.",
      );
    }
    const { device_code, user_code, verification_uri, expires_in, interval } = decoded.data;
    return {
      method: "device",
      url: pageOf(verification_uri, githubOf(metadata, config).web),
      userCode: user_code,
      interval,
      lifetimeMs: expires_in * 1000,
      secret: { deviceCode: device_code, intervalMs: interval * 1000 },
    };
  },

  async complete(input, identity) {
    const secret = secretShape.parse(input.secret);
    if (secret.token !== undefined) return accountOf(secret.token, input, identity);
    const response = await deviceGrant(identity, serverOf(input.metadata, input.config), secret.deviceCode);
    const token = tokenResponse.safeParse(grantedBy(response)).data?.access_token;
    if (token === undefined) return judge(response, input, secret.intervalMs);
    return accountOf(token, { ...input, secret: { ...input.secret, token } }, identity);
  },
};

function judge(response: ProviderResponse, { secret }: SignInComplete, intervalMs: number): SignInOutcome {
  if (isTransient(response)) throw stillOpen(response);
  const code = errorCode(response.json);
  switch (code) {
    case "authorization_pending":
      return { status: "pending", secret, intervalMs };
    case "slow_down": {
      const named = response.json?.interval;
      const raised =
        typeof named === "number" && named > 0 ? named * 1000 : intervalMs + SIGN_IN.tooManyAttempts * 1000;
      return { status: "pending", secret: { ...secret, intervalMs: raised }, intervalMs: raised };
    }
    case "expired_token":
    case "token_expired":
      return ended("The code ran out before it was entered. Start again.");
    case "access_denied":
      return ended("The sign-in was cancelled at GitHub, so nothing was connected. Start again to allow it.");
    case "incorrect_device_code":
      return ended("GitHub does not know this sign-in (any more). Start again.");
    case "incorrect_client_credentials":
    case "unsupported_grant_type":
    case "device_flow_disabled":
      return ended(
        `${whatWentWrong(SERVER, response)}. Check COPILOT_CLIENT_ID: its app must allow the device flow.`,
      );
    default:
      throw stillOpen(response);
  }
}

function serverOf(metadata: JsonObject, config: Config): OauthServer {
  const { web } = githubOf(metadata, config);
  return {
    tokenUrl: web + SIGN_IN.tokenPath,
    deviceUrl: web + SIGN_IN.deviceCodePath,
    clientId: config.COPILOT_CLIENT_ID,
  };
}

/** The page to show: the one that GitHub names only if it is https on the same host (§1.5). */
function pageOf(named: string, web: string): string {
  const known = web + SIGN_IN.devicePage;
  if (!URL.canParse(named)) return known;
  const { protocol, host, username, password } = new URL(named);
  const isOwn = protocol === "https:" && host === new URL(web).host && username === "" && password === "";
  return isOwn ? named : known;
}

function stillOpen(response: ProviderResponse): KleisError {
  return badResponseError(SERVER, response, "The sign-in is still open: try again in a moment.");
}

function ended(message: string): SignInOutcome {
  return { status: "ended", error: new KleisError("invalid_request", message) };
}
