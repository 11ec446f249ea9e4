/** What the vendors' own parsers make of a stream's bytes. */
import { Stream as AnthropicStream } from "@anthropic-ai/sdk/core/streaming";
import { APIError as AnthropicError } from "@anthropic-ai/sdk/error";
import { Stream as OpenAIStream } from "openai/core/streaming";
import { APIError as OpenAIError } from "openai/error";
import { isObject, type JsonObject } from "../../../src/json.ts";
import type { StreamProtocol } from "./ways.ts";
import { dataObject, endingOf, readEvents } from "./wire.ts";

export interface Parsed {
  /** The events that the SDK hands on, in order. */
  readonly events: unknown[];
  /** What it throws in the end; null when it takes the answer for whole. */
  readonly error: unknown;
}

/** Reads the bytes with the protocol's own SDK: OpenAI's for `chat` and `responses`, Anthropic's for `messages`. */
export async function parse(protocol: StreamProtocol, bytes: Uint8Array): Promise<Parsed> {
  const response = new Response(new Uint8Array(bytes), { headers: { "content-type": "text/event-stream" } });
  const stream: AsyncIterable<unknown> =
    protocol === "messages"
      ? AnthropicStream.fromSSEResponse<unknown>(response, new AbortController())
      : OpenAIStream.fromSSEResponse<unknown>(response, new AbortController());
  const events: unknown[] = [];
  try {
    for await (const event of stream) events.push(event);
    return { events, error: null };
  } catch (error) {
    return { events, error };
  }
}

/** The events that the SDK must hand on of these bytes, and the error object that must make it throw, if any. */
export function wanted(
  protocol: StreamProtocol,
  bytes: Uint8Array,
): { events: JsonObject[]; error: JsonObject | null } {
  const events: JsonObject[] = [];
  for (const event of readEvents(bytes).events) {
    const value = dataObject(event.data);
    if (value === null) continue;
    if (protocol === "messages" && (event.event === null || event.event === "ping")) continue;
    const throws = endingOf(protocol, event) === "error" && value.type !== "response.failed";
    if (throws && (event.event === "error" || isObject(value.error)))
      return { events, error: isObject(value.error) ? value.error : value };
    events.push(value);
  }
  return { events, error: null };
}

/** The class that the SDK must throw for an error inside a stream, with the words of the event. */
export function isErrorOf(protocol: StreamProtocol, error: unknown, told: JsonObject): boolean {
  if (protocol === "messages")
    return error instanceof AnthropicError && error.status === undefined && error.type === told.type;
  return (
    error instanceof OpenAIError &&
    error.status === undefined &&
    error.message === told.message &&
    error.code === told.code
  );
}
