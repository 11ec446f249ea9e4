/** What api.anthropic.com refuses about an inference request (providers/claude.md §2, §3.1 and §6). */
import type { JsonObject } from "../../../src/json.ts";
import { arrayOf, type Dict, objectOf, objectsOf, stringOf, walk } from "../inspect.ts";
import { bearerOf, findLeak } from "../leaks.ts";
import { isForged } from "../scenarios/messages.ts";
import { type RecordedRequest, type Reply, refuse } from "../server.ts";
import type { TokenBook, TokenRecord } from "../tokens.ts";
import { CLAUDE_ERRORS, claudeError } from "./errors.ts";
import { messagesFault } from "./request-rules.ts";

export const IDENTITY = "You are Claude Code, Anthropic's official CLI for Claude.";
/** The identities of Claude Code: in a terminal, and two without one. */
const IDENTITIES = [
  IDENTITY,
  "You are a Claude agent, built on Anthropic's Claude Agent SDK.",
  "You are Claude Code, Anthropic's official CLI for Claude, running within the Claude Agent SDK.",
];
export const OAUTH_BETA = "oauth-2025-04-20";
const CONTEXT_BETA = "context-management-2025-06-27";
const ATTRIBUTION = "x-anthropic-billing-header";
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Fields that count_tokens does not know. */
const NOT_COUNTED = [
  "max_tokens",
  "stream",
  "metadata",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "service_tier",
];

export interface ClaudeRules {
  /** User-agents that a plan's messages are refused for; null: none. */
  refusedAgent: RegExp | null;
}

const invalid = (message: string): Reply => claudeError(400, "invalid_request_error", message);

export function refuseLeaks(request: RecordedRequest): void {
  const leak = findLeak(request);
  if (leak === null) return;
  const cors = "CORS requests are not allowed for this Organization because of its settings.";
  const reply =
    leak === "origin"
      ? claudeError(401, "authentication_error", cors)
      : invalid(`unexpected header: ${leak}`);
  refuse(`leaked header ${leak}`, reply);
}

export function betasOf({ headers }: RecordedRequest): string[] {
  return (headers["anthropic-beta"] ?? "")
    .split(",")
    .map((beta) => beta.trim())
    .filter((beta) => beta !== "");
}

/** Finds whose bearer it is, or refuses as the real service words it. */
export function requireBearer(request: RecordedRequest, tokens: TokenBook): TokenRecord {
  const token = bearerOf(request);
  if (token === null)
    refuse("no bearer", claudeError(401, "authentication_error", "Authentication required"));
  const record = tokens.find(token);
  if (record === undefined || record.kind !== "access")
    refuse("unknown bearer", CLAUDE_ERRORS["error:401"]());
  if (record.state === "expired") refuse("expired bearer", CLAUDE_ERRORS["error:401-expired"](), "account");
  if (record.state !== "live") refuse("revoked bearer", CLAUDE_ERRORS["error:403-revoked"](), "account");
  return record;
}

/** Bearers need the OAuth beta wherever they are used. */
export function requireOAuthBeta(request: RecordedRequest): void {
  if (betasOf(request).includes(OAUTH_BETA)) return;
  const message = "OAuth authentication is currently not supported.";
  refuse("no OAuth beta with a bearer", claudeError(401, "authentication_error", message));
}

/** Exactly one credential, and a good one. */
export function authenticate(request: RecordedRequest, tokens: TokenBook): TokenRecord {
  const key = request.headers["x-api-key"];
  const { authorization } = request.headers;
  if (key === undefined && authorization === undefined) {
    const message = "x-api-key header is required";
    refuse("no credential", claudeError(401, "authentication_error", message));
  }
  if (key !== undefined && authorization !== undefined)
    refuse("both credentials", invalid("one credential only"));
  if (key === undefined) {
    const record = requireBearer(request, tokens);
    requireOAuthBeta(request);
    return record;
  }
  const record = tokens.find(key);
  const reply = claudeError(401, "authentication_error", "invalid x-api-key");
  if (record === undefined || record.kind !== "api_key") return refuse("unknown API key", reply);
  if (record.state !== "live") return refuse("revoked API key", reply, "account");
  return record;
}

/** Checks a `/v1/messages` or count_tokens request and returns its body. */
export function checkMessages(
  request: RecordedRequest,
  tokens: TokenBook,
  counting: boolean,
  rules: ClaudeRules,
): Dict {
  refuseLeaks(request);
  const record = authenticate(request, tokens);
  if (
    record.kind === "access" &&
    !counting &&
    rules.refusedAgent?.test(request.headers["user-agent"] ?? "")
  ) {
    refuse("user-agent that is not served any more", CLAUDE_ERRORS["error:claude-code-only"](), "account");
  }
  if (request.headers["anthropic-version"] === undefined) {
    refuse("no anthropic-version", invalid("anthropic-version: header is required"));
  }
  if (record.kind === "access" && request.query.get("beta") !== "true") {
    refuse("no beta=true in the query", invalid("beta=true is required"));
  }
  if (record.kind === "api_key" && /^claude-(cli|code)\//.test(request.headers["user-agent"] ?? "")) {
    refuse("Claude Code's name with an API key", invalid("unexpected user-agent"));
  }
  const body = readBody(request);
  checkFields(body, request, counting);
  if (record.kind === "access" && !counting) checkIdentity(body);
  checkCacheMarks(body);
  checkTools(body);
  checkHistory(body);
  if (!counting) checkAgainstModel(body);
  return body;
}

function readBody(request: RecordedRequest): Dict {
  if (request.headers["content-encoding"] !== undefined)
    refuse("packed body", invalid("unexpected content-encoding"));
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    refuse("content-type is not JSON", invalid("content-type must be application/json"));
  }
  if (request.body.length > MAX_BODY_BYTES) refuse("body over 32 MB", CLAUDE_ERRORS["error:413"]());
  const body = objectOf(request.json);
  if (body === null)
    return refuse("body is not a JSON object", invalid("The request body is not valid JSON"));
  return body;
}

function checkFields(body: Dict, request: RecordedRequest, counting: boolean): void {
  if (stringOf(body.model) === "") refuse("no model", invalid("model: Field required"));
  if (arrayOf(body.messages).length === 0)
    refuse("no messages", invalid("messages: at least one message is required"));
  if (counting) {
    const extra = NOT_COUNTED.find((field) => field in body);
    if (extra !== undefined)
      refuse(`${extra} on count_tokens`, invalid(`${extra}: Extra inputs are not permitted`));
  } else if (typeof body.max_tokens !== "number") {
    refuse("no max_tokens", invalid("max_tokens: Field required"));
  }
  if ("betas" in body) refuse("betas in the body", invalid("betas: Extra inputs are not permitted"));
  if ("context_management" in body && !betasOf(request).includes(CONTEXT_BETA)) {
    const message = "context_management: Extra inputs are not permitted";
    refuse("context_management without its beta", invalid(message));
  }
}

function checkIdentity(body: Dict): void {
  const [first, second] = objectsOf(body.system).map((block) => stringOf(block.text));
  const own = first?.startsWith(ATTRIBUTION) === true ? second : first;
  if (IDENTITIES.some((identity) => own?.startsWith(identity))) return;
  refuse("system does not begin with the identity", CLAUDE_ERRORS["error:claude-code-only"]());
}

function checkCacheMarks(body: Dict): void {
  let marks = 0;
  for (const part of [body.system, body.tools, body.messages]) {
    for (const object of walk(part)) if (objectOf(object.cache_control) !== null) marks += 1;
  }
  if (marks > 4) {
    const message = `A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`;
    refuse("more than 4 cache_control", invalid(message));
  }
}

function checkTools(body: Dict): void {
  const names = objectsOf(body.tools).flatMap((tool) => (typeof tool.name === "string" ? [tool.name] : []));
  for (const [at, name] of names.entries()) {
    if (!/^[a-zA-Z0-9_-]+$/.test(name)) {
      refuse(
        "tool name outside its pattern",
        invalid(`tools.${at}.name: String should match pattern '^[a-zA-Z0-9_-]+$'`),
      );
    }
    if (name.length > 128) {
      refuse("tool name too long", invalid(`tools.${at}.name: String should have at most 128 characters`));
    }
  }
  if (new Set(names).size !== names.length)
    refuse("tool names twice", invalid("tools: Tool names must be unique."));
  const choice = objectOf(body.tool_choice);
  if (choice?.type === "tool" && !names.includes(stringOf(choice.name))) {
    const message = `Tool '${stringOf(choice.name)}' not found in provided tools`;
    refuse("tool_choice names no declared tool", invalid(message));
  }
}

function checkHistory(body: Dict): void {
  const messages = objectsOf(body.messages).filter((message) => message.role !== "system");
  let open: string[] = [];
  for (const [at, message] of messages.entries()) {
    const blocks = objectsOf(message.content);
    const results = blocks
      .filter((block) => block.type === "tool_result")
      .map((block) => stringOf(block.tool_use_id));
    const missing = open.find((id) => !results.includes(id));
    if (missing !== undefined) {
      const text = `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing}`;
      refuse("tool_use without tool_result", invalid(text));
    }
    const foreign = results.find((id) => !open.includes(id));
    if (foreign !== undefined) {
      const text = `messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${foreign}`;
      refuse("tool_result without tool_use", invalid(text));
    }
    open = blocks.filter((block) => block.type === "tool_use").map((block) => stringOf(block.id));
    for (const block of blocks) checkBlock(block, at);
  }
  if (open.length > 0) refuse("trailing tool_use", invalid("the last tool_use has no tool_result"));
}

/** What the documentation says of the model's requests. */
function checkAgainstModel(body: Dict): void {
  const fault = messagesFault(body as JsonObject);
  if (fault !== undefined) refuse(fault, invalid(fault));
}

function checkBlock(block: Dict, at: number): void {
  if (block.type === "tool_use" && !/^[a-zA-Z0-9_-]+$/.test(stringOf(block.id))) {
    refuse(
      "tool_use id outside its pattern",
      invalid(`messages.${at}: tool_use.id should match '^[a-zA-Z0-9_-]+$'`),
    );
  }
  if (block.type !== "thinking") return;
  const signature = stringOf(block.signature);
  if (signature === "" || isForged(stringOf(block.thinking), signature)) {
    refuse("altered thinking block", invalid(`messages.${at}: Invalid \`signature\` in \`thinking\` block`));
  }
}
