/** The sign-in side of the Copilot fake: github.com's device flow and api.github.com (providers/copilot.md §1, §2). */
import { randomInt } from "node:crypto";
import { objectOf, stringOf } from "../inspect.ts";
import { bearerOf, findLeak, isOwnAgent } from "../leaks.ts";
import { type RecordedRequest, type Reply, type Routes, refuse } from "../server.ts";
import { secret, type TokenBook } from "../tokens.ts";
import { copilotUser } from "./plan.ts";

export const COPILOT_CLIENT_ID = "Ov23li8tweQw6odWQebz";
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";

/** What a poll is answered with, in order; `success` waits for no approval. */
export type PollAnswer =
  | "authorization_pending"
  | "slow_down"
  | "access_denied"
  | "expired_token"
  | "success";

export interface GitHubDevice {
  /** Seconds between polls at first; later ones may be raised by `slow_down`. */
  interval: number;
  /** Seconds that a code lives. */
  expiresIn: number;
  /** The app's id; another is refused. */
  clientId: string;
  /** The interval (s) that a scripted `slow_down` raises to. */
  slowDownTo: number;
  /** Queues answers for the next polls, one each; after them only `approveDevice` ends the flow. */
  script(...answers: PollAnswer[]): void;
}

/** `ok`, not there, or an answer that points the bearer elsewhere. */
export type DiscoveryMode = "ok" | "404" | "hostile" | "free";

export interface CopilotTokens {
  accessToken: string;
  /** The GitHub user. */
  login: string;
  userId: number;
}

export interface CopilotIdentity {
  readonly routes: Routes;
  readonly device: GitHubDevice;
  /** How `/copilot_internal/user` answers, and what it points to when hostile. */
  readonly discovery: { mode: DiscoveryMode; hostileApi: string; api: string };
  issueTokens(options?: { login?: string; userId?: number }): CopilotTokens;
  approveDevice(userCode: string, options?: { login?: string; userId?: number }): void;
  denyDevice(userCode: string): void;
}

interface Attempt {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly until: number;
  interval: number;
  lastPoll: number | null;
  state: "pending" | "approved" | "denied" | "done";
  user: { login?: string; userId?: number };
}

export function createGitHub(
  tokens: TokenBook,
  now: () => number,
  violate: (what: string) => void,
): CopilotIdentity {
  const attempts: Attempt[] = [];
  const users = new Map<string, { login: string; userId: number }>();
  const answers: PollAnswer[] = [];
  const device: GitHubDevice = {
    interval: 5,
    expiresIn: 900,
    slowDownTo: 10,
    clientId: COPILOT_CLIENT_ID,
    script: (...more) => {
      answers.push(...more);
    },
  };
  const discovery = {
    mode: "ok" as DiscoveryMode,
    hostileApi: "https://copilot.attacker.example",
    api: "https://api.individual.githubcopilot.com",
  };

  const issueTokens = ({ login = "octo-owner", userId = 4242 }: { login?: string; userId?: number } = {}) => {
    const accessToken = `gho_${secret(27).replace(/[-_]/g, "x")}`;
    tokens.add({ token: accessToken, kind: "access", account: String(userId), scopes: ["read:user"] });
    users.set(accessToken, { login, userId });
    return { accessToken, login, userId };
  };

  const start = (request: RecordedRequest): Reply => {
    const fields = readFields(request, ["client_id", "scope"], violate);
    if (fields.client_id !== device.clientId) return wrong(request, "incorrect_client_credentials", violate);
    if (fields.scope !== "read:user") violate(`device flow asks for the scope "${String(fields.scope)}"`);
    const attempt: Attempt = {
      deviceCode: secret(30),
      userCode: `FAKE-${randomInt(1000, 10_000)}`,
      until: now() + device.expiresIn * 1000,
      interval: device.interval,
      lastPoll: null,
      state: "pending",
      user: {},
    };
    attempts.push(attempt);
    return encode(request, {
      device_code: attempt.deviceCode,
      user_code: attempt.userCode,
      verification_uri: "https://github.com/login/device",
      expires_in: device.expiresIn,
      interval: attempt.interval,
    });
  };

  const poll = (request: RecordedRequest): Reply => {
    const fields = readFields(request, ["client_id", "device_code", "grant_type"], violate);
    if (fields.client_id !== device.clientId) return wrong(request, "incorrect_client_credentials", violate);
    if (fields.grant_type !== GRANT_TYPE) return wrong(request, "unsupported_grant_type", violate);
    const attempt = attempts.find((entry) => entry.deviceCode === fields.device_code);
    if (attempt === undefined || attempt.state === "done")
      return wrong(request, "incorrect_device_code", violate);
    const since = attempt.lastPoll === null ? null : now() - attempt.lastPoll;
    attempt.lastPoll = now();
    if (attempt.until <= now()) return failure(request, "expired_token");
    if (since !== null && since < attempt.interval * 1000) {
      violate(`device flow polled ${since} ms after the last poll; the interval is ${attempt.interval} s`);
      attempt.interval += 5;
      return failure(request, "slow_down", { interval: attempt.interval });
    }
    const answer = answers.shift() ?? standing(attempt);
    if (answer === "slow_down") {
      attempt.interval = device.slowDownTo;
      return failure(request, "slow_down", { interval: attempt.interval });
    }
    if (answer !== "success") return failure(request, answer);
    attempt.state = "done";
    const { accessToken } = issueTokens(attempt.user);
    return encode(request, { access_token: accessToken, token_type: "bearer", scope: "read:user" });
  };

  const userOf = (request: RecordedRequest): { login: string; userId: number } => {
    const leak = findLeak(request);
    if (leak !== null)
      refuse(`leaked header ${leak}`, { status: 400, body: { message: `unexpected ${leak}` } });
    if (request.headers["user-agent"] === undefined) {
      const body =
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
      refuse("no user-agent", { status: 403, body });
    }
    if (!isOwnAgent(request))
      refuse("user-agent is not Kleis's own", { status: 403, body: { message: "Forbidden" } });
    const token = bearerOf(request);
    const anonymous: Reply = { status: 401, body: { message: "Requires authentication", status: "401" } };
    if (token === null) return refuse("no bearer", anonymous);
    const record = tokens.find(token);
    const bad: Reply = { status: 401, body: { message: "Bad credentials", status: "401" } };
    if (record === undefined || record.kind !== "access") return refuse("unknown token", bad);
    if (record.state !== "live") return refuse(`${record.state} token`, bad, "account");
    return users.get(token) ?? { login: "octo-owner", userId: Number(record.account) || 4242 };
  };

  const discover = (request: RecordedRequest): Reply => {
    const { login } = userOf(request);
    if (request.headers["x-github-api-version"] !== "2025-04-01") {
      refuse("copilot_internal/user without its API version", {
        status: 400,
        body: { message: "Bad API version" },
      });
    }
    if (discovery.mode === "404") return { status: 404, body: { message: "Not Found", status: "404" } };
    const api = discovery.mode === "hostile" ? discovery.hostileApi : discovery.api;
    return { status: 200, body: copilotUser(login, api, discovery.mode === "free") };
  };

  const attemptBy = (userCode: string): Attempt => {
    const attempt = attempts.find((entry) => entry.userCode === userCode);
    if (attempt === undefined) throw new Error(`no device sign-in with the code ${userCode}`);
    return attempt;
  };

  return {
    device,
    discovery,
    issueTokens,
    approveDevice(userCode, user = {}) {
      const attempt = attemptBy(userCode);
      attempt.state = "approved";
      attempt.user = user;
    },
    denyDevice(userCode) {
      attemptBy(userCode).state = "denied";
    },
    routes: {
      "POST /login/device/code": start,
      "POST /login/oauth/access_token": poll,
      "GET /user": (request) => {
        const { login, userId } = userOf(request);
        return { status: 200, body: { id: userId, login, email: null, type: "User" } };
      },
      "GET /copilot_internal/user": discover,
      "GET /copilot_internal/v2/token": () =>
        refuse("the token exchange was called", {
          status: 404,
          body: { message: "Not Found", status: "404" },
        }),
    },
  };
}

function standing(attempt: Attempt): PollAnswer {
  if (attempt.state === "approved") return "success";
  return attempt.state === "denied" ? "access_denied" : "authorization_pending";
}

/** Errors are 200, too. */
function failure(request: RecordedRequest, error: string, extra: Record<string, number> = {}): Reply {
  const error_uri = "https://docs.github.com/developers/apps/authorizing-oauth-apps";
  return encode(request, { error, error_description: `The fake says ${error}.`, error_uri, ...extra });
}

function wrong(request: RecordedRequest, error: string, violate: (what: string) => void): Reply {
  violate(`device flow: ${error}`);
  return failure(request, error);
}

/** GitHub answers in form encoding unless JSON is asked for. */
function encode(request: RecordedRequest, fields: Record<string, string | number>): Reply {
  if ((request.headers.accept ?? "").includes("application/json")) return { status: 200, body: fields };
  const form = new URLSearchParams(Object.entries(fields).map(([key, value]) => [key, String(value)]));
  return {
    status: 200,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: form.toString(),
  };
}

function readFields(
  request: RecordedRequest,
  allowed: readonly string[],
  violate: (what: string) => void,
): Record<string, unknown> {
  const leak = findLeak(request);
  if (leak !== null)
    refuse(`leaked header ${leak}`, { status: 400, body: { message: `unexpected ${leak}` } });
  if (!isOwnAgent(request))
    refuse("user-agent is not Kleis's own", { status: 403, body: { message: "Forbidden" } });
  if (request.headers.authorization !== undefined) {
    refuse("authorization on the device flow", { status: 400, body: { message: "Bad Request" } });
  }
  if (!(request.headers.accept ?? "").includes("application/json")) {
    violate(`${request.path} without Accept: application/json`);
  }
  const type = request.headers["content-type"] ?? "";
  const fields = type.startsWith("application/x-www-form-urlencoded")
    ? Object.fromEntries(new URLSearchParams(request.body.toString("utf8")))
    : objectOf(request.json);
  if (fields === null)
    return refuse("body is neither form nor JSON", { status: 400, body: { message: "Bad Request" } });
  const extra = Object.keys(fields).find(
    (field) => !allowed.includes(field) || stringOf(fields[field]) === "",
  );
  if (extra !== undefined) violate(`${request.path} with the field ${extra}`);
  return fields;
}
