/** The headless sign-in of auth.openai.com: a user code, then polling (providers/codex.md §1.6). */
import { objectOf, stringOf } from "../inspect.ts";
import { type RecordedRequest, type Reply, type Routes, refuse } from "../server.ts";
import { type CodeBook, challengeOf, secret } from "../tokens.ts";
import { openaiError } from "./errors.ts";
import { CODEX_CLIENT_ID, CODEX_SCOPES, checkCall } from "./issuer.ts";

export interface CodexDevice {
  /** False: device sign-in is switched off for the account (404 on the user code). */
  enabled: boolean;
  /** Seconds, sent as text like the real one does. */
  interval: number;
  /** Polls answered as pending before the fake approves by itself; null waits for `approveDevice`. */
  pending: number | null;
  /** How a pending poll looks. */
  pendingStatus: 403 | 404;
}

export interface CodexDeviceFlow {
  readonly routes: Routes;
  readonly device: CodexDevice;
  approveDevice(userCode: string, options?: { account?: string }): void;
  denyDevice(userCode: string): void;
}

interface Attempt {
  readonly id: string;
  readonly userCode: string;
  readonly until: number;
  state: "pending" | "approved" | "denied" | "done";
  account: string;
  polls: number;
  lastPoll: number | null;
}

const LIFETIME_MS = 15 * 60_000;
const REDIRECT = "/deviceauth/callback";

export function createDeviceFlow(
  codes: CodeBook,
  now: () => number,
  account: string,
  violate: (what: string) => void,
): CodexDeviceFlow {
  const attempts = new Map<string, Attempt>();
  const device: CodexDevice = { enabled: true, interval: 5, pending: null, pendingStatus: 403 };

  const attemptBy = (userCode: string): Attempt => {
    const attempt = [...attempts.values()].find((entry) => entry.userCode === userCode);
    if (attempt === undefined) throw new Error(`no device sign-in with the code ${userCode}`);
    return attempt;
  };

  const start = (request: RecordedRequest): Reply => {
    const body = jsonCall(request, ["client_id"]);
    if (body.client_id !== CODEX_CLIENT_ID)
      refuse("unknown client_id", openaiError(400, { message: "invalid_client" }));
    if (!device.enabled) return { status: 404, body: { error: { message: "Not found", code: "not_found" } } };
    const attempt: Attempt = {
      id: `da_${secret(12)}`,
      userCode: `FAKE-${10001 + attempts.size}`,
      until: now() + LIFETIME_MS,
      state: "pending",
      account,
      polls: 0,
      lastPoll: null,
    };
    attempts.set(attempt.id, attempt);
    return {
      status: 200,
      body: { device_auth_id: attempt.id, user_code: attempt.userCode, interval: String(device.interval) },
    };
  };

  const wait = (code: string, status: 403 | 404 = device.pendingStatus): Reply => ({
    status,
    body: { error: { message: code, type: "invalid_request_error", param: null, code } },
  });

  const poll = (request: RecordedRequest): Reply => {
    const body = jsonCall(request, ["device_auth_id", "user_code"]);
    const attempt = attempts.get(stringOf(body.device_auth_id));
    if (attempt === undefined || attempt.userCode !== body.user_code || attempt.state === "done") {
      return refuse("unknown device_auth_id", wait("deviceauth_authorization_unknown", 403));
    }
    const early = attempt.lastPoll !== null && now() - attempt.lastPoll < device.interval * 1000;
    attempt.lastPoll = now();
    if (early) {
      violate(`device sign-in polled before its interval of ${device.interval} s`);
      return wait("slow_down", 403);
    }
    if (attempt.until <= now()) return wait("deviceauth_expired", 403);
    if (attempt.state === "denied") return wait("access_denied", 403);
    attempt.polls += 1;
    const isDue = device.pending !== null && attempt.polls > device.pending;
    if (attempt.state === "pending" && !isDue) return wait("deviceauth_authorization_pending");
    attempt.state = "done";
    const verifier = secret(48);
    const challenge = challengeOf(verifier);
    const code = codes.issue({
      account: attempt.account,
      challenge,
      redirectUri: REDIRECT,
      state: "",
      scopes: CODEX_SCOPES,
    });
    return {
      status: 200,
      body: { authorization_code: code, code_challenge: challenge, code_verifier: verifier },
    };
  };

  return {
    device,
    approveDevice(userCode, options = {}) {
      const attempt = attemptBy(userCode);
      attempt.state = "approved";
      attempt.account = options.account ?? attempt.account;
    },
    denyDevice(userCode) {
      attemptBy(userCode).state = "denied";
    },
    routes: {
      "POST /api/accounts/deviceauth/usercode": start,
      "POST /api/accounts/deviceauth/token": poll,
    },
  };
}

/** Codes of this flow are bound to the path of the device callback; its host may be the real or the fake's. */
export function deviceRedirect(redirectUri: string): string {
  return redirectUri.endsWith(REDIRECT) ? REDIRECT : redirectUri;
}

function jsonCall(request: RecordedRequest, fields: readonly string[]): Record<string, unknown> {
  checkCall(request);
  const body = objectOf(request.json);
  const isJson = /^application\/json\b/.test(request.headers["content-type"] ?? "");
  if (body === null || !isJson)
    return refuse("device call is not JSON", openaiError(400, { message: "Invalid request" }));
  for (const field of fields) {
    if (stringOf(body[field]) === "")
      refuse(`device call without ${field}`, openaiError(400, { message: `Missing ${field}` }));
  }
  const extra = Object.keys(body).find((field) => !fields.includes(field));
  if (extra !== undefined)
    refuse(`device call with ${extra}`, openaiError(400, { message: `Unknown ${extra}` }));
  return body;
}
