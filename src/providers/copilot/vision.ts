/** Whether a request holds an image anywhere, its history included (providers/copilot.md §3.4). */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Operation } from "../../protocols/protocol.ts";

/** The members of a Responses input item that may be lists of parts: a message's content, a tool's output. */
export const PART_LISTS = ["content", "output"] as const;

/** True when `Copilot-Vision-Request` must be sent. Documents and files are not images. */
export function hasImage(operation: Operation, body: JsonObject): boolean {
  switch (operation) {
    case "chat":
      return some(body.messages, (message) => some(message.content, ofType("image_url")));
    case "responses":
      return some(body.input, (item) => PART_LISTS.some((name) => some(item[name], ofType("input_image"))));
    case "messages":
    case "count_tokens":
      return some(body.messages, (message) => some(message.content, isImageBlock));
  }
}

function isImageBlock(block: JsonObject): boolean {
  if (block.type === "image") return true;
  return block.type === "tool_result" && some(block.content, ofType("image"));
}

function ofType(type: string): (part: JsonObject) => boolean {
  return (part) => part.type === type;
}

function some(list: Json | undefined, test: (item: JsonObject) => boolean): boolean {
  return Array.isArray(list) && list.some((item) => isObject(item) && test(item));
}
