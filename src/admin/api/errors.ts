/** What the admin API answers when something went wrong: always OpenAI's error shape, never a secret. */
import type { Context } from "hono";
import { KleisError } from "../../errors.ts";
import { errorLogFields, errorResponse, toKleisError } from "../../http/error-response.ts";
import { errorFacts } from "../../log/error-facts.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { Logger } from "../../runtime.ts";
import { forOwner, storageReason } from "../../storage/read-cache.ts";

/** For `app.onError`. */
export function adminErrors(logger: Logger): (error: Error, c: Context) => Response {
  return (error, c) => {
    const failure = toKleisError(error);
    const { id, addFields } = requestLoggerOf(c);
    addFields(errorLogFields(failure));
    const { status, code } = failure;
    if (status >= 500) {
      const facts = code === "internal_error" ? errorFacts(error) : { error: error.name };
      logger.error("admin_error", { id, ...facts, code, reason: storageReason(error) });
    }
    return errorResponse(forOwner(failure), "chat", id);
  };
}

/** The refusal for an id that names nothing. */
export function notFound(what: "account" | "key"): KleisError {
  return new KleisError("not_found", `There is no ${what} with this id. List them with GET /admin/${what}s.`);
}
