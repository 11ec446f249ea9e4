/** An identity server's response, read without trust: its status and perhaps a JSON object; its texts are never repeated. */
import { KleisError } from "../errors.ts";
import { isObject, type JsonObject, parseJson } from "../json.ts";

export interface ProviderResponse {
  readonly status: number;
  /** The body where it is a JSON object; null for HTML, text or nothing. */
  readonly json: JsonObject | null;
  /** True for an HTML page, which comes from something in between. */
  readonly html?: boolean;
  /** The wait that `retry-after` asks for; absent without it. */
  readonly retryAfterMs?: number;
}

export async function readResponse(response: Response, now: number): Promise<ProviderResponse> {
  const source = await response.text();
  const value = parseJson(source);
  const retryAfterMs = waitOf(response.headers.get("retry-after"), now);
  return {
    status: response.status,
    json: isObject(value) ? value : null,
    html: /^\s*</.test(source),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The error's code, from any of its usual places; only text in the form of a code, since descriptions may echo secrets. */
export function errorCode(json: JsonObject | null): string | undefined {
  const { error, code } = json ?? {};
  const places = isObject(error) ? [error.code, code, error.type] : [error, code];
  return places.find(
    (value): value is string => typeof value === "string" && /^[a-z][a-z0-9_.]{0,59}$/i.test(value),
  );
}

/** True for a response that says nothing about the sign-in itself: a rate limit, an outage, a page instead of JSON. */
export function isTransient({ status, json }: ProviderResponse): boolean {
  return json === null || status === 429 || status >= 500;
}

/** Why a response cannot be used, in words for the owner; ends without a full stop. */
export function whatWentWrong(server: string, response: ProviderResponse): string {
  const { status, json } = response;
  if (status === 429) return `${server} reports too many attempts (429)`;
  if (status >= 500) return `${server} has an internal problem (${status})`;
  if (json === null)
    return `${server} did not respond in JSON (${status}); the response may come from something in between`;
  const code = errorCode(json);
  if (code !== undefined) return `${server} refused with ${code} (${status})`;
  return status < 300
    ? `${server} responded without what was asked for`
    : `${server} refused (${status}) without saying why`;
}

/** The error for a response that cannot be used; the sign-in continues. */
export function badResponseError(server: string, response: ProviderResponse, advice: string): KleisError {
  const seconds = response.retryAfterMs === undefined ? undefined : Math.ceil(response.retryAfterMs / 1000);
  return new KleisError("upstream_invalid_response", `${whatWentWrong(server, response)}. ${advice}`, {
    ...(seconds === undefined ? {} : { headers: { "retry-after": String(seconds) } }),
  });
}

/** RFC 9110 §10.2.3: seconds or a date. */
function waitOf(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}
