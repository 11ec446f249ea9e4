/** What must change in a body for the Copilot backend to take it, and no more (providers/copilot.md §3.5, §4.2). */
import { isObject, type Json, type JsonObject, text } from "../../json.ts";
import type { Edit, Path } from "../../protocols/body.ts";
import { type Operation, protocolOf } from "../../protocols/protocol.ts";
import { hostedToolEdits, keptIncludes, namespaceEdits } from "../../protocols/responses/hosted-tools.ts";
import { leavesNothing, nothingLeft } from "../../protocols/responses/left-input.ts";
import { isReference, refuseOrphans } from "../../protocols/responses/references.ts";
import { unsealingEdits } from "../../protocols/sealed.ts";
import type { PrepareInput } from "../provider.ts";
import { betaEdits } from "./betas.ts";
import { ENCRYPTED_REASONING, HOSTED_TOOLS, IMAGE_DETAIL } from "./profile.ts";
import { serverToolEdits } from "./tools.ts";
import { PART_LISTS } from "./vision.ts";

const KEEPER = "GitHub Copilot";

export interface BodyOptions {
  /** The betas that go along (messages). */
  readonly betas: readonly string[];
  readonly unsealed: PrepareInput["unsealed"];
}

/**
 * The edits of a request's body; empty when its bytes can go as they came. Throws `KleisError("invalid_request")` when
 * nothing of it could go.
 */
export function editsFor(operation: Operation, body: JsonObject, options: BodyOptions): Edit[] {
  const { unsealed } = options;
  const change = unsealed === "foreign" ? "foreign-reasoning" : "copilot-sealed";
  const unsealing = unsealed === undefined ? [] : unsealingEdits(protocolOf(operation), body, change);
  switch (operation) {
    case "chat":
      return [...unsealing, ...chatEdits(body)];
    case "responses":
      return responsesEdits(body, unsealing);
    case "messages":
    case "count_tokens":
      return [
        ...unsealing,
        ...betaEdits(body, options.betas),
        ...serverToolEdits(body),
        ...schemaEdits(body),
      ];
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

function responsesEdits(body: JsonObject, unsealing: readonly Edit[]): Edit[] {
  const edits: Edit[] = [...unsealing];
  if (body.store !== false) edits.push({ change: "copilot-store", op: "set", path: ["store"], value: false });
  edits.push(...includeEdits(body.include));
  if (body.service_tier !== undefined) edits.push(dropped("service_tier"));
  edits.push(
    ...hostedToolEdits(body, HOSTED_TOOLS.responses, "copilot-fields"),
    ...namespaceEdits(body, "copilot-fields"),
  );
  for (const [at, item] of objects(body.input)) edits.push(...itemEdits(item, at));
  if (!Array.isArray(body.input)) return edits;
  refuseOrphans(body.input, KEEPER);
  if (leavesNothing(body.input, edits)) throw nothingLeft(KEEPER);
  return edits;
}

function includeEdits(include: Json | undefined): Edit[] {
  const asked = Array.isArray(include) ? include : [];
  const kept = keptIncludes(asked, HOSTED_TOOLS.responses);
  if (kept.length === asked.length && asked.includes(ENCRYPTED_REASONING)) return [];
  const value = kept.includes(ENCRYPTED_REASONING) ? kept : [...kept, ENCRYPTED_REASONING];
  return [{ change: "copilot-include", op: "set", path: ["include"], value }];
}

/**
 * Ids belong to the connection that made them, and nothing is kept that a reference or reasoning without its sealed
 * content could mean; call_id and encrypted_content carry the conversation.
 */
function itemEdits(item: JsonObject, at: number): Edit[] {
  const isLost = item.type === "reasoning" && text(item.encrypted_content) === undefined;
  if (isReference(item) || isLost) return [{ change: "copilot-item-ids", op: "remove", path: ["input", at] }];
  const edits = imageEdits(item, at);
  if (item.id !== undefined) {
    edits.push({ change: "copilot-item-ids", op: "remove", path: ["input", at, "id"] });
  }
  return edits;
}

/** The backend knows the details `low` and `high` only. */
function imageEdits(item: JsonObject, at: number): Edit[] {
  const edits: Edit[] = [];
  for (const name of PART_LISTS) {
    for (const [index, part] of objects(item[name])) {
      if (part.type !== "input_image" || !IMAGE_DETAIL.replaced.has(part.detail)) continue;
      const path = ["input", at, name, index, "detail"];
      edits.push({ change: "copilot-images", op: "set", path, value: IMAGE_DETAIL.by });
    }
  }
  return edits;
}

function schemaEdits(body: JsonObject): Edit[] {
  return [...objects(body.tools)].flatMap(([at, tool]) =>
    isObject(tool.input_schema) && tool.input_schema.$schema !== undefined
      ? [dropped("tools", at, "input_schema", "$schema")]
      : [],
  );
}

function dropped(...path: Path): Edit {
  return { change: "copilot-fields", op: "remove", path };
}

/** The objects of a list with their places; nothing when it is no list. */
function* objects(list: Json | undefined): Generator<[number, JsonObject]> {
  if (!Array.isArray(list)) return;
  for (const [at, item] of list.entries()) if (isObject(item)) yield [at, item];
}
