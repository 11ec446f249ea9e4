/**
 * References to earlier items (`item_reference`): only an upstream that stores responses can look them up. For one that keeps
 * nothing they are left out, and a request is refused where that would separate a tool call from its output.
 */
import { KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";

/** True for an earlier item of the model's, given by its id alone (the type may be left out). */
export function isReference(item: JsonObject): boolean {
  if (item.type === undefined || item.type === null) return item.role === undefined && item.id !== undefined;
  return item.type === "item_reference";
}

/**
 * Refuses an input that refers to items and holds a tool's output without its call: without the reference the upstream would
 * refuse it too, but without naming the cause. `keeper` begins a sentence: "GitHub Copilot".
 */
export function refuseOrphans(input: readonly Json[], keeper: string): void {
  const items = input.map((item) => (isObject(item) ? item : {}));
  if (!items.some(isReference)) return;
  const isOutput = (item: JsonObject) => typeof item.type === "string" && item.type.endsWith("_call_output");
  const calls = new Set(items.filter((item) => !isOutput(item)).map((item) => item.call_id));
  const orphan = items.findIndex((item) => isOutput(item) && !calls.has(item.call_id));
  if (orphan === -1) return;
  throw new KleisError(
    "invalid_request",
    `\`input[${orphan}]\` answers a tool call that the request only refers to by item_reference. ${keeper} keeps no earlier items. Send the items themselves: set \`store\` to false (AI SDK: providerOptions.openai.store = false).`,
    { param: `input[${orphan}]` },
  );
}
