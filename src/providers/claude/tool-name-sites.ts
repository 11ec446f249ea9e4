/**
 * Where tool names live in a messages request and its response (providers/claude.md §2.5, "Where names live"). Everything
 * else called `name` (server tools, MCP tools, members of a toolset, arguments, schemas) is never looked at.
 */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Path } from "../../protocols/body.ts";
import { PROFILE } from "./profile.ts";

export interface NameSite {
  readonly path: Path;
  readonly name: string;
  /** True where Anthropic defines the name: it is reserved, never changed. */
  readonly fixed: boolean;
}

/**
 * The sites of a request in the order that names are given out: fixed names, declared tools, then history. History
 * only grows at its end, so a conversation's names stay what they were; what is not part of its prefix comes last.
 */
export function* requestSites(body: JsonObject): Generator<NameSite> {
  const tools = list(body.tools);
  const declared = tools.flatMap((tool, index) => definitionSites(tool, ["tools", index]));
  yield* declared.filter((site) => site.fixed);
  yield* declared.filter((site) => !site.fixed);
  for (const [index, message] of list(body.messages).entries())
    if (isObject(message)) yield* historySites(message.content, ["messages", index, "content"]);
  for (const [index, tool] of tools.entries()) yield* sourceSites(tool, ["tools", index, "url_sources"]);
  yield* choiceSites(body.tool_choice);
  yield* contextSites(body.context_management);
}

/** The sites of one content block, of a request or of a response. */
export function blockSites(block: Json | undefined, path: Path): NameSite[] {
  if (!isObject(block)) return [];
  switch (block.type) {
    case "tool_use":
      // A member of an Anthropic toolset (`browser`, `computer`) comes as tool_use under Anthropic's name.
      return typeof block.toolset_name === "string" ? [] : named(block.name, [...path, "name"]);
    case "tool_reference":
      return named(block.tool_name, [...path, "tool_name"]);
    case "tool_result":
      return references(block.content, [...path, "content"]);
    case "tool_search_tool_result":
      return isObject(block.content)
        ? references(block.content.tool_references, [...path, "content", "tool_references"])
        : [];
    default:
      return [];
  }
}

function* historySites(content: Json | undefined, path: Path): Generator<NameSite> {
  for (const [index, block] of list(content).entries()) {
    yield* blockSites(block, [...path, index]);
    yield* toolChangeSites(block, [...path, index, "tool"]);
  }
}

/** `tool_addition` and `tool_removal`: a reference by `name`, or a definition like an entry of `tools`. */
function toolChangeSites(block: Json, path: Path): NameSite[] {
  if (!isObject(block) || (block.type !== "tool_addition" && block.type !== "tool_removal")) return [];
  const { tool } = block;
  if (!isObject(tool)) return [];
  if (tool.type === "tool_definition") return definitionSites(tool.definition, [...path, "definition"]);
  if (tool.type !== "tool_reference") return [];
  return typeof tool.name === "string"
    ? named(tool.name, [...path, "name"])
    : named(tool.tool_name, [...path, "tool_name"]);
}

function definitionSites(tool: Json | undefined, path: Path): NameSite[] {
  if (!isObject(tool)) return [];
  const isClients = tool.type === undefined || tool.type === null || tool.type === PROFILE.tools.clientType;
  return named(tool.name, [...path, "name"], !isClients);
}

function references(blocks: Json | undefined, path: Path): NameSite[] {
  return list(blocks).flatMap((block, index) =>
    isObject(block) && block.type === "tool_reference"
      ? named(block.tool_name, [...path, index, "tool_name"])
      : [],
  );
}

/** A web fetch tool may name the client tools whose results it may follow (SDK 1.12, `url_sources`). */
function sourceSites(tool: Json, path: Path): NameSite[] {
  if (!isObject(tool) || !isObject(tool.url_sources)) return [];
  const { client_tool_results: filter } = tool.url_sources;
  if (!isObject(filter)) return [];
  return list(filter.tools).flatMap((entry, index) =>
    isObject(entry) && entry.type === "tool_reference"
      ? named(entry.name, [...path, "client_tool_results", "tools", index, "name"])
      : [],
  );
}

function choiceSites(choice: Json | undefined): NameSite[] {
  return isObject(choice) && choice.type === "tool" ? named(choice.name, ["tool_choice", "name"]) : [];
}

function* contextSites(context: Json | undefined): Generator<NameSite> {
  if (!isObject(context)) return;
  for (const [index, edit] of list(context.edits).entries()) {
    if (!isObject(edit) || edit.type !== PROFILE.tools.contextEdit) continue;
    for (const key of ["exclude_tools", "clear_tool_inputs"])
      for (const [at, name] of list(edit[key]).entries())
        yield* named(name, ["context_management", "edits", index, key, at]);
  }
}

function named(name: Json | undefined, path: Path, fixed = false): NameSite[] {
  return typeof name === "string" ? [{ path, name, fixed }] : [];
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
