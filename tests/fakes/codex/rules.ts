/** What the ChatGPT backend refuses about an inference request (providers/codex.md §2.1, §2.2 and §6.4). */
import { type Dict, objectOf, objectsOf, stringOf, walk } from "../inspect.ts";
import { bearerOf, findLeak, isOwnAgent } from "../leaks.ts";
import { type RecordedRequest, refuse } from "../server.ts";
import type { TokenBook, TokenRecord } from "../tokens.ts";
import { BLOCKED, CODEX_ERRORS, detail, openaiError } from "./errors.ts";
import { isListed } from "./models.ts";

const ALLOWED = new Set([
  "model",
  "instructions",
  "input",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning",
  "text",
  "include",
  "store",
  "stream",
  "prompt_cache_key",
  "service_tier",
  "client_metadata",
  "stream_options",
]);
const COMPACT_ALLOWED = new Set([
  "model",
  "input",
  "instructions",
  "tools",
  "parallel_tool_calls",
  "reasoning",
  "text",
]);

export interface BackendRules {
  /** Refuses every id on an input item, as nothing is stored; false, and in the lite form, only those that are looked up. */
  strictIds: boolean;
  /** Models that the plan has not. */
  readonly withheld: Set<string>;
}

/** What the plan has: what it lists, and newer families, less those that only API keys reach (§5.3). */
export function isPlanModel(model: string): boolean {
  if (isListed(model)) return true;
  if (model === "gpt-5.5-pro" || model === "gpt-5.6") return false;
  const version = /^gpt-(\d+)(?:\.(\d+))?(?:-|$)/.exec(model);
  if (version === null) return false;
  const [major, minor] = [Number(version[1]), Number(version[2] ?? 0)];
  return major > 5 || (major === 5 && minor > 4);
}

/** Cloudflare's answer to anything that smells of a forwarded request. */
export function refuseLeaks(request: RecordedRequest): void {
  const leak = findLeak(request);
  if (leak !== null) refuse(`leaked header ${leak}`, BLOCKED);
  if (request.headers["x-api-key"] !== undefined) refuse("x-api-key", BLOCKED);
  if (!isOwnAgent(request)) refuse("user-agent is not Kleis's own", BLOCKED);
}

/** Bearer and account id, which must belong together. */
export function authenticate(request: RecordedRequest, tokens: TokenBook): TokenRecord {
  refuseLeaks(request);
  const token = bearerOf(request);
  if (token === null)
    refuse("no bearer", openaiError(401, { message: "Missing bearer authentication in header" }));
  const account = request.headers["chatgpt-account-id"];
  if (account === undefined)
    refuse("no ChatGPT-Account-Id", openaiError(401, { message: "Missing account id" }));
  const record = tokens.find(token);
  const invalid = openaiError(401, { message: "Could not validate your token.", code: "token_invalidated" });
  if (record === undefined || record.kind !== "access") return refuse("unknown bearer", invalid);
  if (record.state === "expired") return refuse("expired bearer", CODEX_ERRORS["error:401"](), "account");
  if (record.state !== "live") return refuse("revoked bearer", invalid, "account");
  if (record.account !== account)
    refuse("account id of another login", CODEX_ERRORS["error:403-workspace"]());
  return record;
}

/** Checks a POST to `/codex/responses` and returns its body. */
export function checkResponses(request: RecordedRequest, tokens: TokenBook, rules: BackendRules): Dict {
  const record = authenticate(request, tokens);
  const body = readBody(request);
  if (!/\btext\/event-stream\b/.test(request.headers.accept ?? ""))
    refuse("accept is not text/event-stream", detail("Not acceptable", 406));
  const turn = request.headers["x-codex-turn-state"];
  if (turn !== undefined && !turn.startsWith(turnState(record.account))) {
    refuse("turn state of another account", detail("Invalid turn state"));
  }
  if (body.stream !== true) refuse("stream is not true", detail("Stream must be set to true"));
  if (body.store !== false) refuse("store is not false", detail("Store must be set to false"));
  checkFields(body, ALLOWED);
  checkModel(body, rules);
  checkInstructions(body, request);
  checkInput(body, isLite(body, request) ? { ...rules, strictIds: false } : rules);
  checkTools(body);
  return body;
}

/** Checks a POST to `/codex/responses/compact` and returns its body. */
export function checkCompact(request: RecordedRequest, tokens: TokenBook, rules: BackendRules): Dict {
  authenticate(request, tokens);
  const body = readBody(request);
  checkFields(body, COMPACT_ALLOWED);
  checkModel(body, rules);
  return body;
}

/** The value that the fake gives in `x-codex-turn-state` and wants back from the same account only. */
export function turnState(account: string): string {
  return `turn-${account}-`;
}

function readBody(request: RecordedRequest): Dict {
  if (request.headers["content-encoding"] !== undefined)
    refuse("packed body", detail("Unsupported content encoding", 415));
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    refuse("content-type is not JSON", detail("Unsupported content type", 415));
  }
  const body = objectOf(request.json);
  if (body === null) return refuse("body is not a JSON object", detail("Input should be a valid dictionary"));
  return body;
}

function unsupported(name: string): never {
  return refuse(`unsupported parameter ${name}`, detail(`Unsupported parameter: ${name}`));
}

function checkFields(body: Dict, allowed: ReadonlySet<string>): void {
  const extra = Object.keys(body).find((field) => !allowed.has(field));
  if (extra !== undefined) unsupported(extra);
  if ("service_tier" in body && !/^(priority|ultrafast)$/.test(String(body.service_tier)))
    unsupported("service_tier");
  if ("stream_options" in body) {
    const options = Object.keys(objectOf(body.stream_options) ?? { invalid: true });
    if (options.some((option) => option !== "reasoning_summary_delivery")) unsupported("stream_options");
  }
}

function checkModel(body: Dict, rules: BackendRules): void {
  const model = stringOf(body.model);
  if (isPlanModel(model) && !rules.withheld.has(model)) return;
  const text = `The '${model}' model is not supported when using Codex with a ChatGPT account.`;
  refuse(`model ${model} is not on the plan`, detail(text), rules.withheld.has(model) ? "account" : "caller");
}

/**
 * The newest form of the CLI: tools and prompt are items, and a header says so (clients page, Codex). 0.169 gives the first
 * of them an id of its own (seen 2026-11).
 */
function isLite(body: Dict, request: RecordedRequest): boolean {
  const isMarked = request.headers["x-openai-internal-codex-responses-lite"] === "true";
  return isMarked && objectsOf(body.input)[0]?.type === "additional_tools";
}

function checkInstructions(body: Dict, request: RecordedRequest): void {
  if (stringOf(body.instructions).trim() !== "") return;
  if (isLite(body, request)) return;
  refuse("no instructions", detail("Instructions are required"));
}

function checkInput(body: Dict, rules: BackendRules): void {
  if (!Array.isArray(body.input)) refuse("input is not a list", detail("Input must be a list"));
  const items = objectsOf(body.input);
  if (items.length === 0) refuse("input is empty", detail("Input must not be empty"));
  if (items.some((item) => item.role === "system")) {
    refuse("system message in input", detail("System messages are not allowed"));
  }
  for (const item of items) checkItem(item, rules);
  for (const object of walk(body.input)) {
    if ("prompt_cache_breakpoint" in object) unsupported("prompt_cache_breakpoint");
  }
  checkPairs(items);
}

function checkItem(item: Dict, rules: BackendRules): void {
  const id = stringOf(item.id);
  const isLost = item.type === "reasoning" && stringOf(item.encrypted_content) === "";
  if (item.type === "item_reference" || (id !== "" && (rules.strictIds || isLost))) {
    const message = `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false.`;
    refuse(`${String(item.type)} refers to a stored item`, openaiError(404, { message, param: "input" }));
  }
  if (item.type === "reasoning") {
    if (isLost)
      refuse("reasoning without encrypted_content", detail("Reasoning items need encrypted_content"));
    if ("status" in item) unsupported("input[].status");
    if (Array.isArray(item.content) && item.content.length > 0) unsupported("input[].content");
  }
  const callId = stringOf(item.call_id);
  if (callId.length > 64)
    refuse("call_id too long", detail("call_id: string too long, maximum length is 64"));
  if (typeof item.name === "string" && item.name.length > 64) {
    refuse("tool name too long", detail("name: string too long, maximum length is 64"));
  }
}

function checkPairs(items: readonly Dict[]): void {
  for (const kind of ["function_call", "custom_tool_call"]) {
    const idsOf = (type: string) =>
      items.filter((item) => item.type === type).map((item) => stringOf(item.call_id));
    const calls = new Set(idsOf(kind));
    const outputs = new Set(idsOf(`${kind}_output`));
    const label = kind.replaceAll("_", " ");
    for (const id of outputs) {
      if (calls.has(id)) continue;
      const text = `No tool call found for ${label} output with call_id ${id}.`;
      refuse("tool output without its call", detail(text));
    }
    for (const id of calls) {
      if (outputs.has(id)) continue;
      refuse("tool call without its output", detail(`No tool output found for ${label} ${id}.`));
    }
  }
}

/** Tools that the client runs, and those that the backend does. */
const TOOL_TYPES =
  /^(function|custom|namespace|tool_search|local_shell|shell|apply_patch|computer|web_search|image_generation)$/;

function checkTools(body: Dict): void {
  const inside = objectsOf(body.input).flatMap((item) =>
    item.type === "additional_tools" ? objectsOf(item.tools) : [],
  );
  const tools = [...objectsOf(body.tools), ...inside];
  for (const tool of tools) {
    const type = stringOf(tool.type);
    if (!TOOL_TYPES.test(type) || (type === "image_generation" && /spark/.test(stringOf(body.model)))) {
      refuse(`tool ${type}`, detail(`Unsupported tool type: ${type}`));
    }
    // The CLI itself writes one without a description in its newest form (0.169, seen 2026-11).
    if (type === "namespace" && !inside.includes(tool) && stringOf(tool.description).trim() === "")
      refuse("namespace without a description", detail("Invalid 'tools': empty namespace description"));
    if (stringOf(tool.name).length > 64)
      refuse("tool name too long", detail("tools[].name: maximum length is 64"));
  }
  const choice = objectOf(body.tool_choice);
  if (tools.length === 0 && (choice !== null || body.tool_choice === "required"))
    refuse("tool_choice without tools", detail("Tool choice needs 'tools'"));
  const chosen = choice?.type === "allowed_tools" ? objectsOf(choice.tools) : choice === null ? [] : [choice];
  for (const { type } of chosen) {
    if (!TOOL_TYPES.test(stringOf(type)))
      refuse(`tool_choice ${String(type)}`, detail("Tool choice not found in 'tools'"));
  }
  for (const member of Array.isArray(body.include) ? body.include : []) {
    if (/^(file_search|code_interpreter|mcp)_call\./.test(String(member)))
      refuse(`include ${String(member)}`, detail(`Unsupported include: ${String(member)}`));
  }
}
