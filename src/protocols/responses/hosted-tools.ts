/**
 * Tools that the upstream runs itself, and the edits that remove those which a backend lacks. Tools that the client runs
 * (functions, custom tools, namespaces, shells, patches) are never touched, nor are unknown types: the backend judges them.
 */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Change, Edit, Path } from "../body.ts";

/** OpenAI's hosted tools by family (openai 6.49 to 7.57, 2026-11); dated and `_preview` types belong to their family. */
const FAMILIES = [
  "web_search",
  "file_search",
  "code_interpreter",
  "image_generation",
  "mcp",
  "programmatic_tool_calling",
] as const;
export type HostedTool = (typeof FAMILIES)[number];

/** The hosted tools that a backend runs. */
export type HostedTools = ReadonlySet<HostedTool>;

/** Edits for `tools`, `tool_choice`, `parallel_tool_calls` and the tools inside the input; `include` is the caller's. */
export function hostedToolEdits(body: JsonObject, taken: HostedTools, change: Change): Edit[] {
  const remove = (...path: Path): Edit => ({ change, op: "remove", path });
  const isLacking = (tool: Json) => isObject(tool) && lacks(tool.type, taken);
  const edits: Edit[] = [];

  const tools = listOf(body.tools);
  const lacking = placesOf(tools, isLacking);
  const isLeftEmpty = lacking.length > 0 && lacking.length === tools.length;
  edits.push(...(isLeftEmpty ? [remove("tools")] : lacking.map((at) => remove("tools", at))));

  let removedInside = false;
  let leftInside = false;
  for (const [index, item] of listOf(body.input).entries()) {
    if (!isObject(item) || item.type !== "additional_tools") continue;
    const inside = listOf(item.tools);
    const gone = placesOf(inside, isLacking);
    removedInside ||= gone.length > 0;
    leftInside ||= gone.length < inside.length;
    edits.push(
      ...(gone.length > 0 && gone.length === inside.length
        ? [remove("input", index)]
        : gone.map((at) => remove("input", index, "tools", at))),
    );
  }

  const isBare = !leftInside && (isLeftEmpty || (removedInside && tools.length === 0));
  if (isBare) {
    for (const name of ["tool_choice", "parallel_tool_calls"]) {
      if (body[name] !== undefined) edits.push(remove(name));
    }
    return edits;
  }
  return [...edits, ...choiceEdits(body.tool_choice, isLacking, remove)];
}

/** The members of `include` that do not depend on a lacking tool. */
export function keptIncludes(include: readonly Json[], taken: HostedTools): Json[] {
  return include.filter((member) => {
    const tool = FAMILIES.find(
      (family) => typeof member === "string" && member.startsWith(`${family}_call.`),
    );
    return tool === undefined || taken.has(tool);
  });
}

/** A namespace needs a description; one without gets its name as one. */
export function namespaceEdits(body: JsonObject, change: Change): Edit[] {
  const ofList = (tools: Json | undefined, path: Path): Edit[] =>
    listOf(tools).flatMap((tool, at): Edit[] => {
      if (!isObject(tool) || tool.type !== "namespace") return [];
      if (typeof tool.description === "string" && tool.description.trim() !== "") return [];
      const value = `Tools of ${typeof tool.name === "string" ? tool.name : "this namespace"}.`;
      return [{ change, op: "set", path: [...path, at, "description"], value }];
    });
  return [
    ...ofList(body.tools, ["tools"]),
    ...listOf(body.input).flatMap((item, index) =>
      isObject(item) ? ofList(item.tools, ["input", index, "tools"]) : [],
    ),
  ];
}

function choiceEdits(
  choice: Json | undefined,
  isLacking: (tool: Json) => boolean,
  remove: (...path: Path) => Edit,
): Edit[] {
  if (!isObject(choice)) return [];
  if (choice.type !== "allowed_tools") return isLacking(choice) ? [remove("tool_choice")] : [];
  const allowed = listOf(choice.tools);
  const gone = placesOf(allowed, isLacking);
  if (gone.length > 0 && gone.length === allowed.length) return [remove("tool_choice")];
  return gone.map((at) => remove("tool_choice", "tools", at));
}

function lacks(type: Json | undefined, taken: HostedTools): boolean {
  const family = FAMILIES.find(
    (name) => type === name || (typeof type === "string" && type.startsWith(`${name}_`)),
  );
  return family !== undefined && !taken.has(family);
}

function placesOf(list: readonly Json[], test: (entry: Json) => boolean): number[] {
  return [...list.keys()].filter((at) => test(list[at] ?? null));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
