/**
 * OpenAI's headless sign-in, which is not RFC 8628: JSON bodies, 403 or 404 while nothing was entered, and at the end an
 * authorization code with its verifier instead of tokens (providers/codex.md §1.6).
 */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { badResponseError, errorCode, type ProviderResponse, readResponse } from "../identity-response.ts";
import type { IdentityFetch, SignInComplete, SignInOutcome, StartedSignIn } from "../provider.ts";
import { SIGN_IN } from "./profile.ts";
import { exchange, SERVER } from "./sign-in-tokens.ts";

const { device } = SIGN_IN;

const text = z.string().check(z.minLength(1));

const userCodeResponse = z.pipe(
  z.object({
    device_auth_id: text,
    user_code: z.optional(text),
    usercode: z.optional(text),
    /** Seconds, as text or number. */
    interval: z.catch(z.coerce.number().check(z.minimum(1), z.maximum(600)), device.interval),
  }),
  z.transform(({ user_code, usercode, ...rest }) => ({ ...rest, userCode: user_code ?? usercode })),
);

const approvedResponse = z.object({ authorization_code: text, code_verifier: text });

/** What is stored between two polls. */
const secretShape = z.object({
  id: z.string(),
  userCode: z.string(),
  /** ms. */
  intervalMs: z.number(),
  /** Present once the owner has approved: only the exchange remains. */
  approved: z.optional(z.object({ code: z.string(), verifier: z.string() })),
});

export async function startDevice(config: Config, identity: IdentityFetch): Promise<StartedSignIn> {
  const response = await post(config, device.userCodePath, { client_id: config.CODEX_CLIENT_ID }, identity);
  if (response.status === 404) {
    throw new KleisError(
      "invalid_request",
      'Sign-in by device code is not enabled. Enable it in ChatGPT under Settings > Security (in a workspace its administrator does), or start with the mode "browser".',
      { param: "mode" },
    );
  }
  const decoded = userCodeResponse.safeParse(response.json);
  const userCode = decoded.data?.userCode;
  if (response.status !== 200 || !decoded.success || userCode === undefined) {
    throw badResponseError(SERVER, response, 'Try again in a moment, or start with the mode "browser".');
  }
  const { device_auth_id: id, interval } = decoded.data;
  return {
    method: "device",
    url: config.CODEX_AUTH_URL + device.page,
    userCode,
    interval,
    lifetimeMs: device.lifetime,
    secret: { id, userCode, intervalMs: interval * 1000 },
  };
}

export async function pollDevice(input: SignInComplete, identity: IdentityFetch): Promise<SignInOutcome> {
  const secret = secretShape.parse(input.secret);
  if (secret.approved !== undefined) return finish(secret.approved, input, identity);
  const { id, userCode, intervalMs } = secret;
  const response = await post(
    input.config,
    device.pollPath,
    { device_auth_id: id, user_code: userCode },
    identity,
  );
  const approved = approvedResponse.safeParse(response.json);
  if (response.status === 200 && approved.success) {
    const { authorization_code: code, code_verifier: verifier } = approved.data;
    return finish(
      { code, verifier },
      { ...input, secret: { ...secret, approved: { code, verifier } } },
      identity,
    );
  }
  if (![403, 404].includes(response.status) || response.html) {
    throw badResponseError(SERVER, response, "The sign-in is still open: try again in a moment.");
  }
  const code = errorCode(response.json) ?? "";
  if (device.over.has(code)) return { status: "ended", error: over(code) };
  const next = code === "slow_down" ? intervalMs + device.tooManyAttempts * 1000 : intervalMs;
  return { status: "pending", secret: { ...input.secret, intervalMs: next }, intervalMs: next };
}

/** An approval is given only once, so it is kept when the exchange fails temporarily. */
async function finish(
  { code, verifier }: { code: string; verifier: string },
  { config, secret }: SignInComplete,
  identity: IdentityFetch,
): Promise<SignInOutcome> {
  const redirectUri = config.CODEX_AUTH_URL + device.redirectPath;
  try {
    return {
      status: "connected",
      account: await exchange({ code, redirectUri, verifier }, config, identity),
    };
  } catch (error) {
    if (!(error instanceof KleisError)) throw error;
    if (error.param === "code") return { status: "ended", error: over("invalid_grant") };
    if (error.code === "invalid_request") return { status: "ended", error };
    return { status: "failed", error, secret };
  }
}

async function post(
  config: Config,
  path: string,
  body: JsonObject,
  identity: IdentityFetch,
): Promise<ProviderResponse> {
  const headers = new Headers({
    "content-type": "application/json",
    accept: "application/json",
    "user-agent": USER_AGENT,
  });
  const url = config.CODEX_AUTH_URL + path;
  return readResponse(
    await identity.fetch(url, { method: "POST", headers, body: JSON.stringify(body) }),
    identity.now(),
  );
}

function over(code: string): KleisError {
  return new KleisError(
    "invalid_request",
    code === "access_denied"
      ? "The sign-in was denied at OpenAI, so nothing was connected. Start again when you want to allow it."
      : "The code ran out before the sign-in was complete. Start again.",
  );
}
