/** Reads the tools and the tool choice of a Responses request (docs/providers/codex.md §2.2). */
import { isObject, type Json, type JsonObject, text } from "../../../json.ts";
import type { DroppedField } from "../changes.ts";
import {
  type BodyPath,
  booleanIn,
  join,
  type Losses,
  listAt,
  malformed,
  objectAt,
  stringIn,
} from "../losses.ts";
import type { CustomTool, FunctionTool, Tool, ToolChoice, WebSearchTool } from "../model.ts";

/** The name under which the client's own tool search is a function elsewhere. */
export const TOOL_SEARCH = "tool_search";

/** Tools that OpenAI runs or whose calls only OpenAI's models know, by the beginning of their type. */
const HOSTED: readonly [prefix: string, field: DroppedField][] = [
  ["file_search", "file_search"],
  ["code_interpreter", "code_interpreter"],
  ["image_generation", "image_generation"],
  ["computer", "computer"],
  ["mcp", "mcp"],
  ["local_shell", "local_shell"],
  ["shell", "shell"],
  ["apply_patch", "apply_patch"],
  ["tool_search", "tool_search"],
];

/** Reads a list of tools; undefined or null: none. */
export function decodeTools(value: Json | undefined, path: BodyPath, losses: Losses): Tool[] {
  if (value === undefined || value === null) return [];
  return listAt(value, path).flatMap((tool, index) => {
    const at = join(path, index);
    return decodeTool(objectAt(tool, at), at, undefined, losses);
  });
}

function decodeTool(tool: JsonObject, at: BodyPath, namespace: string | undefined, losses: Losses): Tool[] {
  const type = stringIn(tool, "type", at) ?? "";
  if (type === "function") return [functionTool(tool, at, namespace)];
  if (type === "custom") return [customTool(tool, at, namespace)];
  if (type === "namespace" && namespace === undefined) return namespaceTools(tool, at, losses);
  if (type.startsWith("web_search")) return webSearchTool(tool, at, losses);
  if (type === "tool_search" && tool.execution === "client") return [searchTool(tool, at)];
  losses.change(at, `dropped:${hostedField(type)}`);
  return [];
}

/** What a tool of another type is declared as. */
function hostedField(type: string): DroppedField {
  return HOSTED.find(([prefix]) => type.startsWith(prefix))?.[1] ?? "unknown";
}

function functionTool(tool: JsonObject, at: BodyPath, namespace: string | undefined): FunctionTool {
  return {
    type: "function",
    kind: "function",
    namespace,
    name: nameOf(tool, at),
    description: text(tool.description),
    schema: schemaOf(tool, at),
    strict: booleanIn(tool, "strict", at),
    at,
  };
}

function searchTool(tool: JsonObject, at: BodyPath): FunctionTool {
  return {
    type: "function",
    kind: "search",
    name: TOOL_SEARCH,
    description: text(tool.description),
    schema: schemaOf(tool, at),
    at,
  };
}

function customTool(tool: JsonObject, at: BodyPath, namespace: string | undefined): CustomTool {
  const { format } = tool;
  const grammar =
    isObject(format) && format.type === "grammar"
      ? { syntax: String(format.syntax ?? "lark"), definition: String(format.definition ?? "") }
      : undefined;
  return {
    type: "custom",
    namespace,
    name: nameOf(tool, at),
    description: text(tool.description),
    grammar,
    at,
  };
}

function namespaceTools(tool: JsonObject, at: BodyPath, losses: Losses): Tool[] {
  const name = nameOf(tool, at);
  const path = join(at, "tools");
  return listAt(tool.tools ?? [], path).flatMap((child, index) => {
    const place = join(path, index);
    return decodeTool(objectAt(child, place), place, name, losses);
  });
}

/** One whose index may not be asked live (`external_web_access: false`) has no counterpart. */
function webSearchTool(tool: JsonObject, at: BodyPath, losses: Losses): WebSearchTool[] {
  if (tool.external_web_access === false) {
    losses.change(at, "dropped:web_search");
    return [];
  }
  const { filters, user_location: location } = tool;
  const domains = isObject(filters) && Array.isArray(filters.allowed_domains) ? filters.allowed_domains : [];
  const allowed = domains.filter((domain) => typeof domain === "string");
  return [
    {
      type: "web_search",
      allowedDomains: allowed.length === 0 ? undefined : allowed,
      location: isObject(location) ? placeOf(location) : undefined,
      at,
    },
  ];
}

function placeOf(location: JsonObject): JsonObject {
  const place: JsonObject = {};
  for (const name of ["city", "region", "country", "timezone"])
    if (typeof location[name] === "string") place[name] = location[name];
  return place;
}

function nameOf(tool: JsonObject, at: BodyPath): string {
  return text(tool.name) ?? malformed(join(at, "name"), "must be a string that is not empty");
}

/** The schema of the arguments, without the marks by which Codex has OpenAI encrypt an argument. */
function schemaOf(tool: JsonObject, at: BodyPath): JsonObject {
  const { parameters } = tool;
  if (parameters === undefined || parameters === null) return { type: "object", properties: {} };
  const schema = objectAt(parameters, join(at, "parameters"));
  return hasEncryptedArgument(schema) ? (withoutMarks(schema) as JsonObject) : schema;
}

/** Members of a schema that hold schemas by name: a name among them is no keyword. */
const BY_NAME: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions"]);

/** True where the schema marks an argument as encrypted: its calls carry `encrypted_function_args`. */
export function hasEncryptedArgument(schema: Json | undefined): boolean {
  if (Array.isArray(schema)) return schema.some(hasEncryptedArgument);
  if (!isObject(schema)) return false;
  return Object.entries(schema).some(([name, value]) =>
    BY_NAME.has(name) && isObject(value)
      ? Object.values(value).some(hasEncryptedArgument)
      : value === true && name === "encrypted"
        ? true
        : hasEncryptedArgument(value),
  );
}

function withoutMarks(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(withoutMarks);
  if (!isObject(schema)) return schema;
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || (name === "encrypted" && typeof value === "boolean")) continue;
    out[name] = BY_NAME.has(name) && isObject(value) ? mapped(value) : withoutMarks(value);
  }
  return out;
}

function mapped(schemas: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, value]) => [name, value === undefined ? value : withoutMarks(value)]),
  );
}

/** Reads `tool_choice`; `tools`: whether the request has any, without which a choice means nothing. */
export function decodeToolChoice(value: Json | undefined, losses: Losses): ToolChoice | undefined {
  const path = "tool_choice";
  if (value === undefined || value === null) return undefined;
  if (value === "auto" || value === "none" || value === "required") return { mode: value };
  if (!isObject(value)) return malformed(path, 'must be "auto", "none", "required" or an object');
  const type = text(value.type) ?? "";
  if (type === "function" || type === "custom")
    return { mode: "tool", namespace: text(value.namespace), name: nameOf(value, path) };
  if (type === "allowed_tools") {
    losses.change(path, "dropped:allowed_tools");
    return value.mode === "required" ? { mode: "required" } : { mode: "auto" };
  }
  if (type.startsWith("web_search")) return { mode: "web_search" };
  losses.refuse(
    path,
    `it has no tool of the type \`${type}\``,
    "Let the model choose, or name another tool.",
  );
  return undefined;
}
