/**
 * Every refusal of Kleis's own: one code from one list, with its status and words that say what to do.
 * Knows no protocol: `protocols/errors.ts` gives the shape.
 */

/** Code to HTTP status (docs/errors.md). */
export const ERROR_STATUS = {
  missing_api_key: 401,
  invalid_api_key: 401,
  expired_api_key: 401,
  key_scope: 403,
  invalid_json: 400,
  invalid_request: 400,
  request_too_large: 413,
  request_timeout: 408,
  unsupported_encoding: 415,
  model_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  provider_not_configured: 400,
  account_needs_login: 400,
  account_blocked: 400,
  credential_rejected: 400,
  protocol_not_supported: 400,
  untranslatable: 400,
  accounts_exhausted: 429,
  decision_not_kept: 404,
  too_many_streams: 429,
  too_much_in_flight: 429,
  too_many_tries: 429,
  too_many_requests: 429,
  refresh_failed: 502,
  upstream_unreachable: 502,
  upstream_invalid_response: 502,
  upstream_stream_incomplete: 502,
  upstream_blocked: 503,
  upstream_timeout: 504,
  storage_unavailable: 503,
  not_configured: 503,
  shutting_down: 503,
  upgrade_required: 426,
  admin_unauthorized: 401,
  conflict: 409,
  internal_error: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface ErrorOptions {
  /** The offending request field, where there is one. */
  param?: string;
  /** Extra response headers. */
  headers?: Record<string, string>;
  /** Overrides the OpenAI-shaped `type`, for codes whose type clients act upon. */
  type?: string;
  /** Extra members of the OpenAI-shaped error object (`resets_at`, …). */
  extra?: Record<string, string | number | boolean | null>;
  /** The `details` of the Anthropic-shaped error object: facts that Anthropic's clients act upon. */
  details?: Record<string, string | string[]>;
  cause?: unknown;
}

/** A refusal with a code; `message` is shown to the caller and never holds a secret. */
export class KleisError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly param: string | undefined;
  readonly headers: Record<string, string>;
  readonly type: string | undefined;
  readonly extra: Record<string, string | number | boolean | null>;
  readonly details: Record<string, string | string[]> | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "KleisError";
    this.code = code;
    this.status = ERROR_STATUS[code];
    this.param = options.param;
    this.headers = options.headers ?? {};
    this.type = options.type;
    this.extra = options.extra ?? {};
    this.details = options.details;
  }
}

/** How fast a request's body must come, in bytes a second on average, here and in the adapters. */
export const MIN_BODY_RATE = 1024;

export function bodyTooSlow(): KleisError {
  return new KleisError(
    "request_timeout",
    `The request body came at less than ${MIN_BODY_RATE} bytes a second. Send it again over a faster connection.`,
    // Unlike most 4xx, this may pass.
    { headers: { "x-should-retry": "true", connection: "close" } },
  );
}
