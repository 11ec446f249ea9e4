/** Kleis's own errors as responses, in the shape of the protocol that was called. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { undecryptable } from "../accounts/undecryptable.ts";
import { errorCodeOf } from "../error-code.ts";
import { KleisError } from "../errors.ts";
import { errorFacts } from "../log/error-facts.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import { errorBody } from "../protocols/errors.ts";
import { namesMessagesVersion } from "../protocols/messages/client.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { LogFields, Logger } from "../runtime.ts";
import { StorageError } from "../storage/port.ts";
import { storageReason, storageUnavailable } from "../storage/read-cache.ts";
import { SealError } from "../storage/seal.ts";

/** Any thrown value as an error with a code; an unexpected one reveals nothing of itself. */
export function toKleisError(error: unknown): KleisError {
  if (error instanceof KleisError) return error;
  if (error instanceof StorageError) return storageUnavailable(error);
  if (error instanceof SealError) return undecryptable(error);
  // Hono's validator throws one for a body that is not JSON, and nothing else in Kleis does.
  if (error instanceof HTTPException && error.status === 400) {
    return new KleisError("invalid_json", "The request body is not valid JSON.");
  }
  return new KleisError(
    "internal_error",
    "Something went wrong inside Kleis. Its log has this request's id.",
    { cause: error },
  );
}

/**
 * The protocol in whose shape an unknown address is answered: Messages clients ask below `/messages`, or name the
 * version of their protocol.
 */
export function protocolOfRequest(path: string, headers: Headers): Protocol {
  const isMessages = path.split("/").includes("messages") || namesMessagesVersion(headers);
  return isMessages ? "messages" : "chat";
}

/** What the log has of a failed request; `cause` is the code of the system's or the runtime's error. */
export function errorLogFields(error: KleisError): LogFields {
  const { status, code } = error;
  const reason = storageReason(error);
  const cause = errorCodeOf(error.cause);
  return {
    status,
    code,
    outcome: "refused",
    ...(reason === undefined ? {} : { reason }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** Logs an unexpected error as an event of its own. */
export function logUnexpected(logger: Logger, { code, cause }: KleisError, id: string): void {
  if (code !== "internal_error") return;
  logger.error("unforeseen", { id, ...errorFacts(cause) });
}

/** Answers with an error that carries the request's id, and adds it to the request's log entry. */
export function respondWithError(c: Context, error: KleisError, protocol: Protocol): Response {
  const { id, addFields } = requestLoggerOf(c);
  addFields(errorLogFields(error));
  return errorResponse(error, protocol, id);
}

/** Every 4xx of Kleis's own tells clients not to repeat it: otherwise Claude Code repeats a wrong key for minutes. */
export function errorResponse(error: KleisError, protocol: Protocol, requestId?: string): Response {
  const headers = new Headers({ "cache-control": "no-store", ...error.headers });
  if (requestId !== undefined && !headers.has("x-request-id")) headers.set("x-request-id", requestId);
  if (error.status < 500 && !headers.has("x-should-retry")) headers.set("x-should-retry", "false");
  return Response.json(errorBody(protocol, error, requestId), { status: error.status, headers });
}
