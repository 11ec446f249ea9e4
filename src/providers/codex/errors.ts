/** Brings the backend's own error shapes into OpenAI's, wording untouched (providers/codex.md §2.8, §6.1). */

import { ERROR_STATUS } from "../../errors.ts";
import { isObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../../protocols/errors.ts";
import type { ErrorResponse } from "../provider.ts";
import { BLOCKED } from "./refusals.ts";

/**
 * - A 403 that is not JSON comes from Cloudflare and not from the backend: 503 `upstream_blocked`, with advice.
 * - `{"detail":"…"}` becomes an OpenAI error with the same words.
 * - Everything else passes as it came: clients read `type`, `resets_at` and `plan_type`.
 */
export function planError(status: number, _contentType: string, body: string): ErrorResponse | null {
  const value = parseJson(body);
  if (status === 403 && value === undefined) {
    const blocked = { code: "upstream_blocked", status: ERROR_STATUS.upstream_blocked, message: BLOCKED };
    return { status: blocked.status, body: errorBody("responses", blocked) };
  }
  if (!isObject(value) || value.error !== undefined) return null;
  const message = text(value.detail);
  if (message === undefined) return null;
  return { body: { error: { message, type: "invalid_request_error", code: null, param: null } } };
}
