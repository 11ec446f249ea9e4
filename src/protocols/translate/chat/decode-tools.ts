/** Reads the tools and the tool choice of a Chat Completions request. */
import { isObject, type Json, type JsonObject, text } from "../../../json.ts";
import { type BodyPath, booleanIn, join, type Losses, listAt, malformed, objectAt } from "../losses.ts";
import type { Tool, ToolChoice, WebSearchTool } from "../model.ts";

export function decodeTools(body: JsonObject, losses: Losses): Tool[] {
  const { tools, web_search_options: search } = body;
  const declared =
    tools === undefined || tools === null
      ? []
      : listAt(tools, "tools").flatMap((tool, index) => {
          const at = join("tools", index);
          return decodeTool(objectAt(tool, at), at, losses);
        });
  return isObject(search) ? [...declared, webSearch(search)] : declared;
}

function decodeTool(tool: JsonObject, at: BodyPath, losses: Losses): Tool[] {
  if (tool.type === "function") return [functionTool(objectAt(tool.function, join(at, "function")), at)];
  if (tool.type === "custom") return [customTool(objectAt(tool.custom, join(at, "custom")), at)];
  losses.change(at, "dropped:unknown");
  return [];
}

function functionTool(tool: JsonObject, at: BodyPath): Tool {
  const place = join(at, "function");
  const { parameters } = tool;
  return {
    type: "function",
    kind: "function",
    name: nameOf(tool, place),
    description: text(tool.description),
    schema:
      parameters === undefined || parameters === null
        ? { type: "object", properties: {} }
        : objectAt(parameters, join(place, "parameters")),
    strict: booleanIn(tool, "strict", place),
    at,
  };
}

function customTool(tool: JsonObject, at: BodyPath): Tool {
  const format = isObject(tool.format) && tool.format.type === "grammar" ? tool.format.grammar : undefined;
  return {
    type: "custom",
    name: nameOf(tool, join(at, "custom")),
    description: text(tool.description),
    grammar: isObject(format)
      ? { syntax: String(format.syntax ?? "lark"), definition: String(format.definition ?? "") }
      : undefined,
    at,
  };
}

function webSearch({ user_location: location }: JsonObject): WebSearchTool {
  const place = isObject(location) && isObject(location.approximate) ? location.approximate : undefined;
  return { type: "web_search", location: place, at: "web_search_options" };
}

function nameOf(tool: JsonObject, at: BodyPath): string {
  return text(tool.name) ?? malformed(join(at, "name"), "must be a string that is not empty");
}

export function decodeToolChoice(value: Json | undefined, losses: Losses): ToolChoice | undefined {
  const path = "tool_choice";
  if (value === undefined || value === null) return undefined;
  if (value === "auto" || value === "none" || value === "required") return { mode: value };
  if (!isObject(value)) return malformed(path, 'must be "auto", "none", "required" or an object');
  if (value.type === "allowed_tools") {
    losses.change(path, "dropped:allowed_tools");
    return isObject(value.allowed_tools) && value.allowed_tools.mode === "required"
      ? { mode: "required" }
      : { mode: "auto" };
  }
  const member = value.type === "custom" ? "custom" : "function";
  const place = join(path, member);
  return { mode: "tool", name: nameOf(objectAt(value[member], place), place) };
}
