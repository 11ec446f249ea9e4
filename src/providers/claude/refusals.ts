/** What Anthropic refuses to plans and to API keys, and why (providers/claude.md §0, §3.4, §3.5). */
import type { Refusal, Refused } from "../refusal.ts";
import { BETWEEN, classified, NEWER_VERSION, REST, type RefusalRow } from "../refusal-table.ts";
import {
  ENDS,
  familyOf,
  isOutOfMoney,
  isRejected,
  isRejectedForModel,
  isSharedRejected,
  isSlow,
  moneyCovers,
} from "./limits.ts";

const IDENTITY =
  "Anthropic serves plans to Claude Code and its own apps alone: leave CLAUDE_USER_AGENT unset and update Kleis, or use an Anthropic API key. Kleis does nothing to get around this.";

const METERED =
  "Anthropic bills this kind of request apart from the plan: buy extra usage (usage credits) there, use Claude Code itself, or use an Anthropic API key.";

const STOPPED =
  "Anthropic does not let this organization in: only its administrator or Anthropic's support can change that.";

const USED_UP = "Wait for the window to reset, or make another account the primary.";

const ADD_CREDIT = "Add credit or raise the spend limit in the Claude Console.";

const NAMED: readonly RefusalRow[] = [
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, test: isSlow },
    advice: "The client asked for slow service: it waits for a free slot.",
    source: "providers/claude.md §3.5; code 2026-09, medium",
  },
  {
    class: "overload",
    scope: "route",
    when: { status: /^429/, code: /^overloaded_error$/ },
    limit: "burst",
    advice: null,
    source: "providers/claude.md §3.4; code 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, test: isSharedRejected },
    lasts: "usage",
    advice: USED_UP,
    source: "providers/claude.md §3.5; measured 2026-08, high",
  },
  {
    class: "metering",
    scope: "request",
    when: {
      words: /third-party apps|usage credits|extra usage|fast mode/i,
      status: /^[1-4]/,
    },
    lasts: "billing",
    advice: METERED,
    source: "providers/claude.md §0, §3.4; reported 2026-09, medium",
  },
  {
    class: "metering",
    scope: "request",
    when: { code: /^credits_required$/ },
    lasts: "billing",
    advice: METERED,
    source: "providers/claude.md §3.4; code 2026-09, medium",
  },
  {
    class: "limit",
    scope: "account",
    when: { words: /credit balance is too low/i, status: /^[1-4]/ },
    lasts: "billing",
    advice: ADD_CREDIT,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { words: /api usage limits/i, status: /^[1-4]/ },
    lasts: "billing",
    ends: "next_month",
    advice: ADD_CREDIT,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { code: /^(enforced_spend_limit_reached|service_spend_limit_reached)$/ },
    lasts: "billing",
    ends: "next_month",
    advice: ADD_CREDIT,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { code: /^billing_error$/ },
    lasts: "billing",
    advice: ADD_CREDIT,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^402/ },
    lasts: "billing",
    advice: ADD_CREDIT,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "limit",
    scope: "model",
    when: { status: /^429/, test: isRejectedForModel },
    lasts: "usage",
    covers: familyOf,
    advice: "The window of this model's family is used up: wait for its reset, or use another model.",
    source: "providers/claude.md §3.5; code 2026-08, medium",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, test: isOutOfMoney },
    lasts: "billing",
    covers: moneyCovers,
    advice: "Extra usage is used up or switched off: raise it at Anthropic, or wait for the plan's reset.",
    source: "providers/claude.md §3.5; code 2026-09, medium",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, test: isRejected },
    lasts: "usage",
    advice: USED_UP,
    source: "providers/claude.md §3.5; measured 2026-08, high",
  },
  {
    class: "identity",
    scope: "account",
    when: { status: /^40[013]/, kind: "oauth", words: /only authorized for use with Claude Code/i },
    advice: IDENTITY,
    isTold: true,
    source: "providers/claude.md §0, §3.4; reported 2026-09, high",
  },
  {
    class: "identity",
    scope: "account",
    when: { status: /^40[013]/, kind: "oauth", words: /OAuth authentication is (currently )?not supported/i },
    advice: IDENTITY,
    isTold: true,
    source: "providers/claude.md §1.9; code 2026-09, medium",
  },
  {
    class: "policy",
    scope: "account",
    when: {
      status: /^40[013]/,
      words: /organization has been disabled|account has been (disabled|banned|suspended)/i,
    },
    limit: "blocked",
    advice: STOPPED,
    source: "providers/claude.md §3.4; reported 2026, medium",
  },
  {
    class: "policy",
    scope: "account",
    when: { status: /^40[013]/, words: /OAuth .{0,60}not allowed for this organization/i },
    limit: "blocked",
    advice: STOPPED,
    source: "providers/claude.md §3.4; reported 2026, medium",
  },
  {
    class: "login",
    scope: "account",
    when: { status: /^403/, words: /\brevoked\b|scope requirement/i },
    advice: "Connect the account again on the admin page.",
    source: "providers/claude.md §1.9, §3.4; reported 2026-09, medium",
  },
  {
    class: "version_gate",
    scope: "model",
    when: { status: /^4/, words: NEWER_VERSION },
    advice:
      "Anthropic goes by the client's version: set CLAUDE_USER_AGENT to the user-agent of the newest Claude Code, or update Kleis; for Claude Code itself, update it.",
    isTold: true,
    source: "providers/claude.md §2.1; code 2026-08, low",
  },
  {
    class: "plan",
    scope: "model",
    when: { status: /^(404|5)/, code: /^not_found_error$/, words: /^\s*model\b/i },
    advice: "This account has no model of that name: use one of GET /claude/v1/models.",
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
  {
    class: "content",
    scope: "request",
    when: { code: /^(invalid_request_error|request_too_large)$/, status: /^(400|413|5)/ },
    advice: null,
    source: "providers/claude.md §3.4; docs 2026-08, high",
  },
];

/** In order: the first that fits names the refusal. */
export const REFUSALS: readonly RefusalRow[] = [...BETWEEN, ...NAMED, ...REST];

export function classify(refused: Refused): Refusal {
  return classified(REFUSALS, refused, ENDS);
}
