/**
 * The complete header set of a request to Anthropic (providers/claude.md §2.1, §2.2). By allowlist: of the client's
 * headers only `accept` and `anthropic-*` travel, and Claude Code's own name when it is the one asking.
 */
import type { Config } from "../../config.ts";
import { splitBetas } from "../../protocols/messages/body-betas.ts";
import type { Operation } from "../../protocols/protocol.ts";
import { USER_AGENT } from "../../version.ts";
import type { Credential } from "../account.ts";
import { PROFILE } from "./profile.ts";

const HEADERS = PROFILE.headers;

export interface HeaderInput {
  readonly operation: Operation;
  /** The client's headers. */
  readonly headers: Headers;
  readonly credential: Credential;
  /** True when the client is Claude Code itself. */
  readonly isClaudeCode: boolean;
  /** What the body's `betas` field held; it moves into the header. */
  readonly bodyBetas: readonly string[];
  /** The name that the plan expects of other clients (`planAgent`). */
  readonly userAgent: string;
}

/** For an API key: the client's `anthropic-*` headers as they came, beside the key. */
export function apiKeyHeaders(client: Headers, key: string): Headers {
  const headers = commonHeaders(client);
  headers.set(HEADERS.apiKey, key);
  const beta = client.get(HEADERS.beta);
  if (beta !== null) headers.set(HEADERS.beta, beta);
  return headers;
}

/** For calls of Kleis's own that both kinds of account may make: the list of models. */
export function accountHeaders({ kind, token }: Credential): Headers {
  const headers = new Headers({
    accept: "application/json",
    "accept-encoding": "identity",
    [HEADERS.version]: PROFILE.defaultVersion,
    "user-agent": USER_AGENT,
  });
  if (kind === "api_key") {
    headers.set(HEADERS.apiKey, token);
  } else {
    headers.set("authorization", `Bearer ${token}`);
    headers.set(HEADERS.beta, PROFILE.oauthBeta);
  }
  return headers;
}

/** The user-agent of a plan's requests: the profile's, the operator's, or Kleis's own where he leaves it empty. */
export function planAgent({ CLAUDE_USER_AGENT: chosen = PROFILE.userAgent }: Config): string {
  return chosen === "" ? USER_AGENT : chosen;
}

/** For a subscription: the bearer token and the betas it needs. */
export function oauthHeaders(input: HeaderInput): Headers {
  const headers = commonHeaders(input.headers);
  headers.set("authorization", `Bearer ${input.credential.token}`);
  headers.set(HEADERS.beta, betas(input));
  if (!input.isClaudeCode) {
    headers.set("user-agent", input.userAgent);
    return headers;
  }
  for (const name of ["user-agent", ...PROFILE.claudeCode.headers]) {
    const value = input.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

function commonHeaders(client: Headers): Headers {
  const headers = new Headers();
  client.forEach((value, name) => {
    if (name.startsWith(HEADERS.family) && name !== HEADERS.beta) headers.set(name, value);
  });
  if (!headers.has(HEADERS.version)) headers.set(HEADERS.version, PROFILE.defaultVersion);
  headers.set("accept", client.get("accept") ?? "application/json");
  headers.set("accept-encoding", "identity");
  headers.set("content-type", "application/json");
  headers.set("user-agent", USER_AGENT);
  return headers;
}

/** Required ones first, then the client's in their order; none of the client's is ever dropped. */
function betas(input: HeaderInput): string {
  const sent = input.headers.get(HEADERS.beta) ?? "";
  const asked = [...splitBetas(sent), ...input.bodyBetas.flatMap(splitBetas)];
  if (input.isClaudeCode && input.bodyBetas.length === 0 && asked.includes(PROFILE.oauthBeta)) return sent;
  return [...new Set([...required(input), ...asked])].join(",");
}

function required({ operation, isClaudeCode }: HeaderInput): readonly string[] {
  if (isClaudeCode) return [PROFILE.oauthBeta];
  return operation === "count_tokens" ? PROFILE.countTokensBetas : PROFILE.messagesBetas;
}
