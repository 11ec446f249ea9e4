/**
 * What Copilot refuses, and why; and the one refusal that means more than it says, in words that clients act upon. Every
 * other stands as it came (providers/copilot.md §4.5).
 */
import { isObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../../protocols/errors.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { ErrorResponse } from "../provider.ts";
import type { Refusal, Refused } from "../refusal.ts";
import { BETWEEN, classified, NEWER_VERSION, REST, type RefusalRow } from "../refusal-table.ts";
import { ENDS, isSession } from "./limits.ts";
import { HOST_REFUSED } from "./profile.ts";

/** How Copilot writes that a prompt is too long: the tokens that it has, and those that it may have. */
const TOO_LONG = /prompt token count of (\d+) exceeds the limit of (\d+)/;
const TOO_LONG_CODE = "model_max_prompt_tokens_exceeded";

/** By these a 403 is the decision of an administrator or of GitHub. */
export const POLICY_WORDS = /\bpolicy\b|policies|terms of service|suspended|disabled|\babuse/i;

const WRONG_APP =
  "Copilot does not accept this token or the app that made it: connect the account again by device sign-in, and leave COPILOT_CLIENT_ID unset unless the app is allowed to use Copilot.";

const USED_UP =
  "Look at github.com/settings/copilot: raise the budget for further use, or wait for the reset.";

const NAMED: readonly RefusalRow[] = [
  {
    class: "network",
    scope: "account",
    when: { status: /^421/ },
    advice: HOST_REFUSED,
    source: "providers/copilot.md §2.1; code 2026-09, medium",
  },
  {
    class: "limit",
    scope: "account",
    when: { code: /^(quota_exceeded|free_quota_exceeded|overage_limit_reached|billing_not_configured)$/ },
    lasts: "billing",
    ends: "next_month",
    advice: USED_UP,
    source: "providers/copilot.md §4.5; code 2026-09, high",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, code: /^user_weekly_rate_limited/ },
    lasts: "usage",
    advice: "Wait for the week's window to reset, or make another account the primary.",
    source: "providers/copilot.md §4.5; code 2026-09, medium",
  },
  {
    class: "limit",
    scope: "account",
    when: { status: /^429/, code: /^(user_global_rate_limited|rate_limited$)/, test: isSession },
    lasts: "usage",
    advice: "Wait for the window to reset, or make another account the primary.",
    source: "providers/copilot.md §4.5; code 2026-09, medium",
  },
  {
    class: "limit",
    scope: "model",
    when: { status: /^429/, code: /^user_model_rate_limited/ },
    lasts: "usage",
    advice: "The window of this model is used up: wait for its reset, or use another model.",
    source: "providers/copilot.md §4.5; code 2026-09, medium",
  },
  {
    class: "overload",
    scope: "route",
    when: {
      code: /^(integration_rate_limited|model_overloaded|agent_mode_limit_exceeded|upstream_provider_rate_limit)$/,
    },
    advice: null,
    source: "providers/copilot.md §4.5; code 2026-09, medium",
  },
  {
    class: "version_gate",
    scope: "model",
    when: { status: /^4/, words: NEWER_VERSION },
    advice:
      "Copilot serves this model to newer clients only, and no variable changes what Kleis says: update Kleis.",
    isTold: true,
    source: "providers/copilot.md §3.2; code 2026-09, low",
  },
  {
    class: "plan",
    scope: "model",
    when: { status: /^4/, code: /^model_not_supported$/ },
    advice:
      "Copilot does not serve this model to the plan, the organization's policy or the app of this sign-in: use one of GET /copilot/v1/models, enable it at github.com/settings/copilot, or sign in with another app (COPILOT_CLIENT_ID).",
    source: "providers/copilot.md §1.1, §4.5; reported 2026-04, high",
  },
  {
    class: "identity",
    scope: "account",
    when: {
      status: /^40[013]/,
      words: /personal access tokens are not supported|checking third-party user token/i,
    },
    advice: WRONG_APP,
    isTold: true,
    source: "providers/copilot.md §2.1, §4.5; code 2026-09, high",
  },
  {
    class: "identity",
    scope: "account",
    when: { status: /^466/ },
    advice:
      "Copilot does not accept Kleis as a client, which no variable changes: update Kleis. It does not pose as another client.",
    isTold: true,
    source: "providers/copilot.md §4.5; code 2026-09, medium",
  },
  {
    class: "policy",
    scope: "request",
    when: { status: /^400/, words: /missing required Copilot-Vision-Request header/i },
    advice:
      "Kleis sends that header with every image: the organization has to enable Copilot's preview features, or leave images out.",
    source: "providers/copilot.md §3.4; reported 2026-09, high",
  },
  {
    class: "policy",
    scope: "account",
    when: { status: /^403/, words: POLICY_WORDS },
    covers: "model",
    advice:
      "A policy of the organization, the enterprise or GitHub forbids this: its administrator can change it in Copilot's settings; the sign-in is good.",
    source: "providers/copilot.md §4.5; code 2026-09, high",
  },
  {
    class: "plan",
    scope: "account",
    when: {
      status: /^403/,
      words: /not authorized to use this Copilot feature|no (access to|subscription)|licen[cs]e/i,
    },
    covers: "model",
    advice: "This GitHub user has no Copilot seat that includes it: look at github.com/settings/copilot.",
    source: "providers/copilot.md §4.5; code 2026-09, high",
  },
  {
    class: "content",
    scope: "request",
    when: {
      code: /^(model_max_prompt_tokens_exceeded|unsupported_api_for_model|invalid_\w+|previous_response_not_found|content_filter)$/,
    },
    advice: null,
    source: "providers/copilot.md §4.5; code 2026-09, high",
  },
];

/** In order: the first that fits names the refusal. */
export const REFUSALS: readonly RefusalRow[] = [...BETWEEN, ...NAMED, ...REST];

export function classify(refused: Refused): Refusal {
  return classified(REFUSALS, refused, ENDS);
}

/** What is meant by the refusal; null where nothing else is. */
export function meantBy(protocol: Protocol, status: number, source: string): ErrorResponse | null {
  if (status !== 400 && status !== 413) return null;
  const value = parseJson(source);
  const error = isObject(value) && isObject(value.error) ? value.error : {};
  const counted = TOO_LONG.exec(source);
  if (counted === null && error.code !== TOO_LONG_CODE) return null;
  const said = text(error.message) ?? source.trim();
  return { status: 400, body: promptTooLong(protocol, said, counted) };
}

/**
 * Claude Code shortens a conversation when it reads `prompt is too long: <n> tokens > <n> maximum` and nothing else in
 * the message (2.1.330); clients of OpenAI's protocols go by the code `context_length_exceeded`.
 */
function promptTooLong(protocol: Protocol, said: string, counted: RegExpExecArray | null) {
  if (protocol === "messages") {
    const message =
      counted === null ? said : `prompt is too long: ${counted[1]} tokens > ${counted[2]} maximum`;
    return errorBody(protocol, { code: TOO_LONG_CODE, status: 400, message });
  }
  return errorBody(protocol, { code: "context_length_exceeded", status: 400, message: said });
}
