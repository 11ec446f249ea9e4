/**
 * What Anthropic's API refuses in a Messages request, written from its documentation and from what was seen of it
 * (providers/claude.md §3.1 and §2.5; Anthropic's SDK 1.12 for fields and blocks). Knows nothing of how Kleis writes one.
 */
import { isObject, type Json, type JsonObject } from "../../../src/json.ts";

/** What differs between models. */
export interface ModelRules {
  readonly thinking: "budget" | "adaptive" | "none";
  /** Whether `thinking.type: "disabled"` is taken. */
  readonly canDisable: boolean;
  readonly efforts: readonly string[];
  readonly systemMessages: boolean;
  readonly prefill: boolean;
  readonly sampling: "either" | "defaults";
  readonly forcedToolChoice: boolean;
  readonly maxTokens: number;
}

const OLD = { systemMessages: false, prefill: true, sampling: "either", forcedToolChoice: true } as const;
const NEW = { systemMessages: true, prefill: false, sampling: "defaults", forcedToolChoice: true } as const;
const ALL = ["low", "medium", "high", "xhigh", "max"];

export const MODEL_RULES = {
  haiku45: { ...OLD, thinking: "budget", canDisable: true, efforts: [], maxTokens: 64_000 },
  opus45: {
    ...OLD,
    thinking: "budget",
    canDisable: true,
    efforts: ["low", "medium", "high"],
    maxTokens: 64_000,
  },
  opus46: {
    ...OLD,
    thinking: "adaptive",
    canDisable: true,
    efforts: ["low", "medium", "high", "max"],
    prefill: false,
    maxTokens: 128_000,
  },
  opus48: { ...NEW, thinking: "adaptive", canDisable: true, efforts: ALL, maxTokens: 128_000 },
  sonnet5: { ...NEW, thinking: "adaptive", canDisable: true, efforts: ALL, maxTokens: 64_000 },
  fable5: {
    ...NEW,
    thinking: "adaptive",
    canDisable: false,
    efforts: ALL,
    forcedToolChoice: false,
    maxTokens: 128_000,
  },
} as const satisfies Record<string, ModelRules>;

/** Which model has which, by its id with dashes in its version; the first that fits. Other models are held to no rules. */
const BY_MODEL: readonly [models: RegExp, rules: ModelRules][] = [
  [/^claude-(?:haiku|sonnet)-4-5/, MODEL_RULES.haiku45],
  [/^claude-opus-4-5/, MODEL_RULES.opus45],
  [/^claude-(?:opus|sonnet)-4-6/, MODEL_RULES.opus46],
  [/^claude-opus-4-8/, MODEL_RULES.opus48],
  [/^claude-sonnet-5(?!-\d(?:-|$))/, { ...MODEL_RULES.sonnet5, maxTokens: 128_000 }],
  [/^claude-(?:fable|mythos)-5-1/, MODEL_RULES.fable5],
];

function rulesFor(model: string): ModelRules | undefined {
  const id = model.toLowerCase().replace(/(?<=\d)\.(?=\d)/g, "-");
  return BY_MODEL.find(([models]) => models.test(id))?.[1];
}

/** What clients have been seen to send without a refusal, whatever the documentation says. */
const SEEN =
  /^tools: empty$|system must precede|^thinking: enabled is not supported|final block in an assistant message cannot be thinking/;

/** The first thing that the API refuses about a request for this model; undefined where it takes it, or the model is not known. */
export function messagesFault(body: JsonObject): string | undefined {
  const rules = rulesFor(String(body.model));
  return rules === undefined ? undefined : messagesFaults(body, rules).find((fault) => !SEEN.test(fault));
}

const FIELDS = new Set([
  ..."model max_tokens messages system tools tool_choice thinking output_config stop_sequences".split(" "),
  ..."temperature top_p top_k stream metadata speed service_tier cache_control context_management".split(" "),
  ..."fallbacks container inference_geo thread mcp_servers diagnostics safeguards".split(" "),
]);

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const ID = /^[a-zA-Z0-9_-]+$/;
const IMAGES = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

/** Everything that is wrong with the request, each in a few words; empty where the API would take it. */
export function messagesFaults(body: JsonObject, rules: ModelRules): string[] {
  const faults: string[] = [];
  const say = (fault: string) => faults.push(fault);
  for (const name of Object.keys(body)) if (!FIELDS.has(name)) say(`${name}: extra inputs are not permitted`);
  if (typeof body.model !== "string") say("model: required");
  const max = body.max_tokens;
  if (typeof max !== "number" || max < 1 || !Number.isInteger(max)) say("max_tokens: required");
  else if (max > rules.maxTokens) say("max_tokens: more than the model allows");
  checkSystem(body.system, say);
  checkMessages(body, rules, say);
  checkTools(body, rules, say);
  checkThinking(body, rules, say);
  checkSampling(body, rules, say);
  checkMarks(body, say);
  return faults;
}

type Say = (fault: string) => void;

function checkSystem(system: Json | undefined, say: Say): void {
  if (system === undefined || typeof system === "string") return;
  if (!Array.isArray(system)) return void say("system: a string or blocks");
  for (const block of system.filter(isObject)) {
    if (block.type !== "text") say(`system: ${block.type} is no text`);
    checkText(block, "system", say);
  }
}

function checkText(block: JsonObject, where: string, say: Say): void {
  if (typeof block.text !== "string" || block.text.trim() === "") say(`${where}: text must not be blank`);
}

interface Message {
  role: string;
  /** It changes a setting, and may say nothing. */
  isSetting: boolean;
  blocks: JsonObject[];
}

function checkMessages(body: JsonObject, rules: ModelRules, say: Say): void {
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return void say("messages: at least one message is required");
  const messages = body.messages.filter(isObject).map(
    (message): Message => ({
      role: String(message.role),
      isSetting: message.output_config !== undefined,
      blocks:
        typeof message.content === "string"
          ? [{ type: "text", text: message.content }]
          : (Array.isArray(message.content) ? message.content : []).filter(isObject),
    }),
  );
  const ids = new Set<string>();
  messages.forEach((message, index) => {
    const where = `messages.${index}`;
    if (!["user", "assistant", "system"].includes(message.role)) say(`${where}: role ${message.role}`);
    if (message.blocks.length === 0 && !message.isSetting) say(`${where}: content must not be empty`);
    for (const block of message.blocks) checkBlock(block, message.role, where, ids, say);
    checkResults(message, messages[index - 1], where, say);
    if (message.role === "system") checkPlace(messages, index, rules, where, say);
    if (message.role === "assistant" && isThinking(message.blocks.at(-1)))
      say(`${where}: the final block in an assistant message cannot be thinking`);
  });
  if (messages[0]?.role !== "user") say("messages: first message must use the user role");
  checkLast(messages, rules, say);
}

function checkLast(messages: Message[], rules: ModelRules, say: Say): void {
  const last = messages.at(-1);
  if (last?.role !== "assistant") return;
  if (!rules.prefill) say("messages: the model does not support prefill");
  const text = last.blocks.at(-1)?.text;
  if (typeof text === "string" && text !== text.trimEnd())
    say("messages: final assistant content cannot end with trailing whitespace");
  if (last.blocks.some(({ type }) => type === "tool_use"))
    say("messages: tool_use without tool_result at the end");
}

/** A run of system messages follows the user, and precedes the assistant or ends the list. */
function checkPlace(messages: Message[], index: number, rules: ModelRules, where: string, say: Say): void {
  if (!rules.systemMessages) say(`${where}: role system is not supported`);
  let before = index;
  while (messages[before]?.role === "system") before--;
  let after = index;
  while (messages[after]?.role === "system") after++;
  if (messages[before]?.role !== "user") say(`${where}: system must follow a user message`);
  if (messages[after] !== undefined && messages[after]?.role !== "assistant")
    say(`${where}: system must precede an assistant message`);
}

function checkBlock(block: JsonObject, role: string, where: string, ids: Set<string>, say: Say): void {
  const allowed: Record<string, string[]> = {
    user: ["text", "image", "document", "tool_result", "search_result", "container_upload"],
    assistant: ["text", "thinking", "redacted_thinking", "tool_use", "compaction"],
    system: ["text", "tool_addition", "tool_removal", "tool_definition"],
  };
  const isServers =
    role === "assistant" && /^(server|mcp)_tool_use$|\w_tool_result$/.test(String(block.type));
  if (!isServers && !allowed[role]?.includes(String(block.type)))
    say(`${where}: ${block.type} in a message of ${role}`);
  switch (block.type) {
    case "text":
      checkText(block, where, say);
      break;
    case "image":
    case "document":
      checkMedia(block, where, say);
      break;
    case "thinking":
      if (typeof block.signature !== "string" || block.signature === "") say(`${where}: signature required`);
      if (typeof block.thinking !== "string") say(`${where}: thinking required`);
      break;
    case "tool_use":
      if (!ID.test(String(block.id))) say(`${where}: tool_use.id ${block.id}`);
      if (ids.has(String(block.id))) say(`${where}: tool_use ids must be unique`);
      ids.add(String(block.id));
      if (!NAME.test(String(block.name))) say(`${where}: tool_use.name ${block.name}`);
      if (!isObject(block.input)) say(`${where}: tool_use.input must be an object`);
      break;
    case "tool_result":
      for (const part of Array.isArray(block.content) ? block.content.filter(isObject) : [])
        if (part.type === "text") checkText(part, where, say);
        else if (part.type === "image" || part.type === "document") checkMedia(part, where, say);
        else if (part.type !== "tool_reference" && part.type !== "search_result")
          say(`${where}: ${part.type} in a tool_result`);
  }
}

function checkMedia({ type, source }: JsonObject, where: string, say: Say): void {
  if (!isObject(source)) return void say(`${where}: source required`);
  const media = String(source.media_type);
  if (source.type === "url" || source.type === "file") return;
  if (type === "image" && source.type === "base64" && IMAGES.has(media)) return;
  if (type === "document" && source.type === "base64" && media === "application/pdf") return;
  if (type === "document" && source.type === "text" && media === "text/plain" && source.data !== "") return;
  say(`${where}: ${type} of ${source.type} ${media}`);
}

/** Each call has one result, first in the next message, and each result its call right before. */
function checkResults(message: Message, previous: Message | undefined, where: string, say: Say): void {
  const calls =
    previous?.role === "assistant" ? previous.blocks.filter(({ type }) => type === "tool_use") : [];
  const results = message.blocks.filter(({ type }) => type === "tool_result");
  const open = new Set(calls.map(({ id }) => id));
  for (const { tool_use_id: id } of results)
    if (!open.delete(id as string)) say(`${where}: unexpected tool_use_id ${id}`);
  if (open.size > 0) say(`${where}: tool_use ids without tool_result: ${[...open].join(", ")}`);
  if (message.blocks.slice(0, results.length).some(({ type }) => type !== "tool_result"))
    say(`${where}: tool_result blocks must come first`);
}

function isThinking(block: JsonObject | undefined): boolean {
  return block?.type === "thinking" || block?.type === "redacted_thinking";
}

function checkTools(body: JsonObject, rules: ModelRules, say: Say): void {
  const tools = (Array.isArray(body.tools) ? body.tools : []).filter(isObject);
  if (Array.isArray(body.tools) && tools.length === 0) say("tools: empty");
  const names = tools.map(({ name }) => String(name));
  if (new Set(names).size < names.length) say("tools: tool names must be unique");
  for (const tool of tools) checkTool(tool, say);
  const choice = body.tool_choice;
  if (choice === undefined) return;
  if (!isObject(choice)) return void say("tool_choice: an object");
  if (tools.length === 0) say("tool_choice may only be specified while providing tools");
  const isForced = choice.type === "any" || choice.type === "tool";
  if (choice.type === "tool" && !names.includes(String(choice.name)))
    say(`tool_choice: no tool ${choice.name}`);
  if (choice.type === "none" && choice.disable_parallel_tool_use !== undefined)
    say("tool_choice: none alone");
  if (isForced && !rules.forcedToolChoice) say("tool_choice: may not be forced");
  if (isForced && isObject(body.thinking) && body.thinking.type === "enabled")
    say("thinking may not be enabled when tool_choice forces tool use");
}

function checkTool(tool: JsonObject, say: Say): void {
  const where = `tools.${tool.name}`;
  if (typeof tool.type === "string" && tool.type.startsWith("web_search_")) {
    if (tool.name !== "web_search") say(`${where}: web search has its own name`);
    if (tool.allowed_domains !== undefined && tool.blocked_domains !== undefined)
      say(`${where}: allowed and blocked domains`);
    return;
  }
  if (typeof tool.type === "string" && /_\d{8}$|^mcp_toolset$/.test(tool.type)) return;
  if (tool.type !== undefined && tool.type !== "custom") say(`${where}: type ${tool.type}`);
  if (!NAME.test(String(tool.name))) say(`${where}: name`);
  if (tool.description === "") say(`${where}: description must not be empty`);
  const schema = tool.input_schema;
  if (!isObject(schema) || schema.type !== "object")
    return void say(`${where}: input_schema.type must be object`);
  for (const union of ["anyOf", "oneOf", "allOf"])
    if (schema[union] !== undefined) say(`${where}: input_schema does not support ${union} at the top level`);
  if (tool.strict === true) checkClosed(schema, where, say);
}

/** Structured output and strict tools: closed objects, and no numeric or array limits. */
function checkClosed(schema: JsonObject, where: string, say: Say): void {
  for (const name of [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "maxItems",
    "oneOf",
  ])
    if (schema[name] !== undefined) say(`${where}: ${name} is not supported`);
  if (schema.type === "object" && schema.additionalProperties !== false)
    say(`${where}: additionalProperties must be false`);
  const nested = [schema.items, ...Object.values(isObject(schema.properties) ? schema.properties : {})];
  for (const union of [schema.anyOf, schema.allOf]) if (Array.isArray(union)) nested.push(...union);
  for (const each of nested) if (isObject(each)) checkClosed(each, where, say);
}

function checkThinking(body: JsonObject, rules: ModelRules, say: Say): void {
  const output = isObject(body.output_config) ? body.output_config : {};
  if (output.effort !== undefined && !rules.efforts.includes(String(output.effort)))
    say(`output_config.effort: ${output.effort} is not supported`);
  if (isObject(output.format)) {
    if (output.format.type !== "json_schema" || !isObject(output.format.schema)) say("output_config.format");
    else checkClosed(output.format.schema, "output_config.format", say);
  }
  const { thinking } = body;
  if (thinking === undefined) return;
  if (!isObject(thinking)) return void say("thinking: an object");
  if (rules.thinking === "none") say("thinking: not supported");
  if (thinking.type === "disabled" && !rules.canDisable) say("thinking: cannot be disabled");
  if (thinking.type === "adaptive" && rules.thinking !== "adaptive")
    say("thinking: adaptive is not supported");
  if (thinking.type !== "enabled") return;
  if (rules.thinking !== "budget") say("thinking: enabled is not supported");
  const budget = Number(thinking.budget_tokens);
  if (!(budget >= 1024)) say("thinking.budget_tokens: at least 1024");
  if (!(budget < Number(body.max_tokens))) say("max_tokens must be greater than thinking.budget_tokens");
  if (!loopHasThinking(body)) say("messages: a final assistant message must start with a thinking block");
}

/** With a budget the turn that a tool loop goes on with has to begin with thinking. */
function loopHasThinking(body: JsonObject): boolean {
  const messages = (Array.isArray(body.messages) ? body.messages : []).filter(isObject);
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  const after = messages
    .slice(last + 1)
    .flatMap(({ role, content }) =>
      role === "user" && Array.isArray(content) ? content.filter(isObject) : [],
    );
  const isLoop = after.length > 0 && after.every(({ type }) => type === "tool_result");
  if (last === -1 || !isLoop) return true;
  const content = messages[last]?.content;
  return isThinking(Array.isArray(content) && isObject(content[0]) ? content[0] : undefined);
}

function checkSampling(body: JsonObject, rules: ModelRules, say: Say): void {
  const { temperature, top_p: topP } = body;
  if (temperature !== undefined && !(Number(temperature) >= 0 && Number(temperature) <= 1))
    say("temperature: 0..1");
  if (temperature !== undefined && topP !== undefined) say("temperature and top_p cannot both be specified");
  if (rules.sampling === "defaults" && ((temperature ?? 1) !== 1 || (topP ?? 1) !== 1))
    say("sampling: only the defaults");
  if (isObject(body.thinking) && body.thinking.type !== "disabled") {
    if ((temperature ?? 1) !== 1) say("temperature may only be 1 when thinking is enabled");
    if (topP !== undefined && Number(topP) < 0.95)
      say("top_p must be at least 0.95 when thinking is enabled");
  }
  for (const stop of Array.isArray(body.stop_sequences) ? body.stop_sequences : [])
    if (typeof stop !== "string" || stop.trim() === "") say("stop_sequences: must contain non-whitespace");
}

/** At most four breakpoints, none on thinking, and none that lasts longer than one before it. */
function checkMarks(body: JsonObject, say: Say): void {
  const blocks: JsonObject[] = [];
  const collect = (value: Json | undefined) => {
    for (const block of Array.isArray(value) ? value.filter(isObject) : []) {
      blocks.push(block);
      if (block.type === "tool_result") collect(block.content);
    }
  };
  collect(body.tools);
  collect(body.system);
  for (const message of Array.isArray(body.messages) ? body.messages.filter(isObject) : [])
    collect(message.content);
  const marked = blocks.filter(({ cache_control: mark }) => mark !== undefined);
  if (marked.length > 4) say(`cache_control: ${marked.length} breakpoints, at most 4`);
  if (marked.some((block) => isThinking(block))) say("cache_control: not on thinking");
  let wasShort = false;
  for (const { cache_control: mark } of marked) {
    const isLong = isObject(mark) && mark.ttl === "1h";
    if (isLong && wasShort) say("cache_control: a 1h breakpoint after a 5m one");
    wasShort ||= !isLong;
  }
}
