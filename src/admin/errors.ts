/** Errors of the admin API and page: how they are logged, and what the owner may read of them. */
import type { Context } from "hono";
import { KleisError } from "../errors.ts";
import { errorLogFields, toKleisError } from "../http/error-response.ts";
import { errorFacts } from "../log/error-facts.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import type { Logger } from "../runtime.ts";
import { forOwner, storageReason } from "../storage/read-cache.ts";

/** Logs a failure and returns it as an error for the owner, which holds no secret. */
export function reportFailure(c: Context, logger: Logger, error: unknown): KleisError {
  const failure = toKleisError(error);
  const { id, addFields } = requestLoggerOf(c);
  addFields(errorLogFields(failure));
  const { status, code } = failure;
  if (status >= 500) {
    const name = error instanceof Error ? error.name : undefined;
    const facts = code === "internal_error" ? errorFacts(error) : { error: name };
    logger.error("admin_error", { id, ...facts, code, reason: storageReason(error) });
  }
  return forOwner(failure);
}

/** The error for an unknown id. */
export function notFound(what: "account" | "key"): KleisError {
  return new KleisError("not_found", `There is no ${what} with this id. List them with GET /admin/${what}s.`);
}
