/** The sign-in side of the Claude fake: authorize, token, revoke, key minting, profile and usage (providers/claude.md §1). */
import { setTimeout as sleep } from "node:timers/promises";
import { objectOf, stringOf } from "../inspect.ts";
import { isOwnAgent } from "../leaks.ts";
import { cutConnection, type RecordedRequest, type Reply, type Routes, refuse } from "../server.ts";
import { CodeBook, secret, type TokenBook, type TokenRecord, TokenScript } from "../tokens.ts";
import { profile, usageBody } from "./account.ts";
import { authorizeProblem, CLAUDE_CLIENT_ID, CLAUDE_SCOPES } from "./authorize.ts";
import { claudeError } from "./errors.ts";
import { refuseLeaks, requireBearer, requireOAuthBeta } from "./rules.ts";

const ACCESS_SECONDS = 28_800;
const LOGIN_SECONDS = 2_332_800;

export interface ClaudeTokens {
  accessToken: string;
  refreshToken: string;
  /** Epoch ms. */
  expiresAt: number;
  scopes: string[];
  accountId: string;
}

export interface IssueClaude {
  account?: string;
  scopes?: readonly string[];
  /** Seconds; negative for tokens that are already stale. */
  expiresIn?: number;
}

export interface ClaudeIdentity {
  readonly routes: Routes;
  /** Troubles of the token endpoint. */
  readonly token: TokenScript;
  issueTokens(options?: IssueClaude): ClaudeTokens;
  issueApiKey(): string;
  /** Acts as the browser user who grants access; gives what the callback page shows: `code#state`. */
  authorize(url: string, options?: { account?: string }): string;
  /** What the usage endpoint answers next time; null for the standard body. */
  usage: { reply: Reply | null };
}

const FORMAT: Reply = claudeError(400, "invalid_request_error", "Invalid request format");
const grantError = (description: string): Reply => ({
  status: 400,
  body: { error: "invalid_grant", error_description: description },
});

export function createClaudeIdentity(tokens: TokenBook, now: () => number, account: string): ClaudeIdentity {
  const codes = new CodeBook(now);
  const token = new TokenScript();
  const usage: { reply: Reply | null } = { reply: null };

  const issueTokens = ({
    account: owner = account,
    scopes = CLAUDE_SCOPES,
    expiresIn = ACCESS_SECONDS,
  }: IssueClaude = {}) => {
    const issued: ClaudeTokens = {
      accessToken: `sk-ant-oat01-${secret(48)}`,
      refreshToken: `sk-ant-ort01-${secret(48)}`,
      expiresAt: now() + expiresIn * 1000,
      scopes: [...scopes],
      accountId: owner,
    };
    const shared = { account: owner, scopes: issued.scopes };
    tokens.add({ ...shared, token: issued.accessToken, kind: "access", expiresAt: issued.expiresAt });
    tokens.add({
      ...shared,
      token: issued.refreshToken,
      kind: "refresh",
      expiresAt: now() + LOGIN_SECONDS * 1000,
    });
    return issued;
  };

  const issueApiKey = (): string => {
    const key = `sk-ant-api03-${secret(60)}`;
    tokens.add({ token: key, kind: "api_key", account });
    return key;
  };

  const grant = (query: URLSearchParams, owner = account): { code: string; state: string } => {
    const problem = authorizeProblem(query);
    if (problem !== null) return refuse(`authorize: ${problem}`, { status: 400, body: problem });
    const state = query.get("state") ?? "";
    const code = codes.issue({
      account: owner,
      challenge: query.get("code_challenge") ?? "",
      redirectUri: query.get("redirect_uri") ?? "",
      state,
      scopes: (query.get("scope") ?? "").split(" "),
    });
    return { code, state };
  };

  const authorizePage = (request: RecordedRequest): Reply => {
    const { code, state } = grant(request.query);
    const redirect = new URL(request.query.get("redirect_uri") ?? "");
    redirect.search = new URLSearchParams({ code, state }).toString();
    return { status: 302, headers: { location: redirect.toString() }, body: `${code}#${state}` };
  };

  const answerTokens = (
    issued: ClaudeTokens,
    expiresIn: number | null | undefined,
    omitRefresh: boolean,
  ): Reply => ({
    status: 200,
    body: {
      token_type: "Bearer",
      access_token: issued.accessToken,
      ...(omitRefresh ? {} : { refresh_token: issued.refreshToken, refresh_token_expires_in: LOGIN_SECONDS }),
      ...(expiresIn === null ? {} : { expires_in: expiresIn ?? ACCESS_SECONDS }),
      scope: issued.scopes.join(" "),
      account: { uuid: issued.accountId, email_address: "me@example.com" },
      organization: { uuid: "org-fake-1", name: "Me" },
    },
  });

  const exchange = (body: Record<string, unknown>, expiresIn: number | undefined): ClaudeTokens => {
    requireFields(
      body,
      ["grant_type", "code", "state", "client_id", "redirect_uri", "code_verifier"],
      ["expires_in"],
    );
    requireClient(body);
    const { code, state, code_verifier, redirect_uri } = body;
    const found = codes.redeem(stringOf(code), stringOf(code_verifier), stringOf(redirect_uri));
    if (typeof found === "string") return refuse(found, grantError("Invalid 'code' in request."));
    if (found.state !== state) return refuse("state differs from the one authorized", FORMAT);
    return issueTokens({
      account: found.account,
      scopes: found.scopes,
      ...(expiresIn === undefined ? {} : { expiresIn }),
    });
  };

  const rotate = (
    body: Record<string, unknown>,
    expiresIn: number | undefined,
    keep: boolean,
  ): ClaudeTokens => {
    requireFields(body, ["grant_type", "refresh_token", "client_id"], ["scope"]);
    requireClient(body);
    const scopes = stringOf(body.scope)
      .split(" ")
      .filter((scope) => scope !== "");
    if (scopes.includes("org:create_api_key")) {
      refuse("org:create_api_key on refresh", { status: 400, body: { error: "invalid_scope" } });
    }
    const dead = grantError("Refresh token not found or invalid");
    const record = tokens.find(stringOf(body.refresh_token));
    if (record === undefined || record.kind !== "refresh") return refuse("unknown refresh token", dead);
    if (record.state === "spent") return refuse("refresh token used twice", dead);
    if (record.state !== "live") return refuse(`${record.state} refresh token`, dead, "account");
    const issued = issueTokens({
      account: record.account,
      scopes: record.scopes,
      ...(expiresIn === undefined ? {} : { expiresIn }),
    });
    if (keep) tokens.revoke(issued.refreshToken);
    else record.state = "spent";
    return issued;
  };

  const tokenRoute: Routes[string] = async (request, res) => {
    if ((request.headers.host ?? "").startsWith("console.anthropic.com")) {
      refuse("legacy token host", claudeError(404, "not_found_error", "Not Found"));
    }
    checkTokenCall(request);
    const body = objectOf(request.json);
    if (body === null) return refuse("token call is not JSON", FORMAT);
    const trouble = token.next();
    if (trouble.reply !== undefined && trouble.after !== "rotating") {
      await sleep(trouble.delayMs ?? 0, undefined, { ref: false });
      return trouble.reply;
    }
    const { expiresIn } = trouble;
    const lifetime = expiresIn ?? undefined;
    const keep = trouble.omitRefreshToken === true;
    const issued =
      body.grant_type === "refresh_token"
        ? rotate(body, lifetime, keep)
        : body.grant_type === "authorization_code"
          ? exchange(body, lifetime)
          : refuse("unknown grant_type", FORMAT);
    if (trouble.delayMs !== undefined) await sleep(trouble.delayMs, undefined, { ref: false });
    if (trouble.drop === true) {
      cutConnection(res);
      return undefined;
    }
    return trouble.reply ?? answerTokens(issued, expiresIn, keep);
  };

  const revokeRoute = (request: RecordedRequest): Reply => {
    checkTokenCall(request);
    const body = objectOf(request.json);
    if (body === null) return refuse("revoke call is not JSON", FORMAT);
    requireFields(body, ["token", "token_type_hint", "client_id"]);
    requireClient(body);
    const record = tokens.find(stringOf(body.token));
    if (record !== undefined) record.state = "revoked";
    return { status: 200, body: {} };
  };

  const mint = (request: RecordedRequest): Reply => {
    refuseLeaks(request);
    const record = requireBearer(request, tokens);
    if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
      refuse("mint without content-type", FORMAT);
    const isEmpty = request.body.length === 0 || request.body.toString() === "{}";
    if (!isEmpty) refuse("mint call has a body", FORMAT);
    requireScope(record.scopes, "org:create_api_key");
    return { status: 200, body: { raw_key: issueApiKey() } };
  };

  const accountRoute =
    (answer: (record: TokenRecord) => Reply) =>
    (request: RecordedRequest): Reply => {
      refuseLeaks(request);
      const record = requireBearer(request, tokens);
      requireOAuthBeta(request);
      requireScope(record.scopes, "user:profile");
      return answer(record);
    };

  return {
    token,
    usage,
    issueTokens,
    issueApiKey,
    authorize(url, options = {}) {
      const { code, state } = grant(new URL(url).searchParams, options.account);
      return `${code}#${state}`;
    },
    routes: {
      "GET /oauth/authorize": authorizePage,
      "GET /console/oauth/authorize": authorizePage,
      "POST /v1/oauth/token": tokenRoute,
      "POST /v1/oauth/token/revoke": revokeRoute,
      "POST /api/oauth/claude_cli/create_api_key": mint,
      "GET /api/oauth/profile": accountRoute((record) => ({ status: 200, body: profile(record.account) })),
      "GET /api/oauth/usage": accountRoute(() => usage.reply ?? { status: 200, body: usageBody(now()) }),
    },
  };
}

function checkTokenCall(request: RecordedRequest): void {
  refuseLeaks(request);
  const agent = request.headers["user-agent"] ?? "";
  if (/^claude-(cli|code)\//.test(agent)) {
    refuse(
      "Claude Code's user-agent on the token endpoint",
      claudeError(429, "rate_limit_error", "Rate limited"),
    );
  }
  if (!isOwnAgent(request))
    refuse("user-agent is not Kleis's own", claudeError(404, "not_found_error", "Not Found"));
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
    refuse("token call is not JSON", FORMAT);
}

function requireFields(
  body: Record<string, unknown>,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  const missing = required.find((field) => stringOf(body[field]) === "");
  if (missing !== undefined) refuse(`token call without ${missing}`, FORMAT);
  const extra = Object.keys(body).find((field) => !required.includes(field) && !optional.includes(field));
  if (extra !== undefined) refuse(`token call with ${extra}`, FORMAT);
}

function requireClient(body: Record<string, unknown>): void {
  if (body.client_id !== CLAUDE_CLIENT_ID) refuse("unknown client_id", FORMAT);
}

function requireScope(scopes: readonly string[], scope: string): void {
  if (scopes.includes(scope)) return;
  const message = `OAuth token does not meet scope requirement: ${scope}`;
  refuse(`token lacks ${scope}`, claudeError(403, "permission_error", message), "account");
}
