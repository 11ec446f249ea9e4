/** Whether a request can be sent with another account: not where it refers to something that only one account has. */
import { isObject, type Json, type JsonObject, text } from "../json.ts";
import type { Protocol } from "./protocol.ts";

export function isMovable(protocol: Protocol, body: JsonObject): boolean {
  return CHECKS[protocol](body);
}

const CHECKS: Readonly<Record<Protocol, (body: JsonObject) => boolean>> = {
  responses: ({ previous_response_id: previous, conversation, input }) =>
    (previous ?? null) === null && (conversation ?? null) === null && !listOf(input).some(isBoundItem),
  messages: ({ container, messages }) =>
    (container ?? null) === null &&
    !contentsOf(messages).some((block) => isFile(block) || holdsFile(block.content)),
  chat: ({ messages }) => !contentsOf(messages).some(isFile),
};

/** A compaction and an agent's sealed message are the conversation itself, and only their own account can read them. */
function isBoundItem(item: Json): boolean {
  if (!isObject(item)) return false;
  if (item.type === "compaction" || item.type === "item_reference") return true;
  if (item.type === "agent_message") return text(item.encrypted_content) !== undefined;
  return [item.content, item.output].some(holdsFile);
}

function contentsOf(messages: Json | undefined): JsonObject[] {
  return listOf(messages).flatMap((message) =>
    isObject(message) ? listOf(message.content).filter(isObject) : [],
  );
}

function holdsFile(content: Json | undefined): boolean {
  return listOf(content).some((part) => isObject(part) && isFile(part));
}

/** A part that names an uploaded file. */
function isFile({ source, file, file_id: fileId }: JsonObject): boolean {
  return [fileId, idOf(source), idOf(file)].some((id) => text(id) !== undefined);
}

function idOf(value: Json | undefined): Json | undefined {
  return isObject(value) ? value.file_id : undefined;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
