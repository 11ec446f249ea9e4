/** What the admin API answers when something went wrong: always OpenAI's error shape, never a secret. */
import type { Context } from "hono";
import { unopened } from "../../accounts/undecryptable.ts";
import { KleisError } from "../../errors.ts";
import { loggedRefusal } from "../../http/error-response.ts";
import { errorFacts } from "../../log/error-facts.ts";
import { lineOf } from "../../log/request-logger.ts";
import { errorBody } from "../../protocols/errors.ts";
import type { Logger } from "../../runtime.ts";
import { StorageError } from "../../storage/port.ts";
import { forOwner, storageReason, storageUnavailable } from "../../storage/read-cache.ts";
import { SealError } from "../../storage/seal.ts";

/** For `app.onError`. */
export function adminErrors(logger: Logger): (error: Error, c: Context) => Response {
  return (error, c) => {
    const refusal = refusalOf(error);
    const { id, note } = lineOf(c);
    note(loggedRefusal(refusal));
    const { status, code } = refusal;
    if (status >= 500) {
      const facts = code === "internal_error" ? errorFacts(error) : { error: error.name };
      logger.error("admin_error", { id, ...facts, code, reason: storageReason(error) });
    }
    return errorResponse(forOwner(refusal), id);
  };
}

function errorResponse(error: KleisError, id: string): Response {
  const headers = new Headers({ "cache-control": "no-store", "x-request-id": id, ...error.headers });
  if (error.status < 500) headers.set("x-should-retry", "false");
  return Response.json(errorBody("chat", error), { status: error.status, headers });
}

function refusalOf(error: Error): KleisError {
  if (error instanceof KleisError) return error;
  if (error instanceof StorageError) return storageUnavailable(error);
  if (error instanceof SealError) return unopened(error);
  return new KleisError(
    "internal_error",
    "Something went wrong inside Kleis. Its log has this request's id.",
    {
      cause: error,
    },
  );
}

/** The refusal for an id that names nothing. */
export function notFound(what: "account" | "key"): KleisError {
  return new KleisError("not_found", `There is no ${what} with this id. List them with GET /admin/${what}s.`);
}
