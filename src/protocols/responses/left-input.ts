/** What an input still holds once its edits are made: a request that had items must keep at least one. */
import { KleisError } from "../../errors.ts";
import type { Edit } from "../body.ts";

/** True where the edits remove every item. */
export function leavesNothing(items: readonly unknown[], edits: readonly Edit[]): boolean {
  if (items.length === 0) return false;
  const removed = new Set<unknown>();
  for (const { op, path } of edits) {
    if (op === "remove" && path.length === 2 && path[0] === "input") removed.add(path[1]);
  }
  return removed.size === items.length;
}

/** The error where nothing can be kept. `keeper` begins a sentence: "GitHub Copilot". */
export function nothingLeft(keeper: string): KleisError {
  return new KleisError(
    "invalid_request",
    `\`input\` holds nothing that could be sent: ${keeper} keeps no earlier items, and cannot look up what the request refers to. Send the items themselves: set \`store\` to false and ask for \`reasoning.encrypted_content\`.`,
    { param: "input" },
  );
}
