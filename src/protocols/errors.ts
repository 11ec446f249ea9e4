/** The error shape of each protocol: as a JSON body, and as the event that ends a broken stream. */
import { isObject, type JsonObject, text } from "../json.ts";
import type { Protocol } from "./protocol.ts";

/** An error before it has a shape. */
export interface ErrorFacts {
  code: string;
  message: string;
  status: number;
  param?: string | undefined;
  /** Overrides the OpenAI-shaped `type`. */
  type?: string | undefined;
  /** Extra members of the OpenAI-shaped error object. */
  extra?: Record<string, string | number | boolean | null> | undefined;
  /** The `details` of the Anthropic-shaped error object. */
  details?: Record<string, string | string[]> | undefined;
}

const ANTHROPIC_TYPE: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const OPENAI_TYPE: Record<number, string> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

/** Anthropic's `error.type` for a status (providers/claude.md §3.4). */
export function anthropicErrorType(status: number): string {
  return ANTHROPIC_TYPE[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

function openaiErrorType(status: number): string {
  return OPENAI_TYPE[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
}

/** The body of an error answer in the shape of the protocol that was called. */
export function errorBody(protocol: Protocol, error: ErrorFacts, requestId?: string): JsonObject {
  if (protocol === "messages") {
    return {
      type: "error",
      error: {
        type: anthropicErrorType(error.status),
        message: error.message,
        code: error.code,
        ...(error.details === undefined ? {} : { details: error.details }),
      },
      ...(requestId === undefined ? {} : { request_id: requestId }),
    };
  }
  return { error: openaiError(error) };
}

function openaiError(error: ErrorFacts): JsonObject {
  return {
    message: error.message,
    type: error.type ?? openaiErrorType(error.status),
    param: error.param ?? null,
    code: error.code,
    ...error.extra,
  };
}

/**
 * The event that tells a client that its stream broke, as text with its blank line.
 * On `responses` it is the `error` event with its facts both nested and flat: OpenAI's SDK throws on the nested form,
 * the AI SDK reads the flat one, and Codex CLI takes the missing `response.completed` as a reason to retry.
 */
export function errorEvent(protocol: Protocol, error: ErrorFacts, requestId?: string): string {
  if (protocol === "messages") {
    return `event: error\ndata: ${JSON.stringify(errorBody(protocol, error, requestId))}\n\n`;
  }
  if (protocol === "chat") return `data: ${JSON.stringify(errorBody(protocol, error))}\n\n`;
  const facts = openaiError(error);
  const event = {
    type: "error",
    sequence_number: 0,
    code: facts.code,
    message: facts.message,
    param: facts.param,
    error: facts,
  };
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
}

/** The same for an error that the provider answered after the client's stream had begun; its own words are kept. */
export function upstreamErrorEvent(
  protocol: Protocol,
  status: number,
  body: unknown,
  requestId?: string,
): string {
  const error = isObject(body) && isObject(body.error) ? body.error : undefined;
  if (protocol === "messages" && isObject(body) && body.type === "error" && error !== undefined) {
    return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
  }
  if (protocol === "chat" && error !== undefined) return `data: ${JSON.stringify(body)}\n\n`;
  const message = text(error?.message) ?? text(body) ?? `The provider answered with status ${status}.`;
  const { message: _message, type, code, param, ...rest } = error ?? {};
  const extra = Object.fromEntries(Object.entries(rest).filter(isFact));
  return errorEvent(
    protocol,
    {
      status,
      message,
      code: text(code) ?? text(type) ?? "upstream_error",
      type: text(type),
      param: text(param),
      extra,
    },
    requestId,
  );
}

function isFact(entry: [string, unknown]): entry is [string, string | number | boolean | null] {
  return entry[1] === null || typeof entry[1] !== "object";
}
