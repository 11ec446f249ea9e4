/** What each provider's refusals say about the limits of the account: class, scope and end. */
import { describe, expect, test } from "vitest";
import { verdictOf } from "../../src/limits/verdict.ts";
import { extraUsage } from "../../src/providers/claude/limits.ts";
import * as claude from "../../src/providers/claude/refusals.ts";
import * as codex from "../../src/providers/codex/refusals.ts";
import * as copilot from "../../src/providers/copilot/refusals.ts";
import { scopeCovers } from "../../src/providers/limit.ts";
import type { Refusal, Refused } from "../../src/providers/refusal.ts";
import { classifyErrorText } from "../../src/proxy/response/classify-refusal.ts";

/** A Wednesday, so that the next month is not far. */
const NOW = Date.UTC(2026, 10, 25, 12);
const NEXT_MONTH = (Date.UTC(2026, 11, 1) - NOW) / 1000;
const DAY = 86_400;

interface Said {
  status?: number;
  headers?: Record<string, string>;
  /** The error object, or a body that is not one. */
  error?: Record<string, unknown>;
  body?: string;
  model?: string;
  kind?: Refused["kind"];
  counts?: boolean;
}

type Provider = { classify(refused: Refused): Refusal };

/** The class, the scope where it is not the account, and the seconds until its end: a guess has none, a known month a `~`. */
function verdict(provider: Provider, said: Said, now = NOW): string {
  const { status = 429, headers = {}, error = {}, kind = "oauth", model = "m-1", counts = false } = said;
  const answer = { status, headers: new Headers(headers) };
  const body = said.body ?? JSON.stringify({ error });
  const { limit } = classifyErrorText(
    (refused) => provider.classify({ ...refused, kind }),
    answer,
    body,
    now,
  );
  const request = { model, counts, now };
  const { class: name, scope, untilMs, isStated } = verdictOf(limit, request);
  const end = untilMs === null ? [] : [`${isStated ? "" : "~"}${(untilMs - now) / 1000}`];
  return [name, ...(scope === "*" ? [] : [scope]), ...end].join(" ");
}

const at = (seconds: number) => String(Math.floor(NOW / 1000) + seconds);
const iso = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

type Row = readonly [expected: string, said: Said];

const USED = { type: "usage_limit_reached" };
const full = (window: string, seconds: number) => ({
  [`x-codex-${window}-used-percent`]: "100",
  [`x-codex-${window}-reset-at`]: at(seconds),
});

const CODEX: readonly Row[] = [
  ["window 9000", { error: { ...USED, resets_in_seconds: 9000, resets_at: Number(at(70)) } }],
  ["window 70", { error: { ...USED, resets_at: Number(at(70)) } }],
  ["window 400", { error: USED, headers: { ...full("primary", 300), ...full("secondary", 400) } }],
  ["window", { error: USED, headers: { ...full("bengalfox-primary", 300) } }],
  ["window 300", { error: USED, headers: { "x-codex-active-limit": "codex", ...full("primary", 300) } }],
  [
    "model_window m-1 300",
    {
      error: USED,
      headers: {
        "x-codex-active-limit": "codex_bengalfox",
        ...full("bengalfox-primary", 300),
        ...full("primary", 900),
      },
    },
  ],
  ["window 691200", { error: { ...USED, resets_in_seconds: 20 * DAY, plan_type: "plus" } }],
  ["window 1728000", { error: { ...USED, resets_in_seconds: 20 * DAY, plan_type: "free" } }],
  [
    "window 1728000",
    { error: { ...USED, resets_in_seconds: 20 * DAY }, headers: { "x-codex-plan-type": "go" } },
  ],
  ...["owner", "member"].flatMap((who) =>
    ["credits_depleted", "usage_limit_reached"].map(
      (what): Row => [
        "billing",
        { error: USED, headers: { "x-codex-rate-limit-reached-type": `workspace_${who}_${what}` } },
      ],
    ),
  ),
  [
    "billing 9000",
    {
      error: { ...USED, resets_in_seconds: 9000 },
      headers: { "x-codex-rate-limit-reached-type": "workspace_member_usage_limit_reached" },
    },
  ],
  ["denied", { error: { type: "usage_not_included" } }],
  ...[
    "codex_workspace_access_denied",
    "codex_entitlement_missing",
    "deactivated_workspace",
    "payment_required",
  ].flatMap((code) => [402, 403].map((status): Row => ["denied", { status, error: { code } }])),
  ["burst", { error: { code: "rate_limit_exceeded" } }],
  ["burst", { error: { code: "slow_down" } }],
  ["burst", { error: { message: "Rate limit reached. Please try again in 1.2s." } }],
  ["blocked", { status: 401, error: { code: "account_deactivated" } }],
  ["blocked", { status: 401, error: { code: "account_suspended" } }],
  ...[500, 502, 503, 504, 529].map((status): Row => ["overload", { status, error: {} }]),
  ["overload", { status: 503, error: { code: "server_is_overloaded" } }],
  ["overload", { status: 503, error: { message: "Selected model is at capacity." } }],
  ["content", { status: 400, body: '{"detail":"Unsupported parameter"}' }],
  ...["context_length_exceeded", "invalid_encrypted_content", "cyber_policy"].map(
    (code): Row => ["content", { status: 400, error: { code } }],
  ),
  ["edge", { status: 403, body: "<!DOCTYPE html><html>Attention Required!</html>" }],
  ["burst", { kind: "api_key", error: { code: "rate_limit_exceeded" } }],
  ["billing", { kind: "api_key", error: { type: "insufficient_quota" } }],
  ["billing", { kind: "api_key", error: { code: "credit_balance_exhausted" } }],
  ...[
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
  ].map((code): Row => [`billing ~${NEXT_MONTH}`, { kind: "api_key", error: { code } }]),
];

const unified = (values: Record<string, string | number>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `anthropic-ratelimit-unified-${name}`,
      typeof value === "number" ? at(value) : value,
    ]),
  );
const OPEN = { "5h-status": "allowed", "5h-reset": 70, "7d-status": "allowed_warning", "7d-reset": 80 };
const RATE = { type: "rate_limit_error", message: "This request would exceed your account's rate limit." };
const OPUS = { model: "claude-opus-4-8", error: RATE };
const MODEL_WINDOW = unified({
  status: "rejected",
  reset: 60,
  ...OPEN,
  "7d_oi-status": "rejected",
  "7d_oi-reset": 5000,
});

const CLAUDE: readonly Row[] = [
  [
    "window 9000",
    {
      error: RATE,
      headers: unified({
        status: "rejected",
        "5h-status": "rejected",
        "5h-reset": 9000,
        "7d-status": "allowed",
        "7d-reset": 500_000,
      }),
    },
  ],
  [
    "window 500000",
    {
      error: RATE,
      headers: unified({
        "5h-status": "rejected",
        "5h-reset": 9000,
        "7d-status": "rejected",
        "7d-reset": 500_000,
      }),
    },
  ],
  [
    "window 9000",
    // Whatever could be bought besides, and whatever its words are.
    {
      error: { ...RATE, message: "Turn on extra usage to keep going." },
      headers: unified({
        "5h-status": "rejected",
        "5h-reset": 9000,
        "overage-status": "rejected",
        "overage-disabled-reason": "out_of_credits",
      }),
    },
  ],
  ["window 60", { error: RATE, headers: unified({ status: "rejected", reset: 60 }) }],
  ["model_window claude-opus-4-8 5000", { ...OPUS, headers: { ...MODEL_WINDOW, "retry-after": "7" } }],
  ...(["opus", "sonnet"] as const).map(
    (family): Row => [
      `model_window *${family}* 60`,
      {
        error: RATE,
        model: `claude-${family}-4-8`,
        headers: unified({
          status: "rejected",
          reset: 60,
          ...OPEN,
          "representative-claim": `seven_day_${family}`,
        }),
      },
    ],
  ),
  [
    "model_window claude-haiku-4-5 5000",
    {
      error: RATE,
      model: "claude-haiku-4-5",
      headers: { ...MODEL_WINDOW, ...unified({ "representative-claim": "seven_day_opus" }) },
    },
  ],
  ...[
    "out_of_credits",
    "org_spend_cap_reached",
    "org_level_disabled_until",
    "member_zero_credit_limit",
  ].flatMap((reason): Row[] => {
    const overage = { "overage-status": "rejected", "overage-disabled-reason": reason };
    return [
      ["billing claude-opus-4-8", { ...OPUS, headers: unified({ status: "rejected", ...OPEN, ...overage }) }],
      [
        "billing 4000",
        { ...OPUS, headers: unified({ status: "rejected", ...overage, "overage-reset": 4000 }) },
      ],
    ];
  }),
  ["this_request", { error: { ...RATE, details: { error_code: "credits_required" } } }],
  ["this_request", { error: { ...RATE, message: "Extra usage is required for long context requests." } }],
  ["this_request", { error: { ...RATE, message: "You need usage credits." } }],
  ["this_request", { error: { ...RATE, message: "Fast mode is not available." } }],
  ["this_request", { status: 400, error: { message: "Third-party apps now draw from your extra usage." } }],
  ["this_request", { status: 400, error: { message: "You're out of extra usage." } }],
  ["burst", { error: RATE, headers: { "retry-after": "7" } }],
  ["burst", { error: { type: "overloaded_error" }, headers: MODEL_WINDOW }],
  [
    "burst",
    {
      error: RATE,
      headers: unified({ status: "rejected", "5h-status": "rejected", "slow-status": "slot_busy" }),
    },
  ],
  ["burst", { error: RATE, headers: unified({ status: "allowed", ...OPEN }) }],
  ["blocked", { status: 400, error: { message: "This organization has been disabled." } }],
  [
    "blocked",
    { status: 403, error: { message: "OAuth authentication is not allowed for this organization." } },
  ],
  ...[500, 504, 529].map((status): Row => ["overload", { status, error: {} }]),
  ["burst", { kind: "api_key", error: RATE, headers: { "anthropic-ratelimit-requests-remaining": "0" } }],
  [
    `billing ~${NEXT_MONTH}`,
    { kind: "api_key", error: { ...RATE, details: { error_code: "enforced_spend_limit_reached" } } },
  ],
  [
    `billing ${NEXT_MONTH}`,
    {
      kind: "api_key",
      status: 400,
      error: {
        message:
          "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
      },
    },
  ],
  [
    `billing ~${NEXT_MONTH}`,
    {
      kind: "api_key",
      status: 400,
      error: { message: "You have reached your specified workspace API usage limits." },
    },
  ],
  [
    "billing",
    { kind: "api_key", status: 400, error: { message: "Your credit balance is too low to access the API." } },
  ],
  ["billing", { kind: "api_key", status: 402, error: { type: "billing_error" } }],
];

const quota = (rem: number, seconds: number) =>
  `ent=300&ov=0.0&ovPerm=false&rem=${rem}&rst=${encodeURIComponent(iso(seconds))}`;
const global = { code: "user_global_rate_limited:pro" };

const COPILOT: readonly Row[] = [
  ["burst", { error: global, headers: { "retry-after": "60" } }],
  ["burst", { error: global, headers: { "retry-after": "3600", "x-ratelimit-exceeded": "global-user-tps" } }],
  ["window 61", { error: global, headers: { "retry-after": "61" } }],
  ["window 208800", { error: { code: "rate_limited" }, headers: { "retry-after": "208800" } }],
  ["window", { error: { ...global, message: "You have used your 5 hour session limit." } }],
  [
    "window 3600",
    {
      error: { ...global, message: "5 hour session" },
      headers: { "x-usage-ratelimit-session": quota(0, 3600) },
    },
  ],
  ["burst", { error: global }],
  [
    "window 7000",
    {
      error: { code: "user_weekly_rate_limited" },
      headers: { "retry-after": "7000", "x-usage-ratelimit-weekly": quota(0, 9) },
    },
  ],
  [
    "window 9000",
    { error: { code: "user_weekly_rate_limited" }, headers: { "x-usage-ratelimit-weekly": quota(-1, 9000) } },
  ],
  [
    "window",
    { error: { code: "user_weekly_rate_limited" }, headers: { "x-usage-ratelimit-weekly": quota(3, 9000) } },
  ],
  [
    "window 691200",
    { error: { code: "user_weekly_rate_limited" }, headers: { "retry-after": String(587 * 3600) } },
  ],
  ["model_window m-1 100", { error: { code: "user_model_rate_limited" }, headers: { "retry-after": "100" } }],
  ["model_window m-1", { error: { code: "user_model_rate_limited" } }],
  ...[
    "integration_rate_limited",
    "model_overloaded",
    "agent_mode_limit_exceeded",
    "upstream_provider_rate_limit",
  ].map((code): Row => ["overload", { error: { code }, headers: { "retry-after": "3600" } }]),
  ...["quota_exceeded", "free_quota_exceeded", "overage_limit_reached", "billing_not_configured"].flatMap(
    (code): Row[] => [
      [
        "billing 9000",
        {
          status: 402,
          error: { code },
          headers: { "x-quota-snapshot-premium_interactions": quota(0.3, 9000) },
        },
      ],
      [`billing ~${NEXT_MONTH}`, { status: 402, error: { code } }],
    ],
  ),
  ["denied m-1", { status: 403, body: "Access denied by policy settings" }],
  ["denied m-1", { status: 403, body: "You have no Copilot licence." }],
  ["overload", { status: 500, body: "internal server error\n" }],
];

/** What any provider's account may be answered. */
const ANY: readonly Row[] = [
  ...[404, 409, 413, 418, 422].map((status): Row => ["content", { status, error: { message: "No." } }]),
  ["content", { status: 402, error: { message: "Something new." } }],
  ["auth", { status: 401, error: { message: "Token expired." } }],
  ["burst", { error: { message: "Too many." }, headers: { "retry-after": "459202" } }],
  ["burst", { body: "" }],
  ["burst", { body: `{"error":{"message":"${"x".repeat(2_000_000)}"}}` }],
  ["burst", { body: '{"error":{"mess' }],
  ["burst", { body: "\u001f\ufffd\b gzip that nobody has unpacked" }],
  ["edge", { body: "<html><body>1015 You are being rate limited</body></html>" }],
  ["edge", { status: 503, body: "<html>503</html>" }],
  ["edge", { status: 403, body: "", headers: { "cf-mitigated": "challenge" } }],
  ["edge", { status: 407, body: "Proxy Authentication Required" }],
];

const PROVIDERS: readonly [string, Provider, readonly Row[]][] = [
  ["codex", codex, [...CODEX, ...ANY.filter(([, { status }]) => status !== 402)]],
  ["claude", claude, [...CLAUDE, ...ANY.filter(([, { status }]) => status !== 402)]],
  ["copilot", copilot, [...COPILOT, ...ANY]],
];

describe.each(PROVIDERS)("%s", (_id, provider, rows) => {
  test.each(rows.map(([expected, said]) => [expected, JSON.stringify(said).slice(0, 150), said] as const))(
    "%s: %s",
    (expected, _name, said) => {
      expect(verdict(provider, said)).toBe(expected);
    },
  );

  test("counting tokens has limits of its own", () => {
    for (const [, said] of rows) expect(verdict(provider, { ...said, counts: true })).toBe("content");
  });
});

/** Windows whose end is written as a number of seconds from now, and as a time. */
const ENDS: readonly [string, Provider, (value: string) => Said][] = [
  ["codex, seconds", codex, (value) => ({ error: { ...USED, resets_in_seconds: value } })],
  [
    "copilot, retry-after",
    copilot,
    (value) => ({ error: { code: "user_weekly_rate_limited" }, headers: { "retry-after": value } }),
  ],
];
const TIMES: readonly [string, Provider, (value: string) => Said][] = [
  ["codex", codex, (value) => ({ error: { ...USED, resets_at: value } })],
  [
    "claude",
    claude,
    (value) => ({ error: RATE, headers: unified({ "5h-status": "rejected", "5h-reset": value }) }),
  ],
];

test.each(ENDS)("%s: only a sensible wait is an end", (_name, provider, said) => {
  for (const value of ["-1", "0", "soon", "", "NaN", "1e3", "Infinity", "1000000000000"])
    expect([value, verdict(provider, said(value))]).toEqual([value, "window"]);
  expect(verdict(provider, said(String(400 * DAY)))).toBe(`window ${8 * DAY}`);
});

test("a date in `retry-after` is read", () => {
  const error = { code: "user_weekly_rate_limited" };
  const headers = { "retry-after": new Date(NOW + 9_000_000).toUTCString() };
  expect(verdict(copilot, { error, headers })).toBe("window 9000");
});

test.each(TIMES)("%s: only a time ahead is an end", (_name, provider, said) => {
  for (const value of [at(-5), at(0), `${at(900)}000`, "soon", "", "NaN", "-1"])
    expect([value, verdict(provider, said(value))]).toEqual([value, "window"]);
  expect(verdict(provider, said(at(400 * DAY)))).toBe(`window ${8 * DAY}`);
});

test.each([-300, 300, 36_000])("a clock that is %i s ahead of the provider's changes no wait", (skew) => {
  const headers = { date: new Date(NOW).toUTCString() };
  const local = NOW + skew * 1000;
  for (const [, provider, said] of TIMES) {
    const skewed = said(at(9000));
    expect(verdict(provider, { ...skewed, headers: { ...skewed.headers, ...headers } }, local)).toBe(
      "window 9000",
    );
  }
  const wait = { error: { ...USED, resets_in_seconds: 9000 }, headers };
  expect(verdict(codex, wait, local)).toBe("window 9000");
});

test("a difference of up to 5 s is the network's", () => {
  const headers = { date: new Date(NOW).toUTCString() };
  expect(verdict(codex, { error: { ...USED, resets_at: at(9000) }, headers }, NOW + 5000)).toBe(
    "window 8995",
  );
});

test("a Claude plan that spends extra usage is known by the response that passed", () => {
  const spends = (values: Record<string, string | number>) => extraUsage(new Headers(unified(values)), NOW);
  const until = Number(at(9000));
  const used = { status: "rejected", "5h-status": "rejected", "5h-reset": 9000 };
  expect(spends({ ...used, "overage-status": "allowed" })).toEqual({ until });
  expect(spends({ ...used, "overage-status": "allowed_warning" })).toEqual({ until });
  expect(spends({ "overage-in-use": "true" })).toEqual({ until: null });
  expect(spends({ ...used, "overage-status": "rejected" })).toBeNull();
  expect(spends({ status: "allowed", "overage-status": "allowed" })).toBeNull();
  expect(spends({ "overage-in-use": "false" })).toBeNull();
});

test("a scope holds for the account, a model or a family", () => {
  const covered = ["*", "claude-opus-4-8", "*opus*", "gpt-5.*", "gpt-5"].filter((scope) =>
    scopeCovers(scope, "claude-opus-4-8"),
  );
  expect(covered).toEqual(["*", "claude-opus-4-8", "*opus*"]);
  expect(scopeCovers("gpt-5.*", "gpt-5.5-codex")).toBe(true);
  expect(scopeCovers("gpt-5.*", "gpt-515")).toBe(false);
});
