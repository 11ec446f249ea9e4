/**
 * OpenAI's headless sign-in, which is not RFC 8628: JSON bodies, 403 or 404 while nothing was entered, and at the end an
 * authorization code with its verifier instead of tokens (providers/codex.md §1.6).
 */
import * as z from "zod/mini";
import type { Config } from "../../config.ts";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { errorCode, type Heard, hear, unusable } from "../identity-response.ts";
import type { ProviderNet, SignInComplete, SignInOutcome, StartedSignIn } from "../provider.ts";
import { SIGN_IN } from "./profile.ts";
import { exchange, SERVER } from "./sign-in-tokens.ts";

const { device } = SIGN_IN;

const text = z.string().check(z.minLength(1));

const userCodeAnswer = z.pipe(
  z.object({
    device_auth_id: text,
    user_code: z.optional(text),
    usercode: z.optional(text),
    /** Seconds, as text or number. */
    interval: z.catch(z.coerce.number().check(z.minimum(1), z.maximum(600)), device.interval),
  }),
  z.transform(({ user_code, usercode, ...rest }) => ({ ...rest, userCode: user_code ?? usercode })),
);

const approvedAnswer = z.object({ authorization_code: text, code_verifier: text });

/** What waits in the store between two polls. */
const secretShape = z.object({
  id: z.string(),
  userCode: z.string(),
  /** ms. */
  intervalMs: z.number(),
  /** Present once the owner has approved: what is left is the exchange. */
  approved: z.optional(z.object({ code: z.string(), verifier: z.string() })),
});

export async function startDevice(config: Config, net: ProviderNet): Promise<StartedSignIn> {
  const heard = await post(config, device.userCodePath, { client_id: config.CODEX_CLIENT_ID }, net);
  if (heard.status === 404) {
    throw new KleisError(
      "invalid_request",
      'Sign-in by device code is not enabled. Enable it in ChatGPT under Settings > Security (in a workspace its administrator does), or start with the mode "browser".',
      { param: "mode" },
    );
  }
  const decoded = userCodeAnswer.safeParse(heard.json);
  const userCode = decoded.data?.userCode;
  if (heard.status !== 200 || !decoded.success || userCode === undefined) {
    throw unusable(SERVER, heard, 'Try again in a moment, or start with the mode "browser".');
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

export async function pollDevice(input: SignInComplete, net: ProviderNet): Promise<SignInOutcome> {
  const secret = secretShape.parse(input.secret);
  if (secret.approved !== undefined) return finish(secret.approved, input, net);
  const { id, userCode, intervalMs } = secret;
  const heard = await post(input.config, device.pollPath, { device_auth_id: id, user_code: userCode }, net);
  const approved = approvedAnswer.safeParse(heard.json);
  if (heard.status === 200 && approved.success) {
    const { authorization_code: code, code_verifier: verifier } = approved.data;
    return finish({ code, verifier }, { ...input, secret: { ...secret, approved: { code, verifier } } }, net);
  }
  if (![403, 404].includes(heard.status) || heard.html) {
    throw unusable(SERVER, heard, "The sign-in is still open: try again in a moment.");
  }
  const code = errorCode(heard.json) ?? "";
  if (device.over.has(code)) return { status: "ended", error: over(code) };
  const next = code === "slow_down" ? intervalMs + device.tooManyAttempts * 1000 : intervalMs;
  return { status: "pending", secret: { ...input.secret, intervalMs: next }, intervalMs: next };
}

/** The approval cannot be had again, so it outlives an exchange that failed for now. */
async function finish(
  { code, verifier }: { code: string; verifier: string },
  { config, secret }: SignInComplete,
  net: ProviderNet,
): Promise<SignInOutcome> {
  const redirectUri = config.CODEX_AUTH_URL + device.redirectPath;
  try {
    return { status: "connected", account: await exchange({ code, redirectUri, verifier }, config, net) };
  } catch (error) {
    if (!(error instanceof KleisError)) throw error;
    if (error.param === "code") return { status: "ended", error: over("invalid_grant") };
    if (error.code === "invalid_request") return { status: "ended", error };
    return { status: "failed", error, secret };
  }
}

async function post(config: Config, path: string, body: JsonObject, net: ProviderNet): Promise<Heard> {
  const headers = new Headers({
    "content-type": "application/json",
    accept: "application/json",
    "user-agent": USER_AGENT,
  });
  const url = config.CODEX_AUTH_URL + path;
  return hear(await net.fetch(url, { method: "POST", headers, body: JSON.stringify(body) }), net.now());
}

function over(code: string): KleisError {
  return new KleisError(
    "invalid_request",
    code === "access_denied"
      ? "The sign-in was denied at OpenAI, so nothing was connected. Start again when you want to allow it."
      : "The code ran out before the sign-in was complete. Start again.",
  );
}
