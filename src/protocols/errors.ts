/** The error shape of each protocol as a JSON body; `stream-errors.ts` has the events that end a stream. */
import type { JsonObject } from "../json.ts";
import type { Protocol } from "./protocol.ts";

/** An error before it has a protocol's shape. */
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

const MESSAGES_TYPE: Record<number, string> = {
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

const CHAT_TYPE: Record<number, string> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

/** Anthropic's `error.type` for a status (providers/claude.md §3.4). */
export function messagesErrorType(status: number): string {
  return MESSAGES_TYPE[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

function chatErrorType(status: number): string {
  return CHAT_TYPE[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
}

/** The body of an error response in the shape of the protocol that was called. */
export function errorBody(protocol: Protocol, error: ErrorFacts, requestId?: string): JsonObject {
  if (protocol === "messages") {
    return {
      type: "error",
      error: {
        type: messagesErrorType(error.status),
        message: error.message,
        code: error.code,
        ...(error.details === undefined ? {} : { details: error.details }),
      },
      ...(requestId === undefined ? {} : { request_id: requestId }),
    };
  }
  return { error: errorObject(error) };
}

function errorObject(error: ErrorFacts): JsonObject {
  return {
    message: error.message,
    type: error.type ?? chatErrorType(error.status),
    param: error.param ?? null,
    code: error.code,
    ...error.extra,
  };
}
