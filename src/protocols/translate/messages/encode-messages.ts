/**
 * Items as messages in the shape that Anthropic takes: user first, roles alternate, all results of a turn first in the
 * next user message, role `system` only where it is allowed, nothing blank.
 */
import type { JsonObject } from "../../../json.ts";
import type { Losses } from "../losses.ts";
import type { Item, TextPart } from "../model.ts";
import { isOfAssistant, pairCalls } from "../tools/turns.ts";
import type { MessagesTraits } from "../traits.ts";
import type { BlockWriter } from "./encode-blocks.ts";

export interface WrittenMessage {
  readonly role: "user" | "assistant" | "system";
  readonly content: JsonObject[];
}

/** What the user says where the protocol wants a message and there is none. */
const CONTINUE = "Continue.";

export interface ConversationRules {
  readonly blocks: BlockWriter;
  readonly losses: Losses;
  readonly developerText: MessagesTraits["developerText"];
  /** True where the assistant's message may be the last. */
  readonly prefill: boolean;
}

/**
 * Writes the conversation. Where no user says anything the last system block becomes the user's message: it is taken off
 * `system`.
 */
export function encodeConversation(
  items: readonly Item[],
  system: TextPart[],
  rules: ConversationRules,
): WrittenMessage[] {
  const { blocks, losses } = rules;
  const paired = pairCalls(items);
  losses.list.push(...paired.losses.list);
  const messages: WrittenMessage[] = [];
  for (let at = 0; at < paired.items.length; ) {
    const turn = takeRun(paired.items, at, true);
    const rest = takeRun(paired.items, at + turn.length, false);
    at += turn.length + rest.length;
    const content = encodeTurn(turn, blocks);
    if (content.length > 0) messages.push({ role: "assistant", content });
    messages.push(...encodeUserRun(rest, rules));
  }
  if (messages.length === 0) startWithSystem(messages, system, losses);
  if (messages[0]?.role !== "user") addUser(messages, 0, losses);
  const last = messages.at(-1);
  if (last?.role !== "assistant") return messages;
  if (rules.prefill) trimEnd(last);
  else addUser(messages, messages.length, losses);
  return messages;
}

function takeRun(items: readonly Item[], from: number, ofAssistant: boolean): Item[] {
  let end = from;
  for (let item = items[end]; item !== undefined && isOfAssistant(item) === ofAssistant; item = items[end])
    end++;
  return items.slice(from, end);
}

/** The assistant's turn: texts before the calls that stood between them, but never across thinking. */
function encodeTurn(turn: readonly Item[], blocks: BlockWriter): JsonObject[] {
  const content: JsonObject[] = [];
  let calls: JsonObject[] = [];
  for (const item of turn) {
    switch (item.type) {
      case "call":
        calls.push(blocks.call(item));
        break;
      case "reasoning":
        content.push(...calls, ...blocks.reasoning(item));
        calls = [];
        break;
      case "message":
        content.push(...blocks.parts(item.parts));
        break;
      case "search":
        content.push(blocks.search(item));
        break;
    }
  }
  return [...content, ...calls];
}

/** What stands between two turns of the assistant: results, the user's words, and the developer's after them. */
function encodeUserRun(run: readonly Item[], rules: ConversationRules): WrittenMessage[] {
  const { blocks, losses, developerText } = rules;
  const user: JsonObject[] = [];
  const developer: JsonObject[] = [];
  for (const item of run) {
    if (item.type === "result") user.push(blocks.result(item));
    else if (item.type !== "message") continue;
    else if (item.role !== "developer") {
      if (developer.length > 0) losses.change(item.at, "moved:system");
      user.push(...blocks.parts(item.parts));
    } else if (developerText === "message") developer.push(...blocks.parts(item.parts));
    else {
      losses.change(item.at, "moved:system");
      user.push(...blocks.reminders(item.parts));
    }
  }
  // A system message has to follow one of the user.
  if (user.length === 0 && developer.length > 0) {
    losses.change(run[0]?.at ?? "", "moved:system");
    user.push(...developer.splice(-1));
  }
  const messages: WrittenMessage[] = [];
  if (user.length > 0) messages.push({ role: "user", content: user });
  if (developer.length > 0) messages.push({ role: "system", content: developer });
  return messages;
}

function startWithSystem(messages: WrittenMessage[], system: TextPart[], losses: Losses): void {
  const last = system.pop();
  if (last === undefined) return;
  losses.change(last.at, "moved:system");
  messages.push({ role: "user", content: [{ type: "text", text: last.text }] });
}

function addUser(messages: WrittenMessage[], index: number, losses: Losses): void {
  losses.change("", "added:user-turn");
  messages.splice(index, 0, { role: "user", content: [{ type: "text", text: CONTINUE }] });
}

/** A response that the model goes on with must not end with white space. */
function trimEnd({ content }: WrittenMessage): void {
  const last = content.at(-1);
  if (typeof last?.text === "string") last.text = last.text.trimEnd();
}
