/** The error answers of the Copilot API by name (providers/copilot.md §4.5); many are plain text. */
import type { Reply } from "../server.ts";

export type CopilotError = keyof typeof COPILOT_ERRORS;

const IDS = { "x-request-id": "req-fake", "x-github-request-id": "GH:FAKE" };

export function plain(status: number, text: string, headers: Record<string, string> = {}): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...IDS, ...headers }, body: text };
}

/** JSON that says it is plain text, as the real API often does. */
export function coded(
  status: number,
  code: string,
  message: string,
  extra: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Reply {
  return plain(status, JSON.stringify({ error: { message, code, ...extra } }), headers);
}

export const unsupportedApi = (model: string, path: string): Reply =>
  coded(400, "unsupported_api_for_model", `model "${model}" is not accessible via the ${path} endpoint`);

export const VISION_MISSING = coded(
  400,
  "",
  "missing required Copilot-Vision-Request header for vision requests",
);
export const EXTERNAL_IMAGE = coded(400, "invalid_request_body", "external image URLs are not supported");
export const NOT_SUPPORTED = coded(400, "model_not_supported", "The requested model is not supported.", {
  param: "model",
  type: "invalid_request_error",
});
export const PAT_REFUSED = plain(
  400,
  "bad request: checking third-party user token: bad request: Personal Access Tokens are not supported for this endpoint",
);

const tooMany = (code: string): Reply =>
  coded(429, code, "Sorry, you have been rate-limited.", {}, { "retry-after": "60" });

export const COPILOT_ERRORS = {
  "error:400": () => plain(400, "Bad Request\n"),
  "error:model-not-supported": () => NOT_SUPPORTED,
  "error:unsupported-api": () => unsupportedApi("gpt-5.3-codex", "/chat/completions"),
  "error:prompt-too-long": () =>
    coded(
      400,
      "model_max_prompt_tokens_exceeded",
      "prompt token count of 215000 exceeds the limit of 168000",
    ),
  "error:reasoning-effort": () => coded(400, "invalid_reasoning_effort", "invalid reasoning effort"),
  "error:previous-response": () => coded(400, "previous_response_not_found", "Previous response not found"),
  "error:vision": () => VISION_MISSING,
  "error:pat": () => PAT_REFUSED,
  "error:401": () => plain(401, "unauthorized: token expired\n"),
  "error:401-json": (): Reply => ({
    status: 401,
    headers: IDS,
    body: { message: "Bad credentials", status: "401" },
  }),
  "error:402": () => coded(402, "quota_exceeded", "You have no quota"),
  "error:402-free": () => coded(402, "free_quota_exceeded", "You have used up the free quota"),
  "error:402-overage": () => coded(402, "overage_limit_reached", "Overage limit reached"),
  "error:402-billing": () => coded(402, "billing_not_configured", "Billing is not configured"),
  "error:403": () => plain(403, "unauthorized: not authorized to use this Copilot feature\n"),
  "error:403-policy": () => plain(403, "Access denied by policy settings\n"),
  "error:html403": (): Reply => ({
    status: 403,
    headers: { "content-type": "text/html" },
    body: "<!DOCTYPE html><html><body>Forbidden</body></html>",
  }),
  "error:413": () => plain(413, "Request Entity Too Large"),
  "error:413-json": () => coded(413, "", "failed to parse request"),
  "error:421": () => plain(421, "Misdirected Request\n"),
  "error:422": () => coded(422, "content_filter", "The response was filtered"),
  "error:424": () => plain(424, "failed dependency\n"),
  "error:466": () => plain(466, "client is not supported\n"),
  "error:499": () => plain(499, "request was cancelled\n"),
  /** A limit that lasts for days. */
  "error:429": () =>
    coded(
      429,
      "rate_limited",
      "Sorry, you have exceeded your rate limit.",
      {},
      { "retry-after": "208800", "x-ratelimit-exceeded": "weekly" },
    ),
  "error:429-model": () => tooMany("user_model_rate_limited"),
  "error:429-global": () => tooMany("user_global_rate_limited:pro"),
  "error:429-weekly": () => tooMany("user_weekly_rate_limited"),
  "error:429-integration": () => tooMany("integration_rate_limited"),
  "error:429-agent": () => tooMany("agent_mode_limit_exceeded"),
  "error:overloaded": () => tooMany("model_overloaded"),
  "error:500": () => plain(500, "internal server error\n"),
  "error:502": () => plain(502, "bad gateway\n"),
  "error:503": () => coded(503, "upstream_provider_rate_limit", "The upstream provider is rate limited"),
} satisfies Record<string, (now: number) => Reply>;
