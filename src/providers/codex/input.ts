/**
 * The edits that fit the input items to a backend that keeps nothing between requests (providers/codex.md §2.2): no ids to look
 * up, no reasoning it cannot read, no system role. Every decision on an item rests on what stands in or before it, so
 * that a growing conversation keeps its prefix and with it its prompt cache.
 */
import { KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject, text } from "../../json.ts";
import type { Change, Edit } from "../../protocols/body.ts";
import { leavesNothing, nothingLeft } from "../../protocols/responses/left-input.ts";
import { isReference, refuseOrphans } from "../../protocols/responses/references.ts";
import { instructionsOf, type Prompt, promptIn } from "./instructions.ts";
import { CACHE_BREAKPOINT, DEFAULT_INSTRUCTIONS } from "./profile.ts";

const KEEPER = "A ChatGPT plan";

/**
 * `lite` is the newer Codex body: its items and missing instructions are left as they are wherever they work. `unsealing`
 * takes out what the backend has refused.
 */
export function inputEdits(body: JsonObject, lite: boolean, unsealing: readonly Edit[]): Edit[] {
  const { input } = body;
  const hasOwn = lite || instructionsOf(body) !== undefined;
  if (typeof input === "string") {
    const message = { type: "message", role: "user", content: [{ type: "input_text", text: input }] };
    return [
      ...(hasOwn ? [] : instructionEdits(null)),
      { change: "codex-input", op: "set", path: ["input"], value: [message] },
    ];
  }
  const items = itemsOf(input);
  refuseOrphans(items, KEEPER);
  const prompt = hasOwn ? null : promptIn(items);
  const edits = [...unsealing, ...(hasOwn ? [] : instructionEdits(prompt))];
  items.forEach((item, index) => {
    if (index !== prompt?.index || prompt.parts !== null) edits.push(...itemEdits(item, index, lite));
  });
  if (leavesNothing(items, edits)) throw nothingLeft(KEEPER);
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

/** Where the client gives no instructions its own prompt moves up; where it has none either a default stands in. */
function instructionEdits(prompt: Prompt | null): Edit[] {
  const change: Change = "codex-instructions";
  const value = prompt?.text ?? DEFAULT_INSTRUCTIONS;
  const set: Edit = { change, op: "set", path: ["instructions"], value };
  if (prompt === null) return [set];
  const message = ["input", prompt.index];
  const moved = prompt.parts?.map((place) => [...message, "content", place]) ?? [message];
  return [set, ...moved.map((path): Edit => ({ change, op: "remove", path }))];
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
