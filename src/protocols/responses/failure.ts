/** The HTTP error that a failure inside a `responses` stream stands for (providers/codex.md §2.3, §2.8). */
import { isObject, type JsonObject, parseJson, text } from "../../json.ts";
import type { StreamFailure } from "../stream-errors.ts";

export interface FailedResponse {
  ok: false;
  status: number;
  /** OpenAI's error shape. */
  body: JsonObject;
}

/** Where a failure has no HTTP status of its own, its code or type decides; a type may stand where a code should. */
const STATUS: ReadonlyMap<string | undefined, number> = new Map([
  ["server_is_overloaded", 503],
  ["service_unavailable_error", 503],
  ["overloaded_error", 503],
  ["slow_down", 503],
  ["rate_limit_exceeded", 429],
  ["rate_limit_error", 429],
  ["usage_limit_reached", 429],
  ["usage_not_included", 429],
  ["context_length_exceeded", 400],
  ["invalid_request_error", 400],
]);

/** Members that clients act upon: Codex CLI shows the plan and when the limit resets. */
const KEPT = ["plan_type", "resets_at", "resets_in_seconds"];

const NO_MESSAGE = "The provider reported a failure without saying why.";

/** True for the data of an error event: by its type, or because it holds an error and has no type at all. */
export function isFailure({ type, error }: JsonObject): boolean {
  return type === "error" || (type === undefined && error != null);
}

/** Names of errors that a retry meets again. */
const LASTING =
  /^(usage_limit_reached|usage_not_included|insufficient_quota|context_length_exceeded|invalid_\w+|\w*_policy|\w+_not_found|authentication_error|permission_error|billing_\w+)$/;

/** The failure in the data of a provider's `error` event, whatever its form. */
export function streamFailure(data: string): StreamFailure {
  const value = parseJson(data);
  const error = isObject(value) ? errorOf({ ...value, type: "error" }) : {};
  const names = [text(error.code), text(error.type)];
  const extra = Object.fromEntries(
    KEPT.flatMap((name) => (error[name] === undefined ? [] : [[name, error[name]]])),
  );
  return {
    code: names[0] ?? names[1] ?? "upstream_error",
    message: text(error.message) ?? text(isObject(value) ? undefined : data) ?? NO_MESSAGE,
    retryable: !names.some((name) => name !== undefined && LASTING.test(name)),
    extra,
  };
}

/** Reads a `response.failed` event or an `error` event, flat or nested. */
export function failedResponse(event: JsonObject): FailedResponse {
  const error = errorOf(event);
  const code = text(error.code);
  const type = text(error.type);
  const status = statusOf(event, code, type);
  const body: JsonObject = {
    message: text(error.message) ?? NO_MESSAGE,
    type: type ?? defaultType(status, code),
    param: error.param ?? null,
    code: error.code ?? null,
  };
  for (const name of KEPT) if (error[name] !== undefined) body[name] = error[name];
  return { ok: false, status, body: { error: body } };
}

/**
 * The HTTP status of an error object that came with a good one, in any protocol; null where the text holds none. A complete
 * response may have the member too, as null.
 */
export function failedStatus(source: string): number | null {
  const value = parseJson(source);
  if (!isObject(value)) return null;
  const isError = value.type === "error" || isObject(value.error) || text(value.error) !== undefined;
  return isError ? failedResponse({ ...value, type: "error" }).status : null;
}

function errorOf(event: JsonObject): JsonObject {
  if (isObject(event.response) && isObject(event.response.error)) return event.response.error;
  if (isObject(event.error)) return event.error;
  if (text(event.error) !== undefined) return { message: event.error };
  if (event.type !== "error") return {};
  // The flat form: its own `type` is the event's name, not the error's type.
  const { type: _, ...flat } = event;
  return flat;
}

function statusOf(event: JsonObject, code: string | undefined, type: string | undefined): number {
  const known = STATUS.get(code) ?? STATUS.get(type);
  if (known !== undefined) return known;
  const stated = event.status ?? event.status_code;
  // A 401 or 403 would blame the client's own key.
  const isPassable =
    typeof stated === "number" && (stated === 400 || stated === 429 || (stated >= 500 && stated <= 599));
  return isPassable ? stated : 502;
}

function defaultType(status: number, code: string | undefined): string {
  if (status === 429) return code ?? "rate_limit_error";
  return status === 400 ? "invalid_request_error" : "server_error";
}
