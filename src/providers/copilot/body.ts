/** What must change in a body for the Copilot backend to take it, and no more (providers/copilot.md §3.5, §4.2). */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit, Path } from "../../protocols/body.ts";
import type { Operation } from "../../protocols/protocol.ts";
import { isReference, refuseOrphans } from "../../protocols/responses/references.ts";
import { ENCRYPTED_REASONING } from "./profile.ts";
import { PART_LISTS } from "./vision.ts";

/** The edits of a request's body; empty when its bytes can go as they came. */
export function editsFor(operation: Operation, body: JsonObject): Edit[] {
  switch (operation) {
    case "chat":
      return chatEdits(body);
    case "responses":
      return responsesEdits(body);
    case "messages":
    case "count_tokens":
      return messagesEdits(body);
  }
}

/** Usage comes in a stream only when asked for. An explicit `include_usage: false` is the client's choice. */
function chatEdits(body: JsonObject): Edit[] {
  if (body.stream !== true) return [];
  const options = body.stream_options ?? null;
  if (options === null) {
    return [{ change: "copilot-usage", op: "set", path: ["stream_options"], value: { include_usage: true } }];
  }
  if (!isObject(options) || (options.include_usage ?? null) !== null) return [];
  return [{ change: "copilot-usage", op: "set", path: ["stream_options", "include_usage"], value: true }];
}

function responsesEdits(body: JsonObject): Edit[] {
  const edits: Edit[] = [];
  if (body.store !== false) edits.push({ change: "copilot-store", op: "set", path: ["store"], value: false });
  const include = Array.isArray(body.include) ? body.include : [];
  if (!include.includes(ENCRYPTED_REASONING)) {
    const value = [...include, ENCRYPTED_REASONING];
    edits.push({ change: "copilot-include", op: "set", path: ["include"], value });
  }
  if (body.service_tier !== undefined) edits.push(dropped("service_tier"));
  edits.push(...webSearchEdits(body));
  for (const [at, item] of objects(body.input)) {
    // Ids belong to the connection that made them, and nothing is kept that a reference could mean; call_id and
    // encrypted_content carry the conversation.
    if (isReference(item)) edits.push({ change: "copilot-item-ids", op: "remove", path: ["input", at] });
    else if (item.id !== undefined) {
      edits.push({ change: "copilot-item-ids", op: "remove", path: ["input", at, "id"] });
    }
    edits.push(...imageEdits(item, at));
  }
  if (Array.isArray(body.input)) refuseOrphans(body.input, "GitHub Copilot");
  return edits;
}

/** Hosted web search is not offered. Where no tool is left, a choice among tools would be refused as well. */
function webSearchEdits(body: JsonObject): Edit[] {
  const hosted = [...objects(body.tools)].filter(([, tool]) => isWebSearch(tool));
  if (hosted.length === 0) return [];
  const none = Array.isArray(body.tools) && hosted.length === body.tools.length;
  const edits = none ? [dropped("tools")] : hosted.map(([at]) => dropped("tools", at));
  const choice = body.tool_choice;
  if (choice !== undefined && (none || (isObject(choice) && isWebSearch(choice)))) {
    edits.push(dropped("tool_choice"));
  }
  return edits;
}

function isWebSearch(tool: JsonObject): boolean {
  return typeof tool.type === "string" && tool.type.startsWith("web_search");
}

/** The backend knows the details `low` and `high` only. */
function imageEdits(item: JsonObject, at: number): Edit[] {
  const edits: Edit[] = [];
  for (const name of PART_LISTS) {
    for (const [index, part] of objects(item[name])) {
      if (part.type !== "input_image" || (part.detail !== "auto" && part.detail !== "original")) continue;
      const path = ["input", at, name, index, "detail"];
      edits.push({ change: "copilot-images", op: "set", path, value: "high" });
    }
  }
  return edits;
}

function messagesEdits(body: JsonObject): Edit[] {
  const edits: Edit[] = [];
  for (const [at, tool] of objects(body.tools)) {
    if (isObject(tool.input_schema) && tool.input_schema.$schema !== undefined) {
      edits.push(dropped("tools", at, "input_schema", "$schema"));
    }
    if (tool.eager_input_streaming !== undefined) edits.push(dropped("tools", at, "eager_input_streaming"));
  }
  return edits;
}

function dropped(...path: Path): Edit {
  return { change: "copilot-fields", op: "remove", path };
}

/** The objects of a list with their places; nothing when it is no list. */
function* objects(list: Json | undefined): Generator<[number, JsonObject]> {
  if (!Array.isArray(list)) return;
  for (const [at, item] of list.entries()) if (isObject(item)) yield [at, item];
}
