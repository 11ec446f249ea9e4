/** What the ChatGPT backend and OpenAI's API refuse, and why (providers/codex.md §2.2, §2.8, §6.1). */
import type { Refusal, Refused } from "../refusal.ts";
import { BETWEEN, classified, NEWER_VERSION, REST, type RefusalRow } from "../refusal-table.ts";
import { ENDS, isModelLimit } from "./limits.ts";

/** Said in place of the page by which Cloudflare refuses. */
export const BLOCKED =
  "The network protection in front of chatgpt.com refused this server's address; the account and its sign-in are fine. " +
  "Run Kleis on Node at home or on another host, or set CODEX_API_URL to a relay of your own. Cloudflare Workers are always refused.";

const OLD_VERSION =
  "ChatGPT serves newer models to newer versions of Codex alone: set CODEX_CLIENT_VERSION to that of the newest Codex CLI, or update Kleis.";

const GATE_SOURCE = "providers/codex.md §2.8; reported 2026-09, medium";

/** The backend itself refuses in JSON. */
const EDGE: RefusalRow = {
  class: "network",
  scope: "route",
  when: { status: /^403/, kind: "oauth", form: ["page", "text", "empty"] },
  advice: BLOCKED,
  source: "providers/codex.md §6.1; reported 2026-08, high",
};

const NAMED: readonly RefusalRow[] = [
  {
    class: "limit",
    scope: "account",
    when: {
      code: /^usage_limit_reached$/,
      test: ({ headers }) =>
        headers.get("x-codex-rate-limit-reached-type")?.startsWith("workspace_") === true,
    },
    lasts: "billing",
    advice: "The workspace has no credits left, or a limit of its own: its owner can add or raise them.",
    source: "providers/codex.md §2.7; code 2026-08, medium",
  },
  {
    class: "limit",
    scope: "model",
    when: { code: /^usage_limit_reached$/, test: isModelLimit },
    lasts: "usage",
    advice: "The window of this model is used up: wait for its reset, or use another model.",
    source: "providers/codex.md §2.7; code 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { code: /^usage_limit_reached$/ },
    lasts: "usage",
    advice: "Wait for the window to reset, or make another account the primary.",
    source: "providers/codex.md §2.8; code 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: {
      code: /^((organization|project)_spend_limit_exceeded|organization_usage_limit_exceeded)$/,
    },
    lasts: "billing",
    ends: "next_month",
    advice: "Raise the spend limit in OpenAI's billing settings, or wait for the next month.",
    source: "providers/codex.md §2.8; docs 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { code: /^(insufficient_quota|credit_balance_exhausted|billing_\w+)$/ },
    lasts: "billing",
    advice: "Add credit or raise the spend limit in OpenAI's billing settings.",
    source: "providers/codex.md §2.8; docs 2026-08, high",
  },
  {
    class: "policy",
    scope: "account",
    when: { code: /^account_(deactivated|suspended)$/ },
    lasts: "denied",
    limit: "blocked",
    advice: "OpenAI has stopped this account: only its support can lift that. Disable the account here.",
    source: "providers/codex.md §2.8; reported 2026-09, medium",
  },
  {
    class: "policy",
    scope: "account",
    when: { status: /^402/, code: /^deactivated_workspace$/ },
    lasts: "billing",
    advice:
      "The workspace is deactivated: its owner must bring it back, or sign in again with another workspace.",
    source: "providers/codex.md §2.8; reported 2026, low",
  },
  {
    class: "policy",
    scope: "account",
    when: { code: /^(codex_workspace_access_denied|deactivated_workspace)$/ },
    lasts: "denied",
    advice: "The workspace's administrator must allow Codex, or sign in again with another workspace.",
    source: "providers/codex.md §2.8; reported 2026, medium",
  },
  {
    class: "plan",
    scope: "account",
    when: { code: /^(usage_not_included|codex_entitlement_missing)$/ },
    lasts: "denied",
    advice: "This plan or seat has no Codex: change the plan, or sign in again with another workspace.",
    source: "providers/codex.md §2.8; code 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^(402|403|429|5)/, code: /^payment_required$/ },
    lasts: "denied",
    advice: "Look at credit and billing at OpenAI.",
    source: "providers/codex.md §2.8; reported 2026, low",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, code: /^(rate_limit_exceeded|slow_down)$/ },
    advice: "Wait as long as OpenAI says, or send fewer requests at once.",
    source: "providers/codex.md §2.8; code 2026-08, high",
  },
  {
    class: "version_gate",
    scope: "model",
    when: { status: /^4/, words: NEWER_VERSION },
    advice: OLD_VERSION,
    isTold: true,
    source: GATE_SOURCE,
  },
  {
    class: "version_gate",
    scope: "model",
    when: { status: /^40[04]/, kind: "oauth", words: /^\s*(the )?(requested )?model.{0,80}\bnot found\b/i },
    advice: `${OLD_VERSION} Else check the model's name.`,
    isTold: true,
    source: GATE_SOURCE,
  },
  {
    class: "version_gate",
    scope: "model",
    when: { status: /^40[04]/, kind: "oauth", code: /^model_not_found$/ },
    advice: `${OLD_VERSION} Else check the model's name.`,
    isTold: true,
    source: GATE_SOURCE,
  },
  {
    class: "plan",
    scope: "model",
    when: { status: /^4/, words: /model is not supported when using Codex with a ChatGPT account/i },
    advice:
      "A ChatGPT plan does not serve this model: use one of GET /codex/v1/models, or add an OpenAI API key that has it.",
    source: "providers/codex.md §2.2; code 2026-08, medium",
  },
  {
    class: "plan",
    scope: "model",
    when: { status: /^40[034]/, kind: "api_key", code: /^model_not_found$/ },
    advice: "The key's project has no access to this model, or it does not exist: check both at OpenAI.",
    source: "providers/codex.md §2.8; docs 2026-08, high",
  },
  {
    class: "policy",
    scope: "account",
    when: { status: /^40[13]/, words: /missing scopes?\b|insufficient permissions/i },
    limit: "content",
    advice: "The key is restricted: give it the right to use models and responses at OpenAI, or replace it.",
    source: "providers/codex.md §1.5; reported 2026, medium",
  },
  {
    class: "identity",
    scope: "account",
    when: {
      status: /^40[0134]/,
      kind: "oauth",
      words:
        /\boriginator\b|(client|application|app|user.?agent)( \S+){0,3} (is |are )?not (allowed|supported|authorized|permitted|recogni[sz]ed)|(unsupported|unauthorized|unrecogni[sz]ed|unknown) (client|application|user.?agent)/i,
    },
    advice:
      "OpenAI does not accept Kleis by its name (originator and user-agent `kleis`), which no variable changes: update Kleis, or use an OpenAI API key. Kleis does not pose as another client.",
    isTold: true,
    source: "providers/codex.md §2.1, §2.8; reported 2026-09, low",
  },
  {
    class: "content",
    scope: "request",
    when: {
      code: /^(context_length_exceeded|invalid_encrypted_content|invalid_prompt|previous_response_not_found|invalid_request_error|\w+_policy)$/,
      status: /^(400|404|413|5)/,
    },
    advice: null,
    source: "providers/codex.md §2.3, §2.8; code 2026-08, high",
  },
];

/** In order: the first that fits names the refusal. */
export const REFUSALS: readonly RefusalRow[] = [EDGE, ...BETWEEN, ...NAMED, ...REST];

export function classify(refused: Refused): Refusal {
  return classified(REFUSALS, refused, ENDS);
}
