/** What the admin API answers when something went wrong: always OpenAI's error shape, never a secret. */
import type { Context } from "hono";
import { unopened } from "../../accounts/unopened.ts";
import { KleisError } from "../../errors.ts";
import { errorBody } from "../../protocols/errors.ts";
import type { Logger } from "../../runtime.ts";
import { StorageError } from "../../storage/port.ts";
import { storageUnavailable } from "../../storage/read-cache.ts";
import { SealError } from "../../storage/seal.ts";

/** For `app.onError`. */
export function adminErrors(logger: Logger): (error: Error, c: Context) => Response {
  return (error) => {
    const refusal = refusalOf(error);
    // Only the kind of an unforeseen error: its message may hold what was being worked on.
    if (refusal.status >= 500) logger.error("admin_error", { code: refusal.code, error: error.name });
    return errorResponse(refusal);
  };
}

function errorResponse(error: KleisError): Response {
  const headers = new Headers({ "cache-control": "no-store", ...error.headers });
  if (error.status < 500) headers.set("x-should-retry", "false");
  return Response.json(errorBody("chat", error), { status: error.status, headers });
}

function refusalOf(error: Error): KleisError {
  if (error instanceof KleisError) return error;
  if (error instanceof StorageError) return storageUnavailable(error);
  if (error instanceof SealError) return unopened(error);
  return new KleisError("internal_error", "Something went wrong inside Kleis. The log says where.", {
    cause: error,
  });
}

/** The refusal for an id that names nothing. */
export function notFound(what: "account" | "key"): KleisError {
  return new KleisError("not_found", `There is no ${what} with this id. List them with GET /admin/${what}s.`);
}
