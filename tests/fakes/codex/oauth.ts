/** The sign-in side of the Codex fake at auth.openai.com: authorize, token, revoke (providers/codex.md §1). */
import { setTimeout as sleep } from "node:timers/promises";
import { objectOf, stringOf } from "../inspect.ts";
import { cutConnection, type RecordedRequest, type Reply, type Routes, refuse } from "../server.ts";
import { CodeBook, jwt, secret, type TokenBook, TokenScript } from "../tokens.ts";
import { type CodexDeviceFlow, createDeviceFlow, deviceRedirect } from "./device.ts";
import { CODEX_CLIENT_ID, CODEX_SCOPES, checkCall, issuerError } from "./issuer.ts";

/** The consent page refuses any other, and need not be told one. */
const KNOWN_ORIGINATORS = ["codex_cli_rs", "opencode", "pi"];
const KNOWN_SCOPES = [...CODEX_SCOPES, "api.connectors.read", "api.connectors.invoke"];
const REDIRECT = /^http:\/\/localhost:(1455|1457)\/auth\/callback$/;
const ACCESS_SECONDS = 864_000;

export interface CodexTokens {
  idToken: string;
  accessToken: string;
  refreshToken: string;
  /** Epoch ms. */
  expiresAt: number;
  accountId: string;
}

export interface IssueCodex {
  account?: string;
  plan?: string;
  email?: string;
  /** Seconds; negative for tokens that are already stale. */
  expiresIn?: number;
}

export interface CodexIdentity extends CodexDeviceFlow {
  readonly token: TokenScript;
  issueTokens(options?: IssueCodex): CodexTokens;
  /** Acts as the browser user; gives the address that the browser is sent to. */
  authorize(url: string, options?: { account?: string; deny?: boolean }): string;
}

/** The claims that Kleis reads out of a login's tokens (§1.5). */
export function codexClaims(options: { account: string; plan: string; email: string; exp: number }): object {
  return {
    iss: "https://auth.openai.com",
    aud: [CODEX_CLIENT_ID],
    exp: options.exp,
    jti: secret(8),
    email: options.email,
    "https://api.openai.com/auth": {
      chatgpt_account_id: options.account,
      chatgpt_plan_type: options.plan,
      chatgpt_user_id: `user-${options.account.slice(-4)}`,
      organizations: [{ id: "org-fake", is_default: true, role: "owner", title: "Personal" }],
      chatgpt_account_is_fedramp: false,
    },
    "https://api.openai.com/profile": { email: options.email },
  };
}

export function createCodexIdentity(
  tokens: TokenBook,
  now: () => number,
  account: string,
  violate: (what: string) => void,
): CodexIdentity {
  const codes = new CodeBook(now);
  const token = new TokenScript();
  const { routes: deviceRoutes, ...deviceFlow } = createDeviceFlow(codes, now, account, violate);

  const issueTokens = ({
    account: owner = account,
    plan = "plus",
    email = "owner@example.org",
    expiresIn = ACCESS_SECONDS,
  }: IssueCodex = {}): CodexTokens => {
    const expiresAt = now() + expiresIn * 1000;
    const claims = { account: owner, plan, email, exp: Math.floor(expiresAt / 1000) };
    const issued: CodexTokens = {
      idToken: jwt(codexClaims(claims)),
      accessToken: jwt(codexClaims(claims)),
      refreshToken: `rt_${secret(48)}`,
      expiresAt,
      accountId: owner,
    };
    tokens.add({ token: issued.accessToken, kind: "access", account: owner, expiresAt });
    tokens.add({ token: issued.refreshToken, kind: "refresh", account: owner });
    tokens.add({ token: issued.idToken, kind: "id", account: owner, expiresAt });
    return issued;
  };

  const callback = (query: URLSearchParams, options: { account?: string; deny?: boolean } = {}): string => {
    const problem = authorizeProblem(query);
    if (problem !== null) return refuse(`authorize: ${problem}`, { status: 400, body: problem });
    const redirectUri = query.get("redirect_uri") ?? "";
    const state = query.get("state") ?? "";
    const target = new URL(redirectUri);
    if (options.deny === true) {
      const error_description = "missing_codex_entitlement: the workspace has no Codex";
      target.search = new URLSearchParams({ error: "access_denied", error_description, state }).toString();
      return target.toString();
    }
    const scopes = (query.get("scope") ?? "").split(" ");
    const challenge = query.get("code_challenge") ?? "";
    const code = codes.issue({ account: options.account ?? account, challenge, redirectUri, state, scopes });
    target.search = new URLSearchParams({ code, scope: scopes.join(" "), state }).toString();
    return target.toString();
  };

  const exchange = (fields: Record<string, unknown>, lifetime: number | undefined): CodexTokens => {
    requireFields(fields, ["grant_type", "client_id", "code", "redirect_uri", "code_verifier"]);
    const redirect = deviceRedirect(stringOf(fields.redirect_uri));
    const found = codes.redeem(stringOf(fields.code), stringOf(fields.code_verifier), redirect);
    if (typeof found === "string") return refuse(found, issuerError(400, "invalid_grant", found));
    return issueTokens({
      account: found.account,
      ...(lifetime === undefined ? {} : { expiresIn: lifetime }),
    });
  };

  const rotate = (
    fields: Record<string, unknown>,
    lifetime: number | undefined,
    keep: boolean,
  ): CodexTokens => {
    requireFields(fields, ["grant_type", "refresh_token", "client_id"], ["scope"]);
    const record = tokens.find(stringOf(fields.refresh_token));
    if (record === undefined || record.kind !== "refresh") {
      return refuse("unknown refresh token", issuerError(401, "refresh_token_invalidated"));
    }
    if (record.state === "spent")
      return refuse("refresh token used twice", issuerError(401, "refresh_token_reused"));
    if (record.state !== "live") {
      const code = record.state === "expired" ? "refresh_token_expired" : "refresh_token_invalidated";
      return refuse(`${record.state} refresh token`, issuerError(401, code), "account");
    }
    const issued = issueTokens({
      account: record.account,
      ...(lifetime === undefined ? {} : { expiresIn: lifetime }),
    });
    if (keep) tokens.revoke(issued.refreshToken);
    else record.state = "spent";
    return issued;
  };

  const tokenRoute: Routes[string] = async (request, res) => {
    checkCall(request);
    const { fields, isForm } = readFields(request);
    const trouble = token.next();
    if (trouble.reply !== undefined && trouble.after !== "rotating") {
      await sleep(trouble.delayMs ?? 0, undefined, { ref: false });
      return trouble.reply;
    }
    if (fields.client_id !== CODEX_CLIENT_ID) refuse("unknown client_id", issuerError(400, "invalid_client"));
    const lifetime = trouble.expiresIn ?? undefined;
    const keep = trouble.omitRefreshToken === true;
    if (fields.grant_type === "authorization_code" && !isForm) {
      refuse("code exchange is not form-encoded", issuerError(400, "invalid_request"));
    }
    const issued =
      fields.grant_type === "refresh_token"
        ? rotate(fields, lifetime, keep)
        : fields.grant_type === "authorization_code"
          ? exchange(fields, lifetime)
          : refuse("unknown grant_type", issuerError(400, "unsupported_grant_type"));
    if (trouble.delayMs !== undefined) await sleep(trouble.delayMs, undefined, { ref: false });
    if (trouble.drop === true) {
      cutConnection(res);
      return undefined;
    }
    const answer = {
      ...(trouble.omitIdToken === true ? {} : { id_token: issued.idToken }),
      access_token: issued.accessToken,
      ...(keep ? {} : { refresh_token: issued.refreshToken }),
      ...(trouble.expiresIn === null ? {} : { expires_in: lifetime ?? ACCESS_SECONDS }),
      token_type: "Bearer",
      scope: CODEX_SCOPES.join(" "),
    };
    return trouble.reply ?? { status: 200, body: answer };
  };

  const revokeRoute = (request: RecordedRequest): Reply => {
    checkCall(request);
    const fields = objectOf(request.json);
    if (fields === null) return refuse("revoke call is not JSON", issuerError(400, "invalid_request"));
    requireFields(fields, ["token", "token_type_hint", "client_id"]);
    const record = tokens.find(stringOf(fields.token));
    if (record !== undefined) record.state = "revoked";
    return { status: 200, body: {} };
  };

  return {
    ...deviceFlow,
    token,
    issueTokens,
    authorize: (url, options) => callback(new URL(url).searchParams, options),
    routes: {
      ...deviceRoutes,
      "GET /oauth/authorize": ({ query }) => ({ status: 302, headers: { location: callback(query) } }),
      "POST /oauth/token": tokenRoute,
      "POST /oauth/revoke": revokeRoute,
    },
  };
}

function readFields(request: RecordedRequest): { fields: Record<string, unknown>; isForm: boolean } {
  const type = request.headers["content-type"] ?? "";
  if (/^application\/x-www-form-urlencoded\b/.test(type)) {
    return { fields: Object.fromEntries(new URLSearchParams(request.body.toString("utf8"))), isForm: true };
  }
  const fields = /^application\/json\b/.test(type) ? objectOf(request.json) : null;
  if (fields === null)
    return refuse("token call is neither form nor JSON", issuerError(400, "invalid_request"));
  return { fields, isForm: false };
}

function requireFields(
  fields: Record<string, unknown>,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  const missing = required.find((field) => stringOf(fields[field]) === "");
  if (missing !== undefined) refuse(`token call without ${missing}`, issuerError(400, "invalid_request"));
  const extra = Object.keys(fields).find((field) => !required.includes(field) && !optional.includes(field));
  if (extra !== undefined) refuse(`token call with ${extra}`, issuerError(400, "invalid_request"));
}

/** Names what is wrong with an authorize request (§1.2); null when nothing is. */
function authorizeProblem(query: URLSearchParams): string | null {
  const is = (name: string, value: string): boolean => query.get(name) === value;
  if (!is("response_type", "code")) return "response_type must be code";
  if (!is("client_id", CODEX_CLIENT_ID)) return "unknown client_id";
  if (!REDIRECT.test(query.get("redirect_uri") ?? "")) return "redirect_uri is not registered";
  const scopes = (query.get("scope") ?? "").split(" ");
  const lacking = CODEX_SCOPES.find((scope) => !scopes.includes(scope));
  if (lacking !== undefined) return `scope lacks ${lacking}`;
  const foreign = scopes.find((scope) => !KNOWN_SCOPES.includes(scope));
  if (foreign !== undefined) return `unknown scope "${foreign}"`;
  if (!is("code_challenge_method", "S256")) return "code_challenge_method must be S256";
  if (!/^[A-Za-z0-9_-]{43}$/.test(query.get("code_challenge") ?? ""))
    return "code_challenge must have 43 characters";
  if (!is("id_token_add_organizations", "true")) return "id_token_add_organizations must be true";
  if (!is("codex_cli_simplified_flow", "true")) return "codex_cli_simplified_flow must be true";
  if ((query.get("state") ?? "") === "") return "state is missing";
  const originator = query.get("originator");
  if (originator !== null && !KNOWN_ORIGINATORS.includes(originator)) return "missing_required_parameter";
  return null;
}
