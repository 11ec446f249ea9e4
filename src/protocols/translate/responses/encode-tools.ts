/** Writes the tools of a Responses request. */
import type { JsonObject } from "../../../json.ts";
import type { Losses } from "../losses.ts";
import type { CustomTool, FunctionTool, Tool, WebSearchTool } from "../model.ts";
import { wrapCustomTool } from "../tools/custom.ts";
import type { ToolNames } from "../tools/names.ts";
import { objectSchema } from "../tools/schema.ts";
import type { TargetTraits } from "../traits.ts";

/** In the client's order; tools of one namespace stand where its first one stands. */
export function encodeTools(
  tools: readonly Tool[],
  names: ToolNames,
  traits: TargetTraits,
  losses: Losses,
): JsonObject[] {
  const out: JsonObject[] = [];
  const namespaces = new Map<string, JsonObject[]>();
  for (const tool of tools) {
    if (tool.type === "web_search") {
      out.push(...webSearch(tool, traits, losses));
      continue;
    }
    const { namespace } = tool;
    if (namespace === undefined) {
      out.push(encodeTool(tool, names.alias(undefined, tool.name), traits, losses));
      continue;
    }
    let members = namespaces.get(namespace);
    if (members === undefined) {
      members = [];
      namespaces.set(namespace, members);
      out.push({ type: "namespace", name: namespace, description: `Tools of ${namespace}.`, tools: members });
    }
    members.push(encodeTool(tool, tool.name, traits, losses));
  }
  return out;
}

function encodeTool(
  tool: FunctionTool | CustomTool,
  name: string,
  { customTools }: TargetTraits,
  losses: Losses,
): JsonObject {
  if (tool.type === "function") return functionOf(name, tool.description, tool.schema, tool.strict);
  if (!customTools) {
    losses.change(tool.at, "wrapped:tools");
    const { description, schema } = wrapCustomTool(tool);
    return functionOf(name, description, schema, undefined);
  }
  const { description, grammar } = tool;
  return {
    type: "custom",
    name,
    ...(description === undefined ? {} : { description }),
    ...(grammar === undefined ? {} : { format: { type: "grammar", ...grammar } }),
  };
}

/** `strict` is always written: where it is absent the API takes it for true, and may refuse the schema. */
function functionOf(
  name: string,
  description: string | undefined,
  schema: JsonObject,
  strict = false,
): JsonObject {
  return {
    type: "function",
    name,
    ...(description === undefined ? {} : { description }),
    parameters: objectSchema(schema),
    strict,
  };
}

function webSearch(tool: WebSearchTool, { webSearch: type }: TargetTraits, losses: Losses): JsonObject[] {
  if (type === undefined) {
    losses.change(tool.at, "dropped:web_search");
    return [];
  }
  if (tool.blockedDomains !== undefined) losses.change(tool.at, "dropped:blocked_domains");
  if (tool.maxUses !== undefined) losses.change(tool.at, "dropped:max_uses");
  const { allowedDomains, location } = tool;
  return [
    {
      type,
      ...(allowedDomains === undefined ? {} : { filters: { allowed_domains: [...allowedDomains] } }),
      ...(location === undefined ? {} : { user_location: { type: "approximate", ...location } }),
    },
  ];
}
