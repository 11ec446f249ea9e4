/** The tools of a Messages request, and which of them the model may or must call. */
import type { JsonObject } from "../../../json.ts";
import type { Losses } from "../losses.ts";
import type { FunctionTool, ModelRequest, Tool, WebSearchTool } from "../model.ts";
import { wrapCustomTool } from "../tools/custom.ts";
import type { ToolNames } from "../tools/names.ts";
import { objectSchema, outputSchema } from "../tools/schema.ts";
import type { TargetTraits } from "../traits.ts";
import { cacheControl } from "../values/cache.ts";

/** The name that Anthropic reserves for its web search. */
const WEB_SEARCH = "web_search";

/** Of several tools of one name the first goes out: one that a later message repeats changes nothing before it. */
export function encodeTools(
  tools: readonly Tool[],
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject[] {
  const written = new Map<string, JsonObject>();
  for (const tool of tools) {
    const block = encodeTool(tool, names, traits, losses);
    const name = String(block?.name);
    if (block !== undefined && !written.has(name)) written.set(name, block);
  }
  return [...written.values()];
}

function encodeTool(
  tool: Tool,
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject | undefined {
  switch (tool.type) {
    case "function":
      return functionTool(tool, names.alias(tool.namespace, tool.name));
    case "custom": {
      losses.change(tool.at, "wrapped:tools");
      const { description, schema } = wrapCustomTool(tool);
      return { name: names.alias(tool.namespace, tool.name), description, input_schema: schema };
    }
    case "web_search":
      if (traits.webSearch !== undefined) return webSearchTool(tool, traits.webSearch);
      losses.change(tool.at, "dropped:web_search");
      return undefined;
  }
}

function functionTool({ description, schema, strict, cache }: FunctionTool, name: string): JsonObject {
  const isStrict = strict === true;
  const root = objectSchema(schema);
  return {
    name,
    ...(description === undefined || description.trim() === "" ? {} : { description }),
    input_schema: isStrict ? outputSchema(root) : root,
    ...(isStrict ? { strict: true } : {}),
    ...(cache === undefined ? {} : { cache_control: cacheControl(cache) }),
  };
}

function webSearchTool(tool: WebSearchTool, type: string): JsonObject {
  const { allowedDomains, blockedDomains, maxUses, location } = tool;
  return {
    type,
    name: WEB_SEARCH,
    ...(allowedDomains === undefined ? {} : { allowed_domains: [...allowedDomains] }),
    ...(blockedDomains === undefined ? {} : { blocked_domains: [...blockedDomains] }),
    ...(maxUses === undefined ? {} : { max_uses: maxUses }),
    ...(location === undefined ? {} : { user_location: { type: "approximate", ...location } }),
  };
}

export interface WrittenChoice {
  readonly value: JsonObject | undefined;
  /** True where the model has to call a tool. */
  readonly isForced: boolean;
}

const NONE: WrittenChoice = { value: undefined, isForced: false };

export function encodeToolChoice(
  { toolChoice, parallel, at }: ModelRequest,
  names: ToolNames,
  hasTools: boolean,
  traits: TargetTraits,
  losses: Losses,
): WrittenChoice {
  const path = at.toolChoice ?? "tool_choice";
  const one = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (toolChoice?.mode === "web_search" && traits.webSearch === undefined) {
    losses.refuse(
      path,
      "it has no web search",
      "Leave the tool choice out, or choose a model that searches.",
    );
    return NONE;
  }
  if (!hasTools) return NONE;
  if (toolChoice === undefined)
    return parallel === false ? { value: { type: "auto", ...one }, isForced: false } : NONE;
  if (toolChoice.mode === "none") return { value: { type: "none" }, isForced: false };
  if (toolChoice.mode === "auto") return { value: { type: "auto", ...one }, isForced: false };
  if (!traits.forcedToolChoice) {
    losses.change(path, "lowered:tool-choice");
    return { value: { type: "auto", ...one }, isForced: false };
  }
  if (toolChoice.mode === "required") return { value: { type: "any", ...one }, isForced: true };
  const name = toolChoice.mode === "tool" ? names.alias(toolChoice.namespace, toolChoice.name) : WEB_SEARCH;
  return { value: { type: "tool", name, ...one }, isForced: true };
}
