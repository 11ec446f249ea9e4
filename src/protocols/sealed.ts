/**
 * Reasoning that a provider has sealed for itself: encrypted content, signatures, opaque texts. Another account or backend
 * cannot read it and refuses the request; without it the conversation goes on, minus the reasoning.
 */
import { isObject, type Json, type JsonObject, text } from "../json.ts";
import type { Change, Edit, Path } from "./body.ts";
import type { Protocol } from "./protocol.ts";

/** Words of that refusal (2026-08; providers/codex.md §2.2, providers/copilot.md §4.2, providers/claude.md §3.1). */
const REFUSALS: Readonly<Record<Protocol, RegExp>> = {
  responses: /invalid_encrypted_content|encrypted[ _]content/i,
  messages:
    /invalid\W{0,4}signature|redacted_thinking|signature\W{0,4}(?:in|of|for|is)\b[^"]{0,60}thinking|thinking[^"]{0,80}signature/i,
  chat: /reasoning_opaque|invalid_encrypted_content|invalid\W{0,4}signature/i,
};

/** True where the request carries sealed reasoning, without which it could be sent again. */
export function holdsSealed(protocol: Protocol, body: JsonObject): boolean {
  return UNSEALING[protocol](body).length > 0;
}

/** The edits that remove it. */
export function unsealingEdits(protocol: Protocol, body: JsonObject, change: Change): Edit[] {
  return UNSEALING[protocol](body).map((path) => ({ change, op: "remove", path }));
}

/** True for the text of a 400 that refuses reasoning sealed elsewhere. */
export function isSealRefusal(protocol: Protocol, refusal: string): boolean {
  return REFUSALS[protocol].test(refusal);
}

/** The paths of sealed reasoning, and of what may only stand beside it. */
const UNSEALING: Readonly<Record<Protocol, (body: JsonObject) => Path[]>> = {
  responses: ({ input }) => placesOf(listOf(input), isSealedItem).map((at) => ["input", at]),
  messages: ({ messages }) =>
    listOf(messages).flatMap((message, index): Path[] => {
      const content = isObject(message) ? listOf(message.content) : [];
      const sealed = placesOf(content, isThinking);
      // A message without content would be refused.
      if (sealed.length > 0 && sealed.length === content.length) return [["messages", index]];
      return sealed.map((at) => ["messages", index, "content", at]);
    }),
  chat: ({ messages }) =>
    listOf(messages).flatMap((message, index): Path[] =>
      isObject(message) && text(message.reasoning_opaque) !== undefined
        ? ["reasoning_opaque", "reasoning_text"]
            .filter((name) => message[name] !== undefined)
            .map((name) => ["messages", index, name])
        : [],
    ),
};

/** A compaction is sealed as well, but it is the conversation and not reasoning: it stays. */
function isSealedItem(item: Json): boolean {
  return isObject(item) && item.type === "reasoning" && text(item.encrypted_content) !== undefined;
}

function isThinking(block: Json): boolean {
  return isObject(block) && (block.type === "thinking" || block.type === "redacted_thinking");
}

function placesOf(list: readonly Json[], test: (entry: Json) => boolean): number[] {
  return list.flatMap((entry, at) => (test(entry) ? [at] : []));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
