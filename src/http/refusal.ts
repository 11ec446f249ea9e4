/** Kleis's own errors as responses, in the shape of the protocol that was called. */
import { unopened } from "../accounts/unopened.ts";
import { KleisError } from "../errors.ts";
import { errorBody } from "../protocols/errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { StorageError } from "../storage/port.ts";
import { storageUnavailable } from "../storage/read-cache.ts";
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

/** Every own 4xx says that repeating it is no use: without that Claude Code repeats a wrong key for minutes. */
export function refusalResponse(error: KleisError, protocol: Protocol, requestId: string): Response {
  const headers = new Headers({ "cache-control": "no-store", "x-request-id": requestId, ...error.headers });
  if (error.status < 500 && !headers.has("x-should-retry")) headers.set("x-should-retry", "false");
  return Response.json(errorBody(protocol, error, requestId), { status: error.status, headers });
}
