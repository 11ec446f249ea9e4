/**
 * Failures between the protocols. Status and words stay; what differs is the shape, and how each vendor says that a
 * conversation no longer fits its model's window, which agents act upon by shortening it (docs/clients.md).
 */
import { isObject, type JsonObject, parseJson } from "../../json.ts";
import { readErrorDetails, statusMessage } from "../error-shape.ts";
import { errorBody } from "../errors.ts";
import type { Protocol } from "../protocol.ts";
import { failedResponse, streamFailure } from "../responses/failure.ts";
import { brokenStream } from "../stream-errors.ts";
import type { ResponseFailure } from "./model.ts";

/** The code by which clients of OpenAI's protocols, Codex CLI among them, know that they have to shorten. */
export const OVERFLOW_CODE = "context_length_exceeded";

/** The words by which Claude Code knows it (2.1.330). */
const OVERFLOW_WORDS = "prompt is too long:";

/** How providers say it: Anthropic, OpenAI, Copilot, compatible servers. */
const OVERFLOW =
  /prompt is too long|context_length_exceeded|model_max_prompt_tokens_exceeded|exceeds? (?:the|your|this model's) (?:maximum )?context|maximum context length|prompt token count of \d+ exceeds|input length and `max_tokens` exceed context limit/i;

/** Its numbers: of tokens sent, and of tokens allowed. */
const SENT_THEN_LIMIT = /(\d{3,})\s*tokens?\s*>\s*(\d{3,})|token count of (\d+) exceeds the limit of (\d+)/i;
const LIMIT_THEN_SENT = /maximum context length is (\d+) tokens[\s\S]*?(\d+) tokens/i;

/** HTTP status by Anthropic's error type, where a stream has no other (providers/claude.md §3.4). */
const STATUS_OF_TYPE: ReadonlyMap<string | undefined, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

/** A stream that Kleis itself has to give up. `reason`: a clause, shown to the client. */
export function failureOf(
  code: "too_large" | "invalid_arguments" | "ended_early",
  reason = "",
): ResponseFailure {
  switch (code) {
    case "ended_early":
      return { ...brokenStream("ended_early"), status: 502 };
    case "too_large":
      return { ...brokenStream("too_large", reason), status: 502 };
    case "invalid_arguments":
      return { ...brokenStream("too_large", reason), code: "upstream_invalid_response", status: 502 };
  }
}

/** The failure that the data of a provider's error event, or a failed response, tells of. */
export function failureFrom(data: string): ResponseFailure {
  const value = parseJson(data);
  const failure = streamFailure(data);
  const { type } = readErrorDetails(data);
  const status = STATUS_OF_TYPE.get(type) ?? (isObject(value) ? failedResponse(value).status : 502);
  return isOverflow(failure.code, failure.message)
    ? { ...failure, type, code: OVERFLOW_CODE, retryable: false, status: 400 }
    : { ...failure, type, status };
}

/** The same failure in the words and codes that clients of the protocol act upon. */
export function failureFor(protocol: Protocol, failure: ResponseFailure): ResponseFailure {
  if (failure.code !== OVERFLOW_CODE || protocol !== "messages") return failure;
  return { ...failure, type: "invalid_request_error", message: overflowWords(failure.message) };
}

/** A provider's error response as the body that clients of the protocol read. */
export function errorFor(protocol: Protocol, status: number, statusText: string, source: string): JsonObject {
  const { message, code, type, param, facts } = readErrorDetails(source);
  const said = message ?? statusMessage(status, statusText, code);
  const overflows = isOverflow(code, said);
  return errorBody(protocol, {
    status,
    code: overflows ? OVERFLOW_CODE : (code ?? type ?? "upstream_error"),
    message: overflows && protocol === "messages" ? overflowWords(said) : said,
    param,
    ...limitFacts(protocol, facts),
  });
}

/** Codex CLI shows the plan and the reset of a used-up limit, which it knows by the type. */
function limitFacts(protocol: Protocol, facts: JsonObject) {
  if (protocol === "messages" || facts.type !== "usage_limit_reached") return {};
  const extra: Record<string, string | number> = {};
  for (const name of ["plan_type", "resets_at", "resets_in_seconds"]) {
    const value = facts[name];
    if (typeof value === "string" || typeof value === "number") extra[name] = value;
  }
  return { type: "usage_limit_reached", extra };
}

function isOverflow(code: string | undefined, message: string): boolean {
  return code === OVERFLOW_CODE || OVERFLOW.test(`${code ?? ""} ${message}`);
}

function overflowWords(said: string): string {
  if (said.toLowerCase().startsWith(OVERFLOW_WORDS)) return said;
  const first = SENT_THEN_LIMIT.exec(said);
  const second = LIMIT_THEN_SENT.exec(said);
  const sent = first?.[1] ?? first?.[3] ?? second?.[2];
  const limit = first?.[2] ?? first?.[4] ?? second?.[1];
  return sent === undefined || limit === undefined
    ? `${OVERFLOW_WORDS} ${said}`
    : `${OVERFLOW_WORDS} ${sent} tokens > ${limit} maximum`;
}
