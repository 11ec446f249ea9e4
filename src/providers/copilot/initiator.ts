/**
 * Who began a request: a human turn or an agent's follow-up, read off the last item only (providers/copilot.md §3.3).
 * In doubt it is the user: counting a human turn as an agent's would be taking what was not paid for.
 */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Operation } from "../../protocols/protocol.ts";
import { REMINDER, TOOL_MEDIA_LEAD } from "./profile.ts";

export type Initiator = "user" | "agent";

/** The value of `x-initiator`: the client's own word when it is exactly `user` or `agent`, else derived. */
export function initiatorOf(operation: Operation, body: JsonObject, headers: Headers): Initiator {
  const stated = headers.get("x-initiator");
  // The client knows what a proxy can not see: compaction, titles, sub-agents.
  if (stated === "user" || stated === "agent") return stated;
  const list = operation === "responses" ? body.input : body.messages;
  if (!Array.isArray(list) || list.length === 0) return "user";
  const last = list[list.length - 1];
  if (!isObject(last) || last.role !== "user") return "agent";
  if (isToolMedia(last.content)) return "agent";
  const anthropic = operation === "messages" || operation === "count_tokens";
  return anthropic && isToolResult(last.content) ? "agent" : "user";
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
