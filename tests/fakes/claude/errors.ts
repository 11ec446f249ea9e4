/** The error answers of Claude by name (providers/claude.md §3.4 and §3.5). */
import type { Reply } from "../server.ts";

export type ClaudeError = keyof typeof CLAUDE_ERRORS;

/** The envelope of api.anthropic.com. */
export function claudeError(
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { "request-id": "req_fake", ...headers },
    body: { type: "error", error: { type, message }, request_id: "req_fake" },
  };
}

const UNIFIED = "anthropic-ratelimit-unified-";
const seconds = (now: number, after: number): string => String(Math.floor(now / 1000) + after);

/** Header values for one window of a subscription's limits. */
function unified(now: number, entries: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).map(([suffix, value]) => [
      UNIFIED + suffix,
      typeof value === "number" ? seconds(now, value) : value,
    ]),
  );
}

/** Rate-limit headers of a healthy subscription. Numbers are seconds from now. */
export function healthyLimits(now: number): Record<string, string> {
  return unified(now, {
    status: "allowed",
    reset: 9000,
    "representative-claim": "five_hour",
    "5h-status": "allowed",
    "5h-reset": 9000,
    "5h-utilization": "0.53",
    "7d-status": "allowed",
    "7d-reset": 500000,
    "7d-utilization": "0.08",
  });
}

/** Rate-limit headers of an API key. */
export function keyLimits(now: number, remaining: number): Record<string, string> {
  const reset = new Date(now + 60_000).toISOString();
  return {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": String(remaining),
    "anthropic-ratelimit-requests-reset": reset,
    "anthropic-ratelimit-tokens-limit": "40000",
    "anthropic-ratelimit-tokens-remaining": String(remaining * 800),
    "anthropic-ratelimit-tokens-reset": reset,
  };
}

const LIMIT = "This request would exceed your account's rate limit. Please try again later.";

export const CLAUDE_ERRORS = {
  "error:400": () => claudeError(400, "invalid_request_error", "max_tokens: must be greater than 0"),
  "error:too-long": () =>
    claudeError(400, "invalid_request_error", "prompt is too long: 215000 tokens > 200000 maximum"),
  "error:claude-code-only": () =>
    claudeError(
      400,
      "invalid_request_error",
      "This credential is only authorized for use with Claude Code and cannot be used for other API requests.",
    ),
  "error:third-party": () =>
    claudeError(
      400,
      "invalid_request_error",
      "Third-party apps now draw from your extra usage, not your plan limits.",
    ),
  "error:extra-usage": () => claudeError(400, "invalid_request_error", "You're out of extra usage."),
  /** Without the OAuth beta (providers/claude.md §1.9). */
  "error:401-unsupported": () =>
    claudeError(401, "authentication_error", "OAuth authentication is currently not supported."),
  /** Anthropic has stopped the organization (providers/claude.md §3.4). */
  "error:400-disabled": () =>
    claudeError(400, "invalid_request_error", "This organization has been disabled."),
  "error:403-organization": () =>
    claudeError(403, "permission_error", "OAuth authentication is not allowed for this organization."),
  "error:401": () => claudeError(401, "authentication_error", "Invalid authentication credentials"),
  "error:401-expired": () =>
    claudeError(401, "authentication_error", "OAuth token has expired. Please obtain a new token."),
  "error:402": () => claudeError(402, "billing_error", "Your credit balance is too low."),
  "error:403": () => claudeError(403, "permission_error", "Your account may not use this resource."),
  "error:403-revoked": () =>
    claudeError(403, "permission_error", "OAuth token has been revoked. Please sign in again."),
  "error:404": () => claudeError(404, "not_found_error", "model: claude-none"),
  "error:409": () => claudeError(409, "conflict_error", "The resource was changed by another request."),
  "error:413": () => claudeError(413, "request_too_large", "Request exceeds the maximum size"),
  /** No unified headers: a short throttle. */
  "error:429": () => claudeError(429, "rate_limit_error", LIMIT, { "retry-after": "7" }),
  "error:429-bare": () => claudeError(429, "rate_limit_error", LIMIT),
  /** The five-hour window that all models share. */
  "error:429-shared": (now: number) =>
    claudeError(429, "rate_limit_error", LIMIT, {
      "retry-after": "9000",
      "x-should-retry": "false",
      ...unified(now, {
        status: "rejected",
        reset: 9000,
        "representative-claim": "five_hour",
        "5h-status": "rejected",
        "5h-reset": 9000,
        "5h-utilization": "1.0",
        "7d-status": "allowed",
        "7d-reset": 500000,
        "7d-utilization": "0.4",
      }),
    }),
  "error:429-weekly": (now: number) =>
    claudeError(429, "rate_limit_error", LIMIT, {
      "retry-after": "500000",
      ...unified(now, {
        status: "rejected",
        reset: 500000,
        "representative-claim": "seven_day",
        "5h-status": "allowed",
        "5h-reset": 9000,
        "7d-status": "rejected",
        "7d-reset": 500000,
        "7d-utilization": "1.0",
      }),
    }),
  /** Only the weekly window of one model family. */
  "error:429-model": (now: number) =>
    claudeError(429, "rate_limit_error", LIMIT, {
      "retry-after": "500000",
      ...unified(now, {
        status: "rejected",
        reset: 500000,
        "representative-claim": "seven_day_overage_included",
        "5h-status": "allowed",
        "5h-reset": 9000,
        "7d-status": "allowed",
        "7d-reset": 500000,
        "7d_oi-status": "rejected",
        "7d_oi-reset": 500000,
        "7d_oi-utilization": "1.0",
      }),
    }),
  "error:429-fast-mode": () =>
    claudeError(
      429,
      "rate_limit_error",
      "Fast mode needs usage credits, which are not enabled for this account.",
    ),
  "error:429-api-key": (now: number) =>
    claudeError(429, "rate_limit_error", "Number of requests has exceeded your per-minute rate limit.", {
      "retry-after": "12",
      ...keyLimits(now, 0),
    }),
  /** A tier's spend cap gives no `retry-after`. */
  "error:429-spend-cap": (now: number) =>
    claudeError(
      429,
      "rate_limit_error",
      "You have reached your specified API usage limits.",
      keyLimits(now, 0),
    ),
  "error:500": () => claudeError(500, "api_error", "Internal server error"),
  "error:504": () => claudeError(504, "timeout_error", "The request timed out"),
  "error:overloaded": () => claudeError(529, "overloaded_error", "Overloaded", { "x-should-retry": "true" }),
  "error:529": () => claudeError(529, "overloaded_error", "Overloaded"),
  "error:html403": (): Reply => ({
    status: 403,
    headers: { "content-type": "text/html; charset=UTF-8", server: "cloudflare" },
    body: "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Attention Required</body></html>",
  }),
} satisfies Record<string, (now: number) => Reply>;
