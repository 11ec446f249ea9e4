/** A provider's response, read whole for a live check. */
import { isObject, type JsonObject, parseJson } from "../json.ts";
import { formOf, readErrorDetails } from "../protocols/error-shape.ts";
import type { CheckResponse } from "../providers/live-check.ts";
import type { Provider } from "../providers/provider.ts";
import type { AccountRecord } from "../storage/port.ts";

/** Characters of the provider's words that are kept. */
const WORDS = 240;

export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly source: string;
}

/** What nothing answered: why, in words. */
export function noResponse(words: string): CheckResponse {
  return { status: 0, headers: new Headers(), json: {}, events: [], words, refusal: null };
}

/** `secret` is hidden where the provider repeats it. */
export function readCheckResponse(
  { status, headers, source }: Received,
  { classify }: Provider,
  { kind }: AccountRecord,
  secret: string,
  now: number,
): CheckResponse {
  const events = eventsIn(source);
  const last = events.findLast(({ response }) => isObject(response))?.response;
  const whole = parseJson(source);
  const json = isObject(whole) ? whole : isObject(last) ? last : {};
  const said = readErrorDetails(source);
  const failed = status === 0 || status >= 400;
  const error: JsonObject = { ...said.facts, code: said.code, message: said.message };
  return {
    status,
    headers,
    json,
    events,
    words: failed ? shown(said.message ?? "", secret) : "",
    refusal: failed ? classify({ status, kind, headers, error, form: formOf(source), now }) : null,
  };
}

/** On one line, without the credential. */
function shown(words: string, secret: string): string {
  const line = words.replaceAll(secret, "[hidden]").replace(/\s+/g, " ").trim();
  return line.length > WORDS ? `${line.slice(0, WORDS - 1)}…` : line;
}

/** The data of a stream's events; none where it is no stream. */
function eventsIn(source: string): JsonObject[] {
  return source.split(/\r?\n\r?\n|\r\r/).flatMap((event) => {
    const lines = event.split(/\r?\n|\r/).flatMap((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? []);
    const data = lines.length === 0 ? undefined : parseJson(lines.join("\n"));
    return isObject(data) ? [data] : [];
  });
}

/** Tokens that a response says were used, whatever the protocol; null where it does not say. */
export function tokensIn({ json }: CheckResponse): number | null {
  const { usage } = json;
  if (!isObject(usage)) return null;
  const count = (...names: string[]) =>
    names.reduce((sum, name) => sum + (typeof usage[name] === "number" ? usage[name] : 0), 0);
  return count(
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "prompt_tokens",
    "output_tokens",
    "completion_tokens",
  );
}
