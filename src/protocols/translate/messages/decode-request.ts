/**
 * A Messages request as the model (providers/claude.md §3.1; fields and blocks by Anthropic's SDK 1.12). The conversation's
 * blocks are read in `decode-content.ts`, the tools in `decode-tools.ts`.
 */

import { isObject, type Json, type JsonObject, parseJson, text } from "../../../json.ts";
import { refuseThread } from "../../messages/threads.ts";
import { BILLING_LINE } from "../../wire-names.ts";
import type { DecodedRequest } from "../codec.ts";
import {
  type BodyPath,
  booleanIn,
  join,
  Losses,
  listAt,
  malformed,
  numberIn,
  objectAt,
  stringAt,
  stringIn,
} from "../losses.ts";
import type {
  Effort,
  ModelRequest,
  OutputFormat,
  ReasoningRequest,
  RequestField,
  TextPart,
} from "../model.ts";
import { cacheMark } from "../values/cache.ts";
import { EFFORTS } from "../values/effort.ts";
import { Conversation } from "./decode-content.ts";
import { decodeToolChoice, ToolList } from "./decode-tools.ts";

/** Fields that are read, or that influence nothing in the response. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "max_tokens",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "stop_sequences",
  "temperature",
  "top_p",
  "top_k",
  "stream",
  "metadata",
  "speed",
  "service_tier",
  "cache_control",
  "context_management",
  "betas",
  "diagnostics",
  "safeguards",
  "fallbacks",
  "fallback_credit_token",
  "container",
  "inference_geo",
  "thread",
  "mcp_servers",
  "compaction",
]);

const FIELDS: Readonly<Partial<Record<RequestField, BodyPath>>> = {
  toolChoice: "tool_choice",
  parallel: "tool_choice.disable_parallel_tool_use",
  maxOutput: "max_tokens",
  stops: "stop_sequences",
  temperature: "temperature",
  topP: "top_p",
  reasoning: "thinking",
  format: "output_config.format",
  tier: "speed",
};

export function decodeRequest(body: JsonObject): DecodedRequest {
  const losses = new Losses();
  losses.unknown(body, KNOWN, "");
  refuseThread(body, "a model that speaks another protocol");
  loseFields(body, losses);
  const tools = new ToolList(losses);
  tools.addAll(body.tools);
  const conversation = new Conversation(tools, losses);
  conversation.addAll(listAt(body.messages, "messages"));
  const output = isObject(body.output_config) ? body.output_config : {};
  const choice = decodeToolChoice(body.tool_choice, tools, losses);
  const request: ModelRequest = {
    model: stringAt(body.model, "model"),
    streams: booleanIn(body, "stream", "") ?? false,
    includeUsage: true,
    system: decodeSystem(body.system, losses),
    items: conversation.items,
    tools: tools.list,
    toolChoice: choice.toolChoice,
    parallel: choice.parallel,
    maxOutput: numberIn(body, "max_tokens", ""),
    stops: decodeStops(body.stop_sequences),
    sampling: { temperature: numberIn(body, "temperature", ""), topP: numberIn(body, "top_p", "") },
    reasoning: decodeReasoning(body.thinking, conversation.effort ?? output.effort, losses),
    format: decodeFormat(output.format ?? body.output_format, losses),
    verbosity: undefined,
    tier: body.speed === "fast" ? "priority" : undefined,
    cacheKey: undefined,
    session: sessionOf(body.metadata),
    at: FIELDS,
  };
  return { request, losses: losses.list };
}

const OUTPUT_FIELDS: ReadonlySet<string> = new Set(["effort", "format", "task_budget"]);

/** What no other protocol has. */
function loseFields(body: JsonObject, losses: Losses): void {
  if (isSet(body.top_k)) losses.change("top_k", "dropped:top_k");
  if (isSet(body.fallbacks)) losses.change("fallbacks", "dropped:fallbacks");
  if (isSet(body.context_management) && !keepsAllThinking(body.context_management))
    losses.change("context_management", "dropped:context_management");
  if (Array.isArray(body.mcp_servers) && body.mcp_servers.length > 0)
    losses.change("mcp_servers", "dropped:mcp_servers");
  if (isObject(body.output_config)) {
    losses.unknown(body.output_config, OUTPUT_FIELDS, "output_config");
    if (isSet(body.output_config.task_budget))
      losses.change("output_config.task_budget", "dropped:task_budget");
  }
  if (isSet(body.container))
    losses.refuse("container", "containers run at Anthropic alone", "Leave `container` out.");
  if (isSet(body.inference_geo))
    losses.refuse(
      "inference_geo",
      "where a request is processed can be chosen at Anthropic alone",
      "Leave `inference_geo` out, or choose a Claude model.",
    );
  if (isSet(body.compaction))
    losses.refuse(
      "compaction",
      "only Anthropic compacts a conversation by itself",
      "Leave `compaction` out and ask for a summary in a message.",
    );
}

function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null;
}

/** `clear_thinking` with `keep: "all"`, which Claude Code sends: nothing is cleared. */
function keepsAllThinking(value: Json | undefined): boolean {
  const edits = isObject(value) && Array.isArray(value.edits) ? value.edits : undefined;
  return (
    edits?.every(
      (edit) => isObject(edit) && String(edit.type).startsWith("clear_thinking") && edit.keep === "all",
    ) ?? false
  );
}

const SYSTEM_FIELDS: ReadonlySet<string> = new Set(["type", "text", "cache_control", "citations"]);

function decodeSystem(system: Json | undefined, losses: Losses): TextPart[] {
  if (system === undefined || system === null) return [];
  const blocks = typeof system === "string" ? [{ type: "text", text: system }] : listAt(system, "system");
  const parts: TextPart[] = [];
  blocks.forEach((value, index) => {
    const at = typeof system === "string" ? "system" : join("system", index);
    const block = objectAt(value, at);
    losses.unknown(block, SYSTEM_FIELDS, at);
    const whole = stringAt(block.text, join(at, "text"));
    const words = index === 0 ? whole.replace(BILLING_LINE, "") : whole;
    if (words.trim() !== "")
      parts.push({ type: "text", text: words, cache: cacheMark(block.cache_control), at });
  });
  return parts;
}

function decodeStops(value: Json | undefined): string[] {
  if (!isSet(value)) return [];
  return listAt(value, "stop_sequences")
    .map((stop, index) => stringAt(stop, join("stop_sequences", index)))
    .filter((stop) => stop !== "");
}

const THINKING_FIELDS: ReadonlySet<string> = new Set(["type", "budget_tokens", "display", "block_binding"]);

function decodeReasoning(
  value: Json | undefined,
  effort: Json | undefined,
  losses: Losses,
): ReasoningRequest {
  const asked = decodeEffort(effort);
  if (!isSet(value)) return { effort: asked };
  const thinking = objectAt(value, "thinking");
  losses.unknown(thinking, THINKING_FIELDS, "thinking");
  return {
    thinking: thinkingMode(thinking.type),
    effort: asked,
    budget: numberIn(thinking, "budget_tokens", "thinking"),
    display: displayOf(thinking.display),
  };
}

function decodeEffort(value: Json | undefined): Effort | undefined {
  if (!isSet(value)) return undefined;
  const effort = EFFORTS.find((each) => each === value);
  return effort ?? malformed("output_config.effort", `must be one of ${EFFORTS.slice(2, 7).join(", ")}`);
}

function thinkingMode(type: Json | undefined): ReasoningRequest["thinking"] {
  switch (type) {
    case "disabled":
      return "off";
    case "enabled":
      return "on";
    case "adaptive":
    case "between_tools":
      return "adaptive";
    default:
      return malformed("thinking.type", "must be `adaptive`, `enabled` or `disabled`");
  }
}

function displayOf(value: Json | undefined): ReasoningRequest["display"] {
  if (value === "omitted") return "omitted";
  return value === "summarized" || value === "updates" ? "summarized" : undefined;
}

const FORMAT_FIELDS: ReadonlySet<string> = new Set(["type", "schema"]);

function decodeFormat(value: Json | undefined, losses: Losses): OutputFormat | undefined {
  if (!isSet(value)) return undefined;
  const format = objectAt(value, "output_config.format");
  losses.unknown(format, FORMAT_FIELDS, "output_config.format");
  if (format.type !== "json_schema") malformed("output_config.format.type", "must be `json_schema`");
  return { type: "json_schema", schema: objectAt(format.schema, "output_config.format.schema") };
}

/**
 * The session in `metadata.user_id`: a JSON text with `session_id` in Claude Code 2.1.330, and
 * `user_…_account_…_session_<id>` before.
 */
function sessionOf(metadata: Json | undefined): string | undefined {
  const user = isObject(metadata) ? stringIn(metadata, "user_id", "metadata") : undefined;
  const value = user === undefined ? undefined : parseJson(user);
  if (isObject(value)) return text(value.session_id);
  return /_session_([\w-]+)$/.exec(user ?? "")?.[1];
}
