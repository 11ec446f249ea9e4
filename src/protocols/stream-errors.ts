/**
 * How a stream that cannot be completed ends, per cause and protocol: type, code and message.
 *
 * Coding agents decide by these whether to retry. The rules, read from the agents' bundles in November 2026: Claude Code
 * and Anthropic's AI SDK retry `overloaded_error`; OpenCode and pi retry on words such as "connection lost" or "provider
 * returned error", Cline on the latter alone; OpenAI's AI SDK derives a status from code and type (none: 500, which is
 * retried); Codex CLI reads `response.failed` alone and retries it unless its code is one of a few. So a stream that *broke*
 * has all of these, and a *refusal* none of them. `tests/support/agent-rules.ts` holds the rules.
 */
import type { JsonObject } from "../json.ts";
import type { Protocol } from "./protocol.ts";

/** Why a stream ends without the provider's own last event. */
export type StreamBreak =
  | "ended_early"
  | "broke_off"
  | "no_stop_reason"
  | "idle"
  | "too_large"
  | "shutting_down";

/** An error that ends a stream, before the protocol gives it a shape. */
export interface StreamFailure {
  readonly code: string;
  readonly message: string;
  /** True where a retry may succeed; false for a refusal that a retry would meet again. */
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
  /** True where the client has received events of the provider's. */
  readonly begun: boolean;
}

const CODE = {
  ended_early: "upstream_stream_incomplete",
  broke_off: "upstream_stream_incomplete",
  no_stop_reason: "upstream_stream_incomplete",
  too_large: "upstream_stream_incomplete",
  idle: "upstream_timeout",
  shutting_down: "shutting_down",
} as const satisfies Record<StreamBreak, string>;

const MESSAGES: Record<StreamBreak, (detail: string) => string> = {
  ended_early: () => "the provider's stream ended without its last event",
  broke_off: () => "the connection to the provider broke before the response was complete",
  no_stop_reason: () => "the provider ended its stream without a stop reason",
  too_large: (reason) => reason,
  idle: (seconds) => `the provider sent nothing for ${seconds} seconds`,
  shutting_down: () => "Kleis is shutting down (service unavailable)",
};

/** The failure of a stream that broke. `detail`: the seconds of `idle`, the reason of `too_large`. */
export function brokenStream<C extends StreamBreak>(
  cause: C,
  detail: string | number = "",
): StreamFailure & { readonly code: (typeof CODE)[C] } {
  const message = `Connection lost: ${MESSAGES[cause](String(detail))}. Send the request again.`;
  return {
    code: CODE[cause],
    message,
    retryable: true,
    system: cause === "idle" ? "ETIMEDOUT" : "ECONNRESET",
  };
}

/** Words, codes and types on which alone an agent retries. */
const RETRIED =
  /overload|returned.?error|rate.?limit|too.?many.?requests|rate increased|429|50[0234]|524|unavailable|exhausted|capacity|(server|internal|network|connection|websocket).?error|connection.?(refused|lost|closed)|socket|other side closed|fetch|upstream.?connect|reset before|ended without|http2|time(d| )?.?out|timeout|terminated|retry|try again|try your request|ECONN|ENOTFOUND|EAI_AGAIN/i;

/** True where an agent would take these words for a temporary error. */
export function soundsTemporary(words: string): boolean {
  return RETRIED.test(words);
}

/** Types that no client retries, in any protocol. */
const FINAL_TYPES = new Set([
  "invalid_request_error",
  "authentication_error",
  "permission_error",
  "not_found_error",
]);

/** Further ones that only Anthropic's clients know. */
const FINAL_TYPES_MESSAGES = new Set([...FINAL_TYPES, "billing_error", "request_too_large"]);

/** The codes that Codex CLI does not retry; every other one it does, `usage_limit_reached` included (0.169). */
const FINAL_CODES_RESPONSES = new Set([
  "insufficient_quota",
  "usage_not_included",
  "context_length_exceeded",
  "invalid_prompt",
  "server_is_overloaded",
  "cyber_policy",
  "bio_policy",
]);

/** Where none of those fits: the one whose message Codex CLI shows unchanged. */
const SHOWN_CODE = "invalid_prompt";

/** The words on which OpenCode, pi and Cline alike retry. */
const RETRY_WORDS = "provider returned error";

function messageOf({ retryable, message }: StreamFailure): string {
  return !retryable || message.toLowerCase().includes(RETRY_WORDS) ? message : `${message} (${RETRY_WORDS})`;
}

const RETRYABLE_TYPE: Record<Protocol, string> = {
  messages: "overloaded_error",
  chat: "server_error",
  responses: "server_error",
};

function typeOf(protocol: Protocol, { retryable, type = "" }: StreamFailure): string {
  if (retryable) return RETRYABLE_TYPE[protocol];
  const final = protocol === "messages" ? FINAL_TYPES_MESSAGES : FINAL_TYPES;
  return final.has(type) ? type : "invalid_request_error";
}

/** Parts of names from which OpenAI's AI SDK derives a 4xx, which it does not retry. */
const READ_AS_CLIENT_ERROR = /invalid|bad_request|context_length|authentication|permission|not_found/i;

/** A code that no client takes for a temporary error where it is a refusal, nor for a lasting one where it may be retried. */
function codeOf({ retryable, code }: StreamFailure): string {
  if (retryable) return READ_AS_CLIENT_ERROR.test(code) ? "upstream_error" : code;
  return soundsTemporary(code) || code === "insufficient_quota" ? "usage_limit_reached" : code;
}

/** The code of `response.failed`: a retryable failure never has one that Codex CLI does not retry. */
function failedCode({ retryable, code }: StreamFailure): string {
  if (retryable) return FINAL_CODES_RESPONSES.has(code) ? "server_error" : code;
  return FINAL_CODES_RESPONSES.has(code) ? code : SHOWN_CODE;
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
      return `data: ${JSON.stringify({ error: errorObject(protocol, failure) })}\n\n`;
    case "responses":
      return responsesError(failure) + failedEvent(failure, facts);
  }
}

/** A refusal follows a begun message: AI SDK users retry an error that is the first event, whatever it says. */
function messagesEvents(failure: StreamFailure, { requestId, model, begun }: StreamFacts): string {
  const { retryable } = failure;
  const error = { type: typeOf("messages", failure), message: messageOf(failure), code: codeOf(failure) };
  // Clients that search the text may take digits of a random id for a status.
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

function errorObject(protocol: "chat" | "responses", failure: StreamFailure): JsonObject {
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
 * OpenAI's own codes for temporary errors. Qwen Code retries no others, and after the first text only the system's codes for
 * a lost connection.
 */
const RETRYABLE_CODES = new Set(["server_error", "rate_limit_exceeded"]);

/** The error both nested and flat: OpenAI's SDK throws on the nested form, older AI SDKs read the flat one. */
function responsesError(failure: StreamFailure): string {
  const error = errorObject("responses", failure);
  const { code, message, param } = error;
  const { retryable, system } = failure;
  if (retryable) error.code = system ?? (RETRYABLE_CODES.has(String(code)) ? code : "server_error");
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
