/**
 * How a stream that can not be completed ends, per cause and protocol: one table of type, code and words.
 *
 * Coding agents decide by these whether they send the request again. The rules, read from the agents' bundles in November
 * 2026: Claude Code and Anthropic's AI SDK repeat `overloaded_error`; OpenCode and pi repeat on words such as "connection
 * lost" or "provider returned error", Cline on the latter alone; OpenAI's AI SDK derives a status from code and type
 * (none: 500, which is repeated); Codex CLI reads `response.failed` alone and repeats it unless its code is one of five.
 * So a stream that *broke* says all of these, and a *refusal* none of them. `tests/support/agent-rules.ts` holds the rules.
 */
import type { JsonObject } from "../json.ts";
import type { Protocol } from "./protocol.ts";

/** Why a stream ends without the provider's own last event. */
export type StreamBreak =
  | "ended_early"
  | "broke_off"
  | "no_stop_reason"
  | "silent"
  | "too_large"
  | "shutting_down";

/** An error that ends a stream, before the protocol gives it a shape. */
export interface StreamFailure {
  readonly code: string;
  readonly message: string;
  /** True where the client should send the request again; false for a refusal that a repetition would meet again. */
  readonly retryable: boolean;
  /** The system's code for a connection that is lost in this way. */
  readonly system?: "ECONNRESET" | "ETIMEDOUT" | undefined;
  /** The provider's own type, kept where no client takes it for a temporary error. */
  readonly type?: string | undefined;
  readonly param?: string | undefined;
  /** Further facts of the error object that OpenAI's clients read (`resets_at`, `plan_type`). */
  readonly extra?: JsonObject | undefined;
}

/** What is known of the client's stream when it ends. */
export interface StreamFacts {
  /** The id that Kleis gave the request. */
  readonly requestId?: string | undefined;
  /** The model that the client asked for. */
  readonly model?: string | undefined;
  /** The id of the response that had begun (`responses`). */
  readonly responseId?: string | undefined;
  /** True where the client has had events of the provider's. */
  readonly begun: boolean;
}

const CODE = {
  ended_early: "upstream_stream_incomplete",
  broke_off: "upstream_stream_incomplete",
  no_stop_reason: "upstream_stream_incomplete",
  too_large: "upstream_stream_incomplete",
  silent: "upstream_timeout",
  shutting_down: "shutting_down",
} as const satisfies Record<StreamBreak, string>;

const WORDS: Record<StreamBreak, (detail: string) => string> = {
  ended_early: () => "the provider's stream ended without its last event",
  broke_off: () => "the connection to the provider broke before the answer was complete",
  no_stop_reason: () => "the provider ended its stream without a stop reason",
  too_large: (reason) => reason,
  silent: (seconds) => `the provider sent nothing for ${seconds} seconds`,
  shutting_down: () => "Kleis is shutting down (service unavailable)",
};

/** The failure of a stream that broke. `detail`: the seconds of a silence, the reason of `too_large`. */
export function broken<C extends StreamBreak>(
  cause: C,
  detail: string | number = "",
): StreamFailure & { readonly code: (typeof CODE)[C] } {
  const message = `Connection lost: ${WORDS[cause](String(detail))}. Send the request again.`;
  return {
    code: CODE[cause],
    message,
    retryable: true,
    system: cause === "silent" ? "ETIMEDOUT" : "ECONNRESET",
  };
}

/** Words, codes and types that make an agent repeat a request by themselves. */
const REPEATED =
  /overload|returned.?error|rate.?limit|too.?many.?requests|rate increased|429|50[0234]|524|unavailable|exhausted|capacity|(server|internal|network|connection|websocket).?error|connection.?(refused|lost|closed)|socket|other side closed|fetch|upstream.?connect|reset before|ended without|http2|time(d| )?.?out|timeout|terminated|retry|try again|try your request|ECONN|ENOTFOUND|EAI_AGAIN/i;

/** True where an agent would take these words for a temporary error. */
export function soundsTemporary(words: string): boolean {
  return REPEATED.test(words);
}

/** Types that no client repeats, in every protocol. */
const FINAL_TYPES = new Set([
  "invalid_request_error",
  "authentication_error",
  "permission_error",
  "not_found_error",
]);

/** Further ones that only Anthropic's clients know. */
const FINAL_TYPES_MESSAGES = new Set([...FINAL_TYPES, "billing_error", "request_too_large"]);

/** The codes on which Codex CLI gives up; every other one it repeats, `usage_limit_reached` included (0.169). */
const CODEX_GIVES_UP = new Set([
  "insufficient_quota",
  "usage_not_included",
  "context_length_exceeded",
  "invalid_prompt",
  "server_is_overloaded",
  "cyber_policy",
  "bio_policy",
]);

/** Where none of those fits: the one whose message Codex CLI shows as it stands. */
const CODEX_SHOWS_WORDS = "invalid_prompt";

/** The words by which OpenCode, pi and Cline alike repeat. */
const REPEAT_WORDS = "provider returned error";

function messageOf({ retryable, message }: StreamFailure): string {
  return !retryable || message.toLowerCase().includes(REPEAT_WORDS)
    ? message
    : `${message} (${REPEAT_WORDS})`;
}

const TYPE_AGAIN: Record<Protocol, string> = {
  messages: "overloaded_error",
  chat: "server_error",
  responses: "server_error",
};

function typeOf(protocol: Protocol, { retryable, type = "" }: StreamFailure): string {
  if (retryable) return TYPE_AGAIN[protocol];
  const final = protocol === "messages" ? FINAL_TYPES_MESSAGES : FINAL_TYPES;
  return final.has(type) ? type : "invalid_request_error";
}

/** Parts of names from which OpenAI's AI SDK derives a 4xx, which is not repeated. */
const READ_AS_CLIENT_ERROR = /invalid|bad_request|context_length|authentication|permission|not_found/i;

/** A name in which no client reads a temporary error for a refusal, nor a lasting one for what should be repeated. */
function codeOf({ retryable, code }: StreamFailure): string {
  if (retryable) return READ_AS_CLIENT_ERROR.test(code) ? "upstream_error" : code;
  return soundsTemporary(code) || code === "insufficient_quota" ? "usage_limit_reached" : code;
}

/** The code of `response.failed`: what is worth a repetition never has one on which Codex CLI gives up. */
function failedCode({ retryable, code }: StreamFailure): string {
  if (retryable) return CODEX_GIVES_UP.has(code) ? "server_error" : code;
  return CODEX_GIVES_UP.has(code) ? code : CODEX_SHOWS_WORDS;
}

/**
 * The events that end a stream, as text with their blank lines: on `messages` and `chat` one error event; on `responses`
 * `error`, which the SDKs read, and then `response.failed`, which Codex CLI reads.
 */
export function failureEvents(protocol: Protocol, failure: StreamFailure, facts: StreamFacts): string {
  switch (protocol) {
    case "messages":
      return messagesEvents(failure, facts);
    case "chat":
      return `data: ${JSON.stringify({ error: openaiError(protocol, failure) })}\n\n`;
    case "responses":
      return responsesError(failure) + failedEvent(failure, facts);
  }
}

/** A refusal follows a begun message: an error as the first event is repeated by the AI SDK's users, whatever it says. */
function messagesEvents(failure: StreamFailure, { requestId, model, begun }: StreamFacts): string {
  const { retryable } = failure;
  const error = { type: typeOf("messages", failure), message: messageOf(failure), code: codeOf(failure) };
  // Digits of a random id may read like a status to clients that go by words.
  const id = retryable && requestId !== undefined ? { request_id: requestId } : {};
  const event = named({ type: "error", error, ...id });
  return retryable || begun ? event : emptyMessage(model) + event;
}

function emptyMessage(model = ""): string {
  return named({
    type: "message_start",
    message: {
      id: "msg_kleis",
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 0, output_tokens: 0 },
    },
  });
}

function openaiError(protocol: "chat" | "responses", failure: StreamFailure): JsonObject {
  const { param = null, extra } = failure;
  return {
    message: messageOf(failure),
    type: typeOf(protocol, failure),
    param,
    code: codeOf(failure),
    ...extra,
  };
}

/**
 * Codes that OpenAI itself gives to what passes in a moment. Qwen Code repeats no other, and behind the first text only
 * the system's codes for a lost connection.
 */
const OPENAI_AGAIN = new Set(["server_error", "rate_limit_exceeded"]);

/** The facts both nested and flat: OpenAI's SDK throws on the nested form, older AI SDKs read the flat one. */
function responsesError(failure: StreamFailure): string {
  const error = openaiError("responses", failure);
  const { code, message, param } = error;
  const { retryable, system } = failure;
  if (retryable) error.code = system ?? (OPENAI_AGAIN.has(String(code)) ? code : "server_error");
  return named({ type: "error", sequence_number: 0, code, message, param, error });
}

/** The last event of a `responses` stream that failed. */
export function failedEvent(
  failure: StreamFailure,
  { responseId = "resp_kleis", model }: Partial<StreamFacts>,
): string {
  const error = { code: failedCode(failure), message: failure.message, ...failure.extra };
  const response = {
    id: responseId,
    object: "response",
    status: "failed",
    ...(model === undefined ? {} : { model }),
    output: [],
    incomplete_details: null,
    error,
  };
  return named({ type: "response.failed", sequence_number: 1, response });
}

function named(event: JsonObject): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
