/** A Messages stream as its documentation describes it (providers/claude.md §3.3): checked, and collected into a message. */
import { isObject, type JsonObject } from "../../../../src/json.ts";
import { splitStream } from "./streams.ts";

/** The data of each event; a comment has none. */
export function messagesEvents(text: string): JsonObject[] {
  return splitStream(text).flatMap((event) => {
    const data = /^data: (.*)$/m.exec(event)?.[1];
    return data === undefined ? [] : [JSON.parse(data) as JsonObject];
  });
}

/** What is wrong with a stream: order, indexes, blocks, one terminal event. */
export function messagesStreamFaults(text: string): string[] {
  const faults: string[] = [];
  let open: { index: number; type: unknown } | undefined;
  let next = 0;
  let hasStarted = false;
  let hasReason = false;
  let ended: string | undefined;
  for (const event of splitStream(text)) {
    const name = /^event: (.*)$/m.exec(event)?.[1];
    const value = messagesEvents(event)[0];
    if (value === undefined) continue;
    const type = String(value.type);
    if (name !== type) faults.push(`named ${name}, is ${type}`);
    if (ended !== undefined) faults.push(`${type} after ${ended}`);
    if (!hasStarted && type !== "message_start" && type !== "error")
      faults.push(`${type} before message_start`);
    switch (type) {
      case "message_start":
        if (hasStarted) faults.push("a second message_start");
        hasStarted = true;
        break;
      case "content_block_start":
        if (open !== undefined) faults.push("two blocks open");
        if (value.index !== next) faults.push(`index ${value.index}, expected ${next}`);
        open = { index: next++, type: isObject(value.content_block) ? value.content_block.type : undefined };
        break;
      case "content_block_delta":
        if (open?.index !== value.index) faults.push("a delta of a block that is not open");
        if (!fits(open?.type, value.delta)) faults.push(`a delta that does not fit ${open?.type}`);
        break;
      case "content_block_stop":
        if (open?.index !== value.index) faults.push("a stop of a block that is not open");
        open = undefined;
        break;
      case "message_delta":
        if (open !== undefined) faults.push("message_delta with an open block");
        hasReason = isObject(value.delta) && typeof value.delta.stop_reason === "string";
        break;
      case "message_stop":
        if (!hasReason) faults.push("message_stop without a reason");
        ended = type;
        break;
      case "error":
        ended = type;
    }
  }
  if (ended === undefined) faults.push("no end");
  return faults;
}

const DELTAS: Record<string, string[]> = {
  text: ["text_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
  server_tool_use: ["input_json_delta"],
};

function fits(type: unknown, delta: unknown): boolean {
  return isObject(delta) && (DELTAS[String(type)] ?? []).includes(String(delta.type));
}

/** The message that a client puts together; a call's input is parsed, or kept as `_raw` where it is no object. */
export function collectMessage(text: string): JsonObject {
  let message: JsonObject = {};
  const blocks: JsonObject[] = [];
  const inputs = new Map<number, string>();
  for (const event of messagesEvents(text)) {
    const index = Number(event.index);
    if (event.type === "message_start" && isObject(event.message)) message = event.message;
    if (event.type === "content_block_start" && isObject(event.content_block))
      blocks[index] = event.content_block;
    if (event.type === "message_delta" && isObject(event.delta))
      message = { ...message, ...event.delta, usage: event.usage ?? null };
    const block = blocks[index];
    const { delta } = event;
    if (block === undefined || !isObject(delta)) continue;
    if (typeof delta.text === "string") block.text = `${block.text}${delta.text}`;
    if (typeof delta.thinking === "string") block.thinking = `${block.thinking}${delta.thinking}`;
    if (typeof delta.signature === "string") block.signature = delta.signature;
    if (typeof delta.partial_json === "string")
      inputs.set(index, (inputs.get(index) ?? "") + delta.partial_json);
  }
  for (const [index, input] of inputs) {
    const value: unknown = JSON.parse(input);
    (blocks[index] as JsonObject).input = isObject(value) ? value : { _raw: value as string };
  }
  return { ...message, content: blocks };
}
