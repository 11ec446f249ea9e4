/**
 * Who began a request: a human turn, or an agent by itself. The client's own marks count first; then the last item alone
 * tells (providers/copilot.md §3.3).
 * In doubt it is the user: counting a human turn as an agent's would be taking what was not paid for.
 */
import { isObject, type Json, type JsonObject, text } from "../../json.ts";
import type { Operation } from "../../protocols/protocol.ts";
import { AGENT_MARKS, AGENT_PROMPTS, HEADERS, REMINDER, TOOL_MEDIA_LEAD } from "./profile.ts";

export type Initiator = "user" | "agent";

/** The value of `x-initiator`: the client's own word when it is exactly `user` or `agent`, else by its marks, else derived. */
export function initiatorOf(operation: Operation, body: JsonObject, headers: Headers): Initiator {
  const stated = headers.get(HEADERS.initiator);
  // The client knows what a proxy cannot see: compaction, titles, sub-agents.
  if (stated === "user" || stated === "agent") return stated;
  if (isMarked((name) => headers.get(name))) return "agent";
  const { client_metadata: metadata } = body;
  if (isObject(metadata) && isMarked((name) => text(metadata[name]))) return "agent";
  const list = operation === "responses" ? body.input : body.messages;
  if (isAgentPrompt(body, list)) return "agent";
  if (!Array.isArray(list) || list.length === 0) return "user";
  const last = list[list.length - 1];
  if (!isObject(last) || last.role !== "user") return "agent";
  if (isToolMedia(last.content)) return "agent";
  const anthropic = operation === "messages" || operation === "count_tokens";
  return anthropic && isToolResult(last.content) ? "agent" : "user";
}

function isMarked(read: (name: string) => string | null | undefined): boolean {
  return AGENT_MARKS.some(({ name, value }) => value.test(read(name) ?? ""));
}

/** True where an agent's own prompt asks for a title or a compaction. */
function isAgentPrompt(body: JsonObject, list: Json | undefined): boolean {
  const items = Array.isArray(list) ? list : [list ?? null];
  const [first, last] = [items[0], items.at(-1)];
  const opening = isObject(first) && first.role !== "user" ? first.content : undefined;
  const prompts = [body.instructions, body.system, opening].map(beginningOf);
  const closing = beginningOf(isObject(last) ? last.content : last);
  return (
    prompts.some((prompt) => AGENT_PROMPTS.system.some((known) => known.test(prompt))) ||
    AGENT_PROMPTS.last.some((known) => known.test(closing))
  );
}

/** How a text, or the first part of a content that is one, begins. */
function beginningOf(content: Json | undefined): string {
  const parts: readonly Json[] = Array.isArray(content) ? content : [content ?? ""];
  const texts = parts.map((part) => (isObject(part) ? text(part.text) : text(part)));
  return (
    texts
      .find((each) => each !== undefined)
      ?.slice(0, 2000)
      .trimStart() ?? ""
  );
}

/** OpenCode's synthetic user message that carries a tool's images. */
function isToolMedia(content: Json | undefined): boolean {
  if (content === TOOL_MEDIA_LEAD) return true;
  return Array.isArray(content) && content.some((part) => isObject(part) && part.text === TOOL_MEDIA_LEAD);
}

/** Tool results and nothing a human wrote beside them; Claude Code's reminders do not count as written. */
function isToolResult(content: Json | undefined): boolean {
  if (!Array.isArray(content)) return false;
  const others = content.filter((block) => !isObject(block) || block.type !== "tool_result");
  return others.length < content.length && others.every(isReminder);
}

function isReminder(block: Json): boolean {
  if (!isObject(block) || block.type !== "text" || typeof block.text !== "string") return false;
  return block.text.trimStart().startsWith(REMINDER);
}
