/** The hosted tools that Copilot lacks leave a Messages request, with the choice of one of them (providers/copilot.md §3.5). */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit, Path } from "../../protocols/body.ts";
import { HOSTED_TOOLS, SERVER_TOOLS } from "./profile.ts";

export function serverToolEdits({ tools, tool_choice: choice }: JsonObject): Edit[] {
  if (!Array.isArray(tools)) return [];
  const lacking = [...tools.keys()].filter((at) => isLacking(tools[at] ?? null));
  if (lacking.length === 0) return [];
  if (lacking.length === tools.length) {
    return [removed("tools"), ...(choice === undefined ? [] : [removed("tool_choice")])];
  }
  const names = new Set(lacking.map((at) => nameOf(tools[at] ?? null)));
  const isChosen = isObject(choice) && choice.type === "tool" && names.has(choice.name);
  return [...lacking.map((at) => removed("tools", at)), ...(isChosen ? [removed("tool_choice")] : [])];
}

function isLacking(tool: Json): boolean {
  if (!isObject(tool) || typeof tool.type !== "string") return false;
  const { type } = tool;
  const isOf = (family: string) => type === family || type.startsWith(`${family}_`);
  return SERVER_TOOLS.some(isOf) && !HOSTED_TOOLS.messages.some(isOf);
}

function nameOf(tool: Json): Json | undefined {
  return isObject(tool) ? tool.name : undefined;
}

function removed(...path: Path): Edit {
  return { change: "copilot-fields", op: "remove", path };
}
