/** What the Copilot API refuses about a request (providers/copilot.md §3.2 to §3.5 and §5.1). */
import type { JsonObject } from "../../../src/json.ts";
import { chatFault } from "../chat-rules.ts";
import { messagesFault } from "../claude/request-rules.ts";
import { arrayOf, type Dict, objectOf, objectsOf, stringOf, walk } from "../inspect.ts";
import { bearerOf, findLeak, isOwnAgent } from "../leaks.ts";
import { type RecordedRequest, refuse } from "../server.ts";
import type { TokenBook } from "../tokens.ts";
import {
  COPILOT_ERRORS,
  coded,
  EXTERNAL_IMAGE,
  NOT_SUPPORTED,
  PAT_REFUSED,
  plain,
  unsupportedApi,
  VISION_MISSING,
} from "./errors.ts";
import { type CopilotPath, ENDPOINTS } from "./models.ts";

export interface CopilotRules {
  /** The `host` that this account's tier is served at; null serves any (else 421). */
  host: string | null;
  /** Models that the plan has not. */
  readonly withheld: Set<string>;
  /** Whether `/v1/messages/count_tokens` exists. */
  countTokens: boolean;
  /** The only `x-github-api-version` that is taken. */
  apiVersion: string;
}

export const API_VERSION = "2026-06-01";

/** Of editors, of other SDKs and services: none of them belongs on a request of Kleis's. */
const FOREIGN_HEADERS =
  /^(x-api-key|editor-.*|copilot-integration-id|vscode-.*|x-stainless-.*|openai-(?!intent$).*|chatgpt-.*)$/;
const BETA_PREFIXES = /^(interleaved-thinking|context-management|advanced-tool-use)-/;

/** What holds for every call to the API host. */
export function authenticate(request: RecordedRequest, tokens: TokenBook, rules: CopilotRules): void {
  const leak =
    findLeak(request) ?? Object.keys(request.headers).find((name) => FOREIGN_HEADERS.test(name)) ?? null;
  if (leak !== null) refuse(`leaked header ${leak}`, plain(400, `bad request: unexpected header ${leak}\n`));
  if (request.query.size > 0) refuse("query string", plain(400, "bad request: unexpected query\n"));
  if (rules.host !== null && request.headers.host !== rules.host) {
    refuse("wrong tier host", COPILOT_ERRORS["error:421"](), "account");
  }
  const token = bearerOf(request);
  if (token === null) refuse("no bearer", plain(401, "unauthorized: missing authorization header\n"));
  if (token.startsWith("ghp_")) refuse("personal access token", PAT_REFUSED);
  const record = tokens.find(token);
  if (record === undefined || record.kind !== "access")
    refuse("unknown token", COPILOT_ERRORS["error:401"]());
  if (record.state !== "live") refuse(`${record.state} token`, COPILOT_ERRORS["error:401"](), "account");
  requireHeader(request, "x-github-api-version", rules.apiVersion);
  if (!isOwnAgent(request))
    refuse("user-agent is not Kleis's own", plain(400, "bad request: invalid user-agent\n"));
}

/** Checks an inference request and returns its body. */
export function checkInference(
  request: RecordedRequest,
  tokens: TokenBook,
  rules: CopilotRules,
  path: CopilotPath,
): Dict {
  authenticate(request, tokens, rules);
  if (!/^(user|agent)$/.test(request.headers["x-initiator"] ?? "")) {
    refuse("x-initiator is neither user nor agent", plain(400, "bad request: invalid x-initiator\n"));
  }
  requireHeader(request, "openai-intent", "conversation-edits");
  const body = readBody(request);
  checkVision(request, body);
  checkModel(body, rules, path);
  if (path === "/responses") checkResponses(body);
  if (path === "/chat/completions") checkChat(body);
  if (path === "/v1/messages") checkMessages(request, body);
  return body;
}

function checkChat(body: Dict): void {
  if (arrayOf(body.messages).length === 0) invalid("no messages");
  const fault = chatFault(body);
  if (fault !== undefined) invalid(fault);
}

function invalid(rule: string, message = rule): never {
  refuse(rule, coded(400, "invalid_request_body", message));
}

function requireHeader(request: RecordedRequest, name: string, value: string): void {
  const given = request.headers[name];
  if (given === value) return;
  refuse(`${name} is ${given ?? "missing"}`, plain(400, `bad request: invalid ${name} header\n`));
}

function readBody(request: RecordedRequest): Dict {
  if (request.headers["content-encoding"] !== undefined)
    refuse("packed body", COPILOT_ERRORS["error:413-json"]());
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
    invalid("content-type is not JSON");
  const body = objectOf(request.json);
  if (body === null) return invalid("body is not a JSON object");
  const accept = request.headers.accept ?? "";
  const wanted = body.stream === true ? "text/event-stream" : "application/json";
  if (!accept.includes(wanted)) refuse(`accept is not ${wanted}`, plain(406, "not acceptable\n"));
  return body;
}

function checkModel(body: Dict, rules: CopilotRules, path: CopilotPath): void {
  const model = stringOf(body.model);
  const endpoints = ENDPOINTS[model];
  if (rules.withheld.has(model)) refuse(`model ${model} is withheld`, NOT_SUPPORTED, "account");
  if (endpoints === undefined) refuse(`model ${model} does not exist`, NOT_SUPPORTED);
  if (!endpoints.includes(path)) refuse(`${path} does not serve ${model}`, unsupportedApi(model, path));
}

/** Images and the header that announces them: each needs the other. */
function checkVision(request: RecordedRequest, body: Dict): void {
  const images = [...imagesOf(body)];
  const announced = request.headers["copilot-vision-request"];
  if (images.length > 0 && announced !== "true") refuse("images without the vision header", VISION_MISSING);
  if (images.length === 0 && announced !== undefined) {
    refuse("vision header without images", plain(400, "bad request: vision header without images\n"));
  }
  for (const image of images) {
    const url = stringOf(objectOf(image.image_url)?.url ?? image.image_url ?? objectOf(image.source)?.url);
    if (/^https?:/.test(url)) refuse("external image", EXTERNAL_IMAGE);
    if (stringOf(body.model) === "gpt-5.5" && image.type === "input_image" && !isKnownDetail(image.detail)) {
      invalid("image detail", "image detail has to be either 'low' or 'high'");
    }
  }
}

function isKnownDetail(detail: unknown): boolean {
  return detail === undefined || detail === "low" || detail === "high";
}

/** The images in what is said or returned by tools; not in tool schemas or tool arguments. */
function* imagesOf(body: Dict): Generator<Dict> {
  for (const message of [...objectsOf(body.messages), ...objectsOf(body.input)]) {
    for (const part of [...objectsOf(message.content), ...objectsOf(message.output)]) {
      if (part.type === "image_url" || part.type === "input_image" || part.type === "image") yield part;
      if (part.type !== "tool_result") continue;
      for (const inner of objectsOf(part.content)) if (inner.type === "image") yield inner;
    }
  }
}

function checkResponses(body: Dict): void {
  if (body.input === undefined) invalid("no input");
  if (body.store !== false) invalid("store is not false", "store is not supported");
  if ("service_tier" in body) invalid("service_tier", "service_tier is not supported");
  if ("previous_response_id" in body) {
    refuse("previous_response_id", COPILOT_ERRORS["error:previous-response"]());
  }
  checkHostedTools(body);
  if (Array.isArray(body.input) && body.input.length === 0)
    invalid("input is empty", "input must not be empty");
  for (const item of objectsOf(body.input)) {
    if (item.type === "reasoning" && stringOf(item.encrypted_content) === "")
      invalid("reasoning without encrypted_content", "reasoning items need encrypted_content");
    if (item.type === "item_reference") {
      const text = `Item with id '${stringOf(item.id)}' not found. Items are not persisted when \`store\` is set to false.`;
      invalid("item reference", text);
    }
    if (item.id === undefined) continue;
    invalid("replayed input id", "input item ID does not belong to this connection");
  }
}

/** Tools that the plane would have to run itself. */
const HOSTED =
  /^(web_search|file_search|code_interpreter|image_generation|mcp|programmatic_tool_calling)(_|$)/;

function checkHostedTools(body: Dict): void {
  const inside = objectsOf(body.input).flatMap((item) =>
    item.type === "additional_tools" ? objectsOf(item.tools) : [],
  );
  const tools = [...objectsOf(body.tools), ...inside];
  const choice = objectOf(body.tool_choice);
  const chosen = choice === null ? [] : [choice, ...objectsOf(choice.tools)];
  for (const { type, name, description } of [...tools, ...chosen]) {
    const unsupported = `The requested tool ${String(type)} is not supported.`;
    if (HOSTED.test(stringOf(type))) {
      refuse(`tool ${String(type)}`, coded(400, "unsupported_value", unsupported, { param: "tools" }));
    }
    if (type === "namespace" && stringOf(description).trim() === "")
      invalid(`namespace ${String(name)} without a description`, "Invalid 'tools': empty description");
  }
  if (tools.length === 0 && (chosen.length > 0 || body.tool_choice === "required"))
    invalid("tool_choice without tools", "tool_choice is only allowed when tools are specified");
  for (const member of arrayOf(body.include)) {
    if (HOSTED.test(stringOf(member)))
      invalid(`include ${String(member)}`, `Invalid value: '${String(member)}'`);
  }
}

/** Fields that need a beta which this API does not take, or takes only when it is asked for. */
const BETA_FIELDS: readonly { beta: string; path: string }[] = [
  { beta: "context-management-", path: "context_management" },
  ...[
    "safeguards",
    "speed",
    "output_format",
    "mcp_servers",
    "fallbacks",
    "fallback_credit_token",
    "diagnostics",
    "compaction",
    "user_profile_id",
    "thread",
    "betas",
    "thinking.block_binding",
    "output_config.task_budget",
    "messages.*.clear_at",
    "messages.*.output_config",
    "tools.*.eager_input_streaming",
  ].map((path) => ({ beta: "none", path })),
];

function checkExtras(body: Dict, betas: readonly string[]): void {
  const extra = (path: string) => invalid(path, `${path}: Extra inputs are not permitted`);
  for (const { beta, path } of BETA_FIELDS) {
    if (!betas.some((asked) => asked.startsWith(beta)) && holds(body, path.split("."))) extra(path);
  }
  if (objectOf(body.thinking)?.display === "updates") extra("thinking.display");
  for (const object of walk([body, body.system, body.tools, body.messages])) {
    const control = objectOf(object.cache_control);
    if (control === null) continue;
    for (const name of ["scope", "evict"]) if (name in control) extra(`cache_control.ephemeral.${name}`);
    if (control.ttl === "1h") extra("cache_control.ephemeral.ttl");
  }
}

function holds(value: unknown, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined) return true;
  if (step === "*") return arrayOf(value).some((entry) => holds(entry, rest));
  const object = objectOf(value);
  return object !== null && step in object && holds(object[step], rest);
}

function checkServerTools(body: Dict): void {
  const tools = objectsOf(body.tools);
  for (const { type } of tools) {
    if (/^(web_search|web_fetch|code_execution|mcp_toolset|advisor)(_|$)/.test(stringOf(type))) {
      const text = `The use of the ${stringOf(type).replaceAll("_", " ")} tool is not supported.`;
      refuse(`tool ${stringOf(type)}`, coded(400, "unsupported_value", text));
    }
  }
  const choice = objectOf(body.tool_choice);
  if (choice !== null && tools.length === 0)
    invalid("tool_choice without tools", "tool_choice may only be specified while providing tools");
  if (choice?.type === "tool" && !tools.some(({ name }) => name === choice.name))
    invalid("tool_choice of no tool", `Tool '${String(choice.name)}' not found in provided tools`);
}

function checkMessages(request: RecordedRequest, body: Dict): void {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(request.headers["anthropic-version"] ?? "")) {
    refuse("no anthropic-version", plain(400, "bad request: anthropic-version is required\n"));
  }
  const betas = (request.headers["anthropic-beta"] ?? "").split(",").map((beta) => beta.trim());
  const foreign = betas.find((beta) => beta !== "" && !BETA_PREFIXES.test(beta));
  if (foreign !== undefined)
    refuse(`anthropic-beta ${foreign}`, plain(400, `unsupported beta header(s): ${foreign}\n`));
  checkExtras(body, betas);
  checkServerTools(body);
  if (typeof body.max_tokens !== "number") invalid("no max_tokens", "max_tokens: Field required");
  for (const tool of objectsOf(body.tools)) {
    if (objectOf(tool.input_schema)?.$schema !== undefined)
      invalid("$schema in a tool", "tools.0.input_schema.$schema");
  }
  let marks = 0;
  for (const object of walk([body.system, body.tools, body.messages])) {
    if (objectOf(object.cache_control) !== null) marks += 1;
  }
  if (marks > 4) {
    invalid(
      "more than 4 cache_control",
      `A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`,
    );
  }
  const fault = messagesFault(body as JsonObject);
  if (fault !== undefined) invalid(fault);
  if (objectsOf(body.messages).at(-1)?.role === "assistant") {
    invalid("assistant prefill", "This model does not support assistant message prefill.");
  }
}
