/** The tools of a Messages request, those that its messages add among them. */
import { isObject, type Json, type JsonObject, parseJson } from "../../../json.ts";
import type { DroppedField } from "../changes.ts";
import {
  type BodyPath,
  booleanIn,
  join,
  type Losses,
  listAt,
  malformed,
  numberIn,
  objectAt,
  stringAt,
  stringIn,
} from "../losses.ts";
import type { Tool, ToolChoice } from "../model.ts";
import { cacheMark } from "../values/cache.ts";

const CLIENT_FIELDS: ReadonlySet<string> = new Set([
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
  // Say how Anthropic loads the tool and streams its input.
  "eager_input_streaming",
  "input_examples",
  "defer_loading",
  "allowed_callers",
]);

const SEARCH_FIELDS: ReadonlySet<string> = new Set([
  "type",
  "name",
  "allowed_domains",
  "blocked_domains",
  "max_uses",
  "user_location",
  "cache_control",
  "defer_loading",
  "allowed_callers",
  "strict",
  "response_inclusion",
]);

/** Tools that Anthropic runs, by how their type begins. */
const SERVER_TOOLS: readonly [RegExp, DroppedField][] = [
  [/^advisor_/, "advisor"],
  [/^web_fetch_/, "web_fetch"],
  [/^code_execution_/, "code_execution"],
  [/^tool_search_/, "tool_search"],
  [/^(computer|browser)_/, "computer"],
  [/^mcp_/, "mcp_servers"],
];

/** Tools that the client runs, but whose schema Claude has by heart. */
const KNOWN_BY_HEART = /^(bash|text_editor|memory)_/;

/** Claude Code declares it so that `tools` is not empty where all others are deferred (2.1.330). */
const PLACEHOLDER = "DeferredToolPlaceholder";

/** A definition in the text that Claude Code's tool search returns. */
const FOUND = /<function>(\{.*\})<\/function>/g;

export class ToolList {
  readonly list: Tool[] = [];
  readonly #losses: Losses;
  readonly #names = new Set<string>();
  /** Names of declared tools that were left out. */
  readonly #dropped = new Set<string>();

  constructor(losses: Losses) {
    this.#losses = losses;
  }

  addAll(tools: Json | undefined): void {
    if (tools === undefined || tools === null) return;
    listAt(tools, "tools").forEach((tool, index) => {
      this.#add(objectAt(tool, join("tools", index)), join("tools", index));
    });
  }

  /** True for a tool that was declared but that only Anthropic runs. */
  isDropped(name: string): boolean {
    return this.#dropped.has(name);
  }

  /** A `tool_addition`'s tool: a reference to one that is declared, or a definition. */
  addition(value: Json | undefined, at: BodyPath): void {
    const tool = objectAt(value, at);
    if (tool.type === "tool_definition")
      this.#add(objectAt(tool.definition, join(at, "definition")), join(at, "definition"));
    else if (tool.type !== "tool_reference") this.#losses.change(at, "dropped:mcp_servers");
  }

  /** Tools whose definitions stand in a result of the client's tool search. */
  found(text: string, at: BodyPath): void {
    for (const [, json = ""] of text.matchAll(FOUND)) {
      const tool = parseJson(json);
      if (!isObject(tool) || typeof tool.name !== "string") continue;
      const { name, description, parameters: schema } = tool;
      if (this.#names.has(name) || !isObject(schema)) continue;
      this.#client({ name, input_schema: schema, ...(description === undefined ? {} : { description }) }, at);
    }
  }

  #add(tool: JsonObject, at: BodyPath): void {
    const type = tool.type ?? "custom";
    if (typeof type !== "string") malformed(join(at, "type"), "must be a string");
    if (type === "custom") {
      if (tool.name !== PLACEHOLDER) this.#client(tool, at);
    } else if (type.startsWith("web_search_")) this.#webSearch(tool, at);
    else if (KNOWN_BY_HEART.test(type))
      this.#losses.refuse(
        at,
        `the tool type \`${type}\` has no schema outside Claude`,
        "Declare the tool with a name, a description and an `input_schema`.",
      );
    else {
      const field = SERVER_TOOLS.find(([form]) => form.test(type))?.[1] ?? "unknown";
      this.#dropped.add(typeof tool.name === "string" ? tool.name : type);
      this.#losses.change(at, `dropped:${field}`);
    }
  }

  #client(tool: JsonObject, at: BodyPath): void {
    this.#losses.unknown(tool, CLIENT_FIELDS, at);
    const name = stringAt(tool.name, join(at, "name"));
    this.#names.add(name);
    this.list.push({
      type: "function",
      kind: "function",
      name,
      description: stringIn(tool, "description", at),
      schema: objectAt(tool.input_schema, join(at, "input_schema")),
      strict: booleanIn(tool, "strict", at),
      cache: cacheMark(tool.cache_control),
      at,
    });
  }

  #webSearch(tool: JsonObject, at: BodyPath): void {
    this.#losses.unknown(tool, SEARCH_FIELDS, at);
    const location = isObject(tool.user_location) ? tool.user_location : undefined;
    this.list.push({
      type: "web_search",
      allowedDomains: domains(tool, "allowed_domains", at),
      blockedDomains: domains(tool, "blocked_domains", at),
      maxUses: numberIn(tool, "max_uses", at),
      location: location && placeOf(location),
      at,
    });
  }
}

function domains(tool: JsonObject, name: string, at: BodyPath): string[] | undefined {
  const value = tool[name];
  if (value === undefined || value === null) return undefined;
  return listAt(value, join(at, name)).map((each, index) => stringAt(each, join(join(at, name), index)));
}

function placeOf(location: JsonObject): JsonObject {
  const place: JsonObject = {};
  for (const name of ["city", "region", "country", "timezone"])
    if (typeof location[name] === "string") place[name] = location[name];
  return place;
}

const CHOICE_FIELDS: ReadonlySet<string> = new Set(["type", "name", "disable_parallel_tool_use"]);

/** `tool_choice`, which says two things. */
export function decodeToolChoice(
  value: Json | undefined,
  tools: ToolList,
  losses: Losses,
): { readonly toolChoice: ToolChoice | undefined; readonly parallel: boolean | undefined } {
  if (value === undefined || value === null) return { toolChoice: undefined, parallel: undefined };
  const choice = objectAt(value, "tool_choice");
  losses.unknown(choice, CHOICE_FIELDS, "tool_choice");
  const disabled = booleanIn(choice, "disable_parallel_tool_use", "tool_choice");
  return {
    toolChoice: choiceOf(choice, tools, losses),
    parallel: disabled === undefined ? undefined : !disabled,
  };
}

function choiceOf(choice: JsonObject, tools: ToolList, losses: Losses): ToolChoice {
  switch (choice.type) {
    case "auto":
    case "none":
      return { mode: choice.type };
    case "any":
      return { mode: "required" };
    case "tool":
      return namedChoice(stringAt(choice.name, "tool_choice.name"), tools, losses);
    default:
      return malformed("tool_choice.type", "must be `auto`, `any`, `tool` or `none`");
  }
}

function namedChoice(name: string, tools: ToolList, losses: Losses): ToolChoice {
  if (tools.isDropped(name))
    losses.refuse(
      "tool_choice.name",
      `only Anthropic runs the tool \`${name}\``,
      "Choose another tool, or leave `tool_choice` out.",
    );
  const isSearch = name === "web_search" && tools.list.some(({ type }) => type === "web_search");
  return isSearch ? { mode: "web_search" } : { mode: "tool", name };
}
