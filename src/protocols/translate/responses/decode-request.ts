/** Reads a Responses request into the model (docs/providers/codex.md §2.2). */
import { type Json, type JsonObject, text } from "../../../json.ts";
import { refuseOrphans } from "../../responses/references.ts";
import type { DecodedRequest } from "../codec.ts";
import { booleanIn, Losses, malformed, numberIn, objectAt, stringAt, stringIn } from "../losses.ts";
import type {
  Effort,
  ModelRequest,
  OutputFormat,
  ReasoningRequest,
  RequestField,
  TextPart,
} from "../model.ts";
import { EFFORTS } from "../values/effort.ts";
import { decodeInput } from "./decode-items.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";

/** Members that change nothing of what is asked of a model elsewhere: hints, labels and how OpenAI keeps things. */
const WITHOUT_INFLUENCE = [
  "client_metadata",
  "include",
  "metadata",
  "prompt_cache_options",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
  "stream_options",
  "truncation",
  "user",
];

const KNOWN: ReadonlySet<string> = new Set([
  ...WITHOUT_INFLUENCE,
  "background",
  "context_management",
  "conversation",
  "generate",
  "input",
  "instructions",
  "max_output_tokens",
  "max_tool_calls",
  "model",
  "parallel_tool_calls",
  "previous_response_id",
  "prompt",
  "prompt_cache_key",
  "reasoning",
  "service_tier",
  "stream",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
]);

const AT: ModelRequest["at"] = {
  toolChoice: "tool_choice",
  parallel: "parallel_tool_calls",
  maxOutput: "max_output_tokens",
  temperature: "temperature",
  topP: "top_p",
  topLogprobs: "top_logprobs",
  reasoning: "reasoning",
  format: "text.format",
  verbosity: "text.verbosity",
  tier: "service_tier",
} satisfies Partial<Record<RequestField, string>>;

export function decodeRequest(body: JsonObject): DecodedRequest {
  const losses = new Losses();
  losses.unknown(body, KNOWN, "");
  refuseState(body, losses);
  if (Array.isArray(body.input)) refuseOrphans(body.input, "Kleis");
  const tools = decodeTools(body.tools, "tools", losses);
  const input = decodeInput(body.input, losses);
  if (body.max_tool_calls !== undefined && body.max_tool_calls !== null)
    losses.change("max_tool_calls", "dropped:max_tool_calls");
  if (body.context_management !== undefined && body.context_management !== null)
    losses.change("context_management", "dropped:context_management");
  const given = body.text === undefined || body.text === null ? {} : objectAt(body.text, "text");
  const request: ModelRequest = {
    model: stringAt(body.model, "model"),
    streams: body.stream === true,
    includeUsage: true,
    system: [...instructionsOf(body), ...input.system],
    items: input.items,
    tools: [...tools, ...input.tools],
    toolChoice: decodeToolChoice(body.tool_choice, losses),
    parallel: booleanIn(body, "parallel_tool_calls", ""),
    maxOutput: numberIn(body, "max_output_tokens", ""),
    stops: [],
    sampling: {
      temperature: numberIn(body, "temperature", ""),
      topP: numberIn(body, "top_p", ""),
      topLogprobs: numberIn(body, "top_logprobs", ""),
    },
    reasoning: reasoningOf(body.reasoning, losses),
    format: formatOf(given.format),
    verbosity: stringIn(given, "verbosity", "text"),
    tier: tierOf(body.service_tier, losses),
    cacheKey: text(body.prompt_cache_key),
    session: undefined,
    at: AT,
  };
  return { request, losses: losses.list };
}

function instructionsOf(body: JsonObject): TextPart[] {
  const words = stringIn(body, "instructions", "");
  return words === undefined || words.trim() === ""
    ? []
    : [{ type: "text", text: words, at: "instructions" }];
}

/** What asks for something that OpenAI keeps for its own models. */
function refuseState(body: JsonObject, losses: Losses): void {
  for (const name of ["previous_response_id", "conversation"])
    if (body[name] !== undefined && body[name] !== null)
      losses.refuse(name, "Kleis keeps no conversations", "Send the whole input.");
  if (body.prompt !== undefined && body.prompt !== null)
    losses.refuse(
      "prompt",
      "stored prompts are known to OpenAI alone",
      "Send the prompt's text in `instructions` or `input`.",
    );
  if (body.background === true)
    losses.refuse("background", "it answers at once only", "Leave `background` out.");
  if (body.generate === false)
    losses.refuse("generate", "it always generates a response", "Leave `generate` out.");
}

function reasoningOf(value: Json | undefined, losses: Losses): ReasoningRequest {
  if (value === undefined || value === null) return {};
  const given = objectAt(value, "reasoning");
  const summary = given.summary ?? given.generate_summary;
  return {
    effort: effortOf(given.effort, losses),
    display: typeof summary === "string" && summary !== "none" ? "summarized" : undefined,
  };
}

function effortOf(value: Json | undefined, losses: Losses): Effort | undefined {
  if (value === undefined || value === null) return undefined;
  const effort = EFFORTS.find((known) => known === value);
  if (effort === undefined) losses.change("reasoning.effort", "dropped:effort");
  return effort;
}

function formatOf(value: Json | undefined): OutputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const format = objectAt(value, "text.format");
  switch (format.type) {
    case "text":
      return undefined;
    case "json_object":
      return { type: "json_object" };
    case "json_schema":
      return {
        type: "json_schema",
        name: text(format.name),
        description: text(format.description),
        schema: objectAt(format.schema, "text.format.schema"),
        strict: booleanIn(format, "strict", "text.format"),
      };
    default:
      return malformed("text.format.type", 'must be "text", "json_object" or "json_schema"');
  }
}

function tierOf(value: Json | undefined, losses: Losses): ModelRequest["tier"] {
  switch (value) {
    case "priority":
    case "fast":
      return "priority";
    case "flex":
      return "flex";
    case undefined:
    case null:
    case "auto":
    case "default":
      return undefined;
    default:
      losses.change("service_tier", "dropped:service_tier");
      return undefined;
  }
}
