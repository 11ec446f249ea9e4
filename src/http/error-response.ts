/** Kleis's own errors as responses, in the shape of the protocol that was called. */
import type { Context } from "hono";
import { unopened } from "../accounts/undecryptable.ts";
import { errorCodeOf } from "../error-code.ts";
import { KleisError } from "../errors.ts";
import { errorFacts } from "../log/error-facts.ts";
import { lineOf } from "../log/request-logger.ts";
import { errorBody } from "../protocols/errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { LogFields, Logger } from "../runtime.ts";
import { StorageError } from "../storage/port.ts";
import { storageReason, storageUnavailable } from "../storage/read-cache.ts";
import { SealError } from "../storage/seal.ts";

/** Any thrown value as a refusal; what was not foreseen says nothing of itself. */
export function toRefusal(error: unknown): KleisError {
  if (error instanceof KleisError) return error;
  if (error instanceof StorageError) return storageUnavailable(error);
  if (error instanceof SealError) return unopened(error);
  return new KleisError(
    "internal_error",
    "Something went wrong inside Kleis. Its log has this request's id.",
    { cause: error },
  );
}

/**
 * In whose shape an address without a route of its own is refused: Anthropic's clients ask below `/messages`, or say
 * which version of its API they speak.
 */
export function askedProtocol(path: string, headers: Headers): Protocol {
  const isAnthropic = path.split("/").includes("messages") || headers.has("anthropic-version");
  return isAnthropic ? "messages" : "chat";
}

/** What the line of a refused request says of it; `cause` is the code of the system's or the runtime's error. */
export function loggedRefusal(refusal: KleisError): LogFields {
  const { status, code } = refusal;
  const reason = storageReason(refusal);
  const cause = errorCodeOf(refusal.cause);
  return {
    status,
    code,
    outcome: "refused",
    ...(reason === undefined ? {} : { reason }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** A line of its own for an error that nobody foresaw. */
export function logUnforeseen(logger: Logger, { code, cause }: KleisError, id: string): void {
  if (code !== "internal_error") return;
  logger.error("unforeseen", { id, ...errorFacts(cause) });
}

/** Refuses with the request's id, and says so in its line. */
export function refuse(c: Context, refusal: KleisError, protocol: Protocol): Response {
  const line = lineOf(c);
  line.note(loggedRefusal(refusal));
  return refusalResponse(refusal, protocol, line.id);
}

/** Every own 4xx says that repeating it is no use: without that Claude Code repeats a wrong key for minutes. */
export function refusalResponse(error: KleisError, protocol: Protocol, requestId: string): Response {
  const headers = new Headers({ "cache-control": "no-store", "x-request-id": requestId, ...error.headers });
  if (error.status < 500 && !headers.has("x-should-retry")) headers.set("x-should-retry", "false");
  return Response.json(errorBody(protocol, error, requestId), { status: error.status, headers });
}
