/** The error answers of the ChatGPT backend and of api.openai.com by name (providers/codex.md §2.8). */
import type { Reply } from "../server.ts";

export type CodexError = keyof typeof CODEX_ERRORS;

/** How the ChatGPT backend words a bad request. */
export function detail(text: string, status = 400): Reply {
  return { status, headers: { "x-request-id": "req-fake" }, body: { detail: text } };
}

export function openaiError(
  status: number,
  error: { message: string; type?: string; code?: string | null; [extra: string]: unknown },
  headers: Record<string, string> = {},
): Reply {
  const body = { error: { type: "invalid_request_error", param: null, code: null, ...error } };
  return { status, headers: { "x-request-id": "req-fake", ...headers }, body };
}

/** Cloudflare's page in front of chatgpt.com. */
export const BLOCKED: Reply = {
  status: 403,
  headers: { "content-type": "text/html; charset=UTF-8", server: "cloudflare", "cf-ray": "fake-FRA" },
  body: "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>Unable to load site</body></html>",
};

const overloaded = (status: number, code = "server_is_overloaded"): Reply =>
  openaiError(status, {
    message: "Our servers are currently overloaded.",
    type: "service_unavailable_error",
    code,
  });

const usageLimit = (extra: Record<string, unknown>): Reply => ({
  status: 429,
  headers: {
    "x-codex-primary-used-percent": "100",
    "x-codex-primary-window-minutes": "300",
    "x-codex-plan-type": "plus",
  },
  body: {
    error: {
      type: "usage_limit_reached",
      message: "The usage limit has been reached",
      plan_type: "plus",
      ...extra,
    },
  },
});

export const CODEX_ERRORS = {
  "error:400": () => detail("Unsupported parameter: something_new"),
  "error:400-nested": (): Reply => ({
    status: 400,
    body: {
      type: "error",
      status: 400,
      error: { type: "invalid_request_error", message: "Bad input", code: null },
    },
  }),
  "error:context-length": () =>
    openaiError(400, {
      message: "Your input exceeds the context window of this model.",
      code: "context_length_exceeded",
    }),
  "error:encrypted-content": () =>
    openaiError(400, {
      message: "The encrypted content could not be verified.",
      code: "invalid_encrypted_content",
    }),
  "error:401": () =>
    openaiError(401, {
      message: "Your authentication token has expired. Please sign in again.",
      code: "token_expired",
    }),
  /** Said to clients below a model's `minimal_client_version` (providers/codex.md §2.8, wording low). */
  "error:400-newer-version": () =>
    detail(
      "The 'gpt-6-sol' model requires a newer version of Codex. Please upgrade to the latest app or CLI and try again.",
    ),
  /** The same gate, for a model that is not known to so old a client (providers/codex.md §2.8). */
  "error:404-model": () => detail("Model not found gpt-6-sol", 404),
  /** Beyond the plan (providers/codex.md §2.2). */
  "error:400-plan-model": () =>
    detail("The 'gpt-5.2' model is not supported when using Codex with a ChatGPT account."),
  /** A client by an unknown name (providers/codex.md §2.8 "refused identity", wording low). */
  "error:403-identity": () =>
    openaiError(403, { message: "This client is not allowed to use this endpoint." }),
  /** OpenAI has stopped the account (providers/codex.md §2.8). */
  "error:401-deactivated": () =>
    openaiError(401, { message: "Your account has been deactivated.", code: "account_deactivated" }),
  "error:402-workspace": (): Reply => ({ status: 402, body: { detail: { code: "deactivated_workspace" } } }),
  "error:403-workspace": () =>
    openaiError(403, {
      message: "You have no access to this workspace.",
      code: "codex_workspace_access_denied",
    }),
  "error:403-entitlement": (): Reply => ({
    status: 403,
    body: { detail: { code: "codex_entitlement_missing" } },
  }),
  "error:403-top": (): Reply => ({ status: 403, body: { code: "codex_workspace_access_denied" } }),
  "error:html403": () => BLOCKED,
  "error:404-item": () => openaiError(404, { message: "Item with id 'rs_1' not found." }),
  "error:404-previous": () =>
    openaiError(404, { message: "Previous response not found.", code: "previous_response_not_found" }),
  /** A used-up plan window with the time of its reset. */
  "error:429": (now: number) =>
    usageLimit({ resets_at: Math.floor(now / 1000) + 3600, resets_in_seconds: 3600 }),
  "error:429-no-reset": () => usageLimit({}),
  "error:usage-not-included": () =>
    openaiError(429, { message: "Your plan does not include Codex.", type: "usage_not_included" }),
  "error:rate-limit": () =>
    openaiError(
      429,
      {
        message: "Rate limit reached. Please try again in 1.2s.",
        type: "tokens",
        code: "rate_limit_exceeded",
      },
      { "retry-after": "2", "retry-after-ms": "1200" },
    ),
  "error:500": () => openaiError(500, { message: "The server had an error.", type: "server_error" }),
  "error:502": (): Reply => ({
    status: 502,
    headers: { "content-type": "text/html" },
    body: "<html>Bad gateway</html>",
  }),
  "error:503": () => overloaded(503),
  "error:overloaded": () => overloaded(503),
  "error:503-slow-down": () => overloaded(503, "slow_down"),
  "error:capacity": () => detail("Selected model is at capacity. Please try a different model.", 503),
  "error:504": () => openaiError(504, { message: "Timed out.", type: "server_error" }),
  "error:520": (): Reply => ({
    status: 520,
    headers: { "content-type": "text/html" },
    body: "<html>520</html>",
  }),
  "error:521": (): Reply => ({
    status: 521,
    headers: { "content-type": "text/html" },
    body: "<html>521</html>",
  }),
  "error:522": (): Reply => ({
    status: 522,
    headers: { "content-type": "text/html" },
    body: "<html>522</html>",
  }),
} satisfies Record<string, (now: number) => Reply>;
