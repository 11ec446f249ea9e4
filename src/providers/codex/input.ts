/**
 * The edits that fit the input items to a backend that keeps nothing between requests (codex.md §2.2): no ids to look
 * up, no reasoning it cannot read, no system role. Every decision on an item rests on what stands in or before it, so
 * that a growing conversation keeps its prefix and with it its prompt cache.
 */
import { KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject, text } from "../../json.ts";
import type { Change, Edit } from "../../protocols/body.ts";
import { isReference, type Prompt, promptIn } from "./instructions.ts";
import { CACHE_BREAKPOINT, DEFAULT_INSTRUCTIONS } from "./profile.ts";

/** `lite` is the newer Codex body: its items and missing instructions are left as they are wherever they work. */
export function inputEdits(body: JsonObject, lite: boolean): Edit[] {
  const { input } = body;
  if (typeof input === "string") {
    const message = { type: "message", role: "user", content: [{ type: "input_text", text: input }] };
    return [
      ...instructionEdits(body, null),
      { change: "codex-input", op: "set", path: ["input"], value: [message] },
    ];
  }
  const items = itemsOf(input);
  const prompt = lite || text(body.instructions) !== undefined ? null : promptIn(items);
  const edits = lite ? [] : instructionEdits(body, prompt);
  items.forEach((item, index) => {
    if (index !== prompt?.index) edits.push(...itemEdits(item, index, lite));
  });
  if (items.some(isReference)) refuseOrphans(items);
  return edits;
}

function itemsOf(input: Json | undefined): JsonObject[] {
  if (!Array.isArray(input)) {
    throw new KleisError("invalid_request", "`input` must be a string or an array of items.", {
      param: "input",
    });
  }
  return input.map((item, index) => {
    if (isObject(item)) return item;
    throw new KleisError(
      "invalid_request",
      `\`input[${index}]\` must be an object: a message or another input item.`,
      {
        param: `input[${index}]`,
      },
    );
  });
}

/** Instructions that are there stay; else the client's own prompt moves up; else a default stands in. */
function instructionEdits(body: JsonObject, prompt: Prompt | null): Edit[] {
  if (text(body.instructions) !== undefined) return [];
  const change: Change = "codex-instructions";
  const value = prompt?.text ?? DEFAULT_INSTRUCTIONS;
  const set: Edit = { change, op: "set", path: ["instructions"], value };
  return prompt === null ? [set] : [set, { change, op: "remove", path: ["input", prompt.index] }];
}

function itemEdits(item: JsonObject, index: number, lite: boolean): Edit[] {
  if (isReference(item)) return [{ change: "codex-item-ids", op: "remove", path: ["input", index] }];
  const isReasoning = item.type === "reasoning";
  if (isReasoning && text(item.encrypted_content) === undefined) {
    return [{ change: "codex-input", op: "remove", path: ["input", index] }];
  }
  const edits: Edit[] = [];
  const without = (change: Change, ...path: (string | number)[]) =>
    edits.push({ change, op: "remove", path: ["input", index, ...path] });
  if (item.role === "system") {
    edits.push({ change: "codex-input", op: "set", path: ["input", index, "role"], value: "developer" });
  }
  if (!lite && item.id !== undefined) without("codex-item-ids", "id");
  if (!lite && isReasoning && item.status !== undefined) without("codex-input", "status");
  if (!lite && isReasoning && hasContent(item.content)) without("codex-input", "content");
  if (item[CACHE_BREAKPOINT] !== undefined) without("codex-fields", CACHE_BREAKPOINT);
  for (const member of ["content", "output"]) {
    const parts = item[member];
    if (!Array.isArray(parts)) continue;
    parts.forEach((part, at) => {
      if (isObject(part) && part[CACHE_BREAKPOINT] !== undefined) {
        without("codex-fields", member, at, CACHE_BREAKPOINT);
      }
    });
  }
  return edits;
}

function hasContent(content: Json | undefined): boolean {
  return content !== undefined && content !== null && !(Array.isArray(content) && content.length === 0);
}

/** A dropped reference may have stood for a tool call; its output alone would be refused without telling the cause. */
function refuseOrphans(items: readonly JsonObject[]): void {
  const isOutput = (item: JsonObject) => typeof item.type === "string" && item.type.endsWith("_call_output");
  const calls = new Set(items.filter((item) => !isOutput(item)).map((item) => item.call_id));
  const orphan = items.findIndex((item) => isOutput(item) && !calls.has(item.call_id));
  if (orphan === -1) return;
  throw new KleisError(
    "invalid_request",
    `\`input[${orphan}]\` answers a tool call that the request only refers to by item_reference, and a ChatGPT plan keeps no earlier items. Send the items themselves: set \`store\` to false (AI SDK: providerOptions.openai.store = false).`,
    { param: `input[${orphan}]` },
  );
}
