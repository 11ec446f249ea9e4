/** What a refusal tells agents about asking again, over every form in which providers say until when they refuse. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseJson } from "../../src/json.ts";
import { createTestApp, type TestApp } from "../streams/support/test-app.ts";
import { requestBody, type StreamProtocol } from "../streams/support/ways.ts";
import type { AccountName } from "../support/accounts.ts";

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
  await kleis.clock.advance(1000 - (kleis.clock.now() % 1000));
});
afterEach(() => kleis.uncool());
afterAll(() => kleis.close());

const ROUTES: Record<StreamProtocol, string> = {
  messages: "/v1/messages",
  responses: "/v1/responses",
  chat: "/v1/chat/completions",
};

interface Said {
  status?: number;
  headers?: Record<string, string>;
  error?: Record<string, unknown>;
  /** In place of an error body. */
  body?: string;
}

type Asked = readonly [as: AccountName, protocol: StreamProtocol, path?: string];
const CLAUDE: Asked = ["claude", "messages"];
const CODEX: Asked = ["codex", "responses"];
const COPILOT: Asked = ["copilot", "chat", "/copilot/v1/chat/completions"];
const ALL: readonly Asked[] = [
  CLAUDE,
  ["claudeKey", "messages"],
  CODEX,
  ["openaiKey", "responses"],
  ["openaiKey", "chat"],
  COPILOT,
  ["copilot", "responses", "/copilot/v1/responses"],
  ["copilot", "messages", "/copilot/v1/messages"],
];

async function refused([as, protocol, path = ROUTES[protocol]]: Asked, said: Said, stream = true) {
  const { status = 429, headers = {}, error = {} } = said;
  const shape = { error: { message: "No.", type: "rate_limit_error", code: null, ...error } };
  const body = said.body ?? JSON.stringify(protocol === "messages" ? { type: "error", ...shape } : shape);
  kleis.serve(() => new Response(body, { status, headers }));
  const model = protocol === "messages" ? "claude-opus-4.8" : "gpt-5.5";
  const named = as === "copilot" && protocol === "chat" ? "gpt-5-mini" : model;
  const asked = { ...requestBody(protocol, as.startsWith("claude") ? "claude-sonnet-5" : named), stream };
  const response = await kleis.post(path, asked, { as });
  const text = await response.text();
  return {
    status: response.status,
    isSame: text === body,
    text,
    advice: Object.fromEntries(
      ["retry-after", "retry-after-ms", "x-should-retry", "x-kleis-resets-at"].flatMap((name) => {
        const value = response.headers.get(name);
        return value === null ? [] : [[name, value]];
      }),
    ),
  };
}

/** Unix seconds so many seconds from now. */
const at = (seconds: number) => Math.floor(kleis.clock.now() / 1000) + seconds;
const lasting = (until?: number) => ({
  "x-should-retry": "false",
  ...(until === undefined ? {} : { "x-kleis-resets-at": String(until) }),
});

describe.each(ALL.map((asked) => [asked[0], asked[1], asked] as const))(
  "%s on %s",
  (_as, _protocol, asked) => {
    test.each([1, 7, 59, 60])("a wait of %i s stays in `retry-after`", async (seconds) => {
      const headers = { "retry-after": String(seconds), "retry-after-ms": String(seconds * 1000) };
      const { isSame, advice } = await refused(asked, { headers });
      expect([isSame, advice]).toEqual([true, headers]);
    });

    test.each([61, 3600, 9000, 459_202])("one of %i s does not, and says when it ends", async (seconds) => {
      for (const name of ["retry-after", "retry-after-ms"]) {
        const value = String(name === "retry-after" ? seconds : seconds * 1000);
        const { status, isSame, advice } = await refused(asked, { headers: { [name]: value } });
        expect([status, isSame]).toEqual([429, true]);
        expect(advice).toMatchObject({ "x-should-retry": "false", "x-kleis-resets-at": String(at(seconds)) });
        expect(advice).not.toHaveProperty(name);
      }
    });

    test.each(["-1", "soon", "", "NaN", "1e3", "Infinity"])(
      "what makes no sense is left out: %j",
      async (value) => {
        const { advice } = await refused(asked, {
          headers: { "retry-after": value, "retry-after-ms": value },
        });
        expect(advice).toEqual({});
      },
    );

    test("a wait of 0 is no end of a limit, and stays for what passes", async () => {
      expect((await refused(asked, { headers: { "retry-after": "0" } })).advice).toEqual({
        "retry-after": "0",
      });
    });

    test("a wait beyond every limit is not slept, and its end is not believed", async () => {
      for (const value of ["1000000000000", String(at(9000)), String(at(9000) * 1000)])
        expect((await refused(asked, { headers: { "retry-after": value } })).advice).toEqual(lasting());
    });

    test("a date is read", async () => {
      const on = (seconds: number) => new Date(at(seconds) * 1000).toUTCString();
      const near = on(30);
      expect((await refused(asked, { headers: { "retry-after": near } })).advice).toEqual({
        "retry-after": near,
      });
      expect((await refused(asked, { headers: { "retry-after": on(9000) } })).advice).toEqual(
        lasting(at(9000)),
      );
      // By the provider's clock, where that is another: this one is ten hours ahead of ours.
      const headers = { date: on(36_000), "retry-after": on(36_000 + 30) };
      expect((await refused(asked, { headers })).advice).toEqual({ "retry-after": headers["retry-after"] });
    });

    test.each([401, 402, 403])("asking again is pointless after %i", async (status) => {
      const { advice, isSame } = await refused(asked, { status, headers: { "retry-after": "5" } });
      expect([isSame, advice]).toEqual([true, lasting()]);
    });

    test.each([400, 404, 500, 503, 529])("%i is as it was", async (status) => {
      const headers = { "retry-after": "5", "x-should-retry": "true" };
      expect((await refused(asked, { status, headers })).advice).toEqual(headers);
    });

    test("an error without a shape is advised on as well", async () => {
      const { advice, text } = await refused(asked, { headers: { "retry-after": "9000" }, body: "<html>" });
      expect(advice).toEqual(lasting(at(9000)));
      expect(parseJson(text)).toMatchObject({ error: { message: expect.stringContaining("429") } });
    });
  },
);

describe("the end of a ChatGPT plan's window", () => {
  const used = { type: "usage_limit_reached", plan_type: "plus" };
  const exhausted = { "x-codex-primary-used-percent": "100" };

  test.each<[string, () => Said, number | undefined]>([
    ["resets_in_seconds", () => ({ error: { ...used, resets_in_seconds: 9000 } }), 9000],
    ["resets_at", () => ({ error: { ...used, resets_at: at(9000) } }), 9000],
    ["digits as text", () => ({ error: { ...used, resets_at: String(at(9000)) } }), 9000],
    ["the name as its code", () => ({ error: { code: "usage_limit_reached", resets_at: at(9000) } }), 9000],
    [
      "header of the full window",
      () => ({ error: used, headers: { ...exhausted, "x-codex-primary-reset-at": String(at(70)) } }),
      70,
    ],
    [
      "the last of two full windows",
      () => ({
        error: used,
        headers: {
          ...exhausted,
          "x-codex-primary-reset-at": String(at(70)),
          "x-codex-secondary-used-percent": "100.0",
          "x-codex-secondary-reset-after-seconds": "90000",
        },
      }),
      90_000,
    ],
    [
      "a window that is not full",
      () => ({
        error: used,
        headers: { "x-codex-primary-used-percent": "12", "x-codex-primary-reset-at": String(at(70)) },
      }),
      undefined,
    ],
    [
      "a model's own window",
      () => ({
        error: used,
        headers: {
          "x-codex-active-limit": "codex_x",
          "x-codex-x-primary-used-percent": "100",
          "x-codex-x-primary-reset-at": String(at(400)),
        },
      }),
      400,
    ],
    ["milliseconds", () => ({ error: { ...used, resets_at: at(9000) * 1000 } }), undefined],
    ["the past", () => ({ error: { ...used, resets_at: at(-9000) } }), undefined],
    ["below zero", () => ({ error: { ...used, resets_in_seconds: -1 } }), undefined],
    ["zero", () => ({ error: { ...used, resets_in_seconds: 0 } }), undefined],
    ["words", () => ({ error: { ...used, resets_at: "soon", resets_in_seconds: null } }), undefined],
    ["beyond every limit", () => ({ error: { ...used, resets_in_seconds: 1e12 } }), undefined],
    ["nothing", () => ({ error: used }), undefined],
    ["nothing but a wait of 0", () => ({ error: used, headers: { "retry-after": "0" } }), undefined],
  ])("%s", async (_form, said, seconds) => {
    const { advice, isSame } = await refused(CODEX, said());
    expect([isSame, advice]).toEqual([true, lasting(seconds === undefined ? undefined : at(seconds))]);
  });

  test("one that is near is worth the wait", async () => {
    const { advice } = await refused(CODEX, { error: { ...used, resets_in_seconds: 20 } });
    expect(advice).toEqual({ "retry-after": "20", "x-kleis-resets-at": String(at(20)) });
  });

  test.each([
    "usage_not_included",
    "insufficient_quota",
    "organization_spend_limit_exceeded",
    "deactivated_workspace",
  ])("%s has no end", async (name) => {
    for (const error of [{ code: name }, { type: name }])
      expect((await refused(CODEX, { error })).advice).toEqual(lasting());
  });

  test("the same from a failure inside a stream, for a client that does not stream", async () => {
    const error = { code: "usage_limit_reached", message: "Used up.", resets_at: at(9000) };
    for (const body of [
      `event: response.failed\ndata: ${JSON.stringify({ type: "response.failed", response: { status: "failed", error } })}\n\n`,
      `event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`,
    ]) {
      const got = await refused(CODEX, { status: 200, body }, false);
      expect([got.status, got.advice]).toEqual([429, lasting(at(9000))]);
    }
  });
});

describe("the end of a Claude plan's window", () => {
  const unified = (values: Record<string, string | number>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        `anthropic-ratelimit-unified-${name}`,
        typeof value === "number" ? String(at(value)) : value,
      ]),
    );

  test.each<[string, () => Record<string, string>, number | undefined]>([
    ["five hours", () => unified({ status: "rejected", "5h-status": "rejected", "5h-reset": 9000 }), 9000],
    [
      "the later of two",
      () =>
        unified({ "5h-status": "rejected", "5h-reset": 9000, "7d-status": "rejected", "7d-reset": 500_000 }),
      500_000,
    ],
    [
      "not of one that is open",
      () =>
        unified({ "5h-status": "rejected", "5h-reset": 9000, "7d-status": "allowed", "7d-reset": 500_000 }),
      9000,
    ],
    [
      "a model's",
      () =>
        unified({
          status: "rejected",
          "5h-status": "allowed",
          "5h-reset": 70,
          "7d_oi-status": "rejected",
          "7d_oi-reset": 500_000,
        }),
      500_000,
    ],
    ["the deciding one", () => unified({ status: "rejected", reset: 9000 }), 9000],
    ["in milliseconds", () => unified({ status: "rejected", reset: String(at(9000) * 1000) }), undefined],
    ["in the past", () => unified({ status: "rejected", reset: -5 }), undefined],
    ["unknown", () => unified({ status: "rejected" }), undefined],
  ])("%s", async (_form, headers, seconds) => {
    const said = { headers: { ...headers(), ...(seconds === undefined ? {} : { "retry-after": "7" }) } };
    const { advice, isSame } = await refused(CLAUDE, said);
    expect([isSame, advice]).toEqual([true, lasting(seconds === undefined ? undefined : at(seconds))]);
  });

  test.each([
    [400, { message: "You're out of extra usage." }],
    [400, { message: "Your credit balance is too low to access the API." }],
    [429, { message: "You have reached your specified API usage limits." }],
    [429, { message: "x", details: { error_code: "enforced_spend_limit_reached" } }],
    [429, { type: "billing_error" }],
  ])("money is not there sooner for asking: %i %j", async (status, error) => {
    expect((await refused(CLAUDE, { status, error })).advice).toEqual(lasting());
  });
});

describe("the end of a Copilot quota", () => {
  const quota = (rem: number, seconds: number) =>
    new URLSearchParams({
      ent: "300",
      rem: String(rem),
      rst: new Date(at(seconds) * 1000).toISOString(),
    }).toString();

  test.each<[string, () => Said, number | undefined]>([
    [
      "premium requests",
      () => ({
        status: 402,
        error: { code: "quota_exceeded" },
        headers: { "x-quota-snapshot-premium_models": quota(0, 9000) },
      }),
      9000,
    ],
    [
      "what was left one request ago",
      () => ({
        status: 402,
        error: { code: "quota_exceeded" },
        headers: { "x-quota-snapshot-premium_models": quota(29.7, 9000) },
      }),
      9000,
    ],
    [
      "a week",
      () => ({
        error: { code: "user_weekly_rate_limited" },
        headers: { "x-usage-ratelimit-weekly": quota(0, 500_000) },
      }),
      500_000,
    ],
    ["a week without an end", () => ({ error: { code: "user_weekly_rate_limited" } }), undefined],
    [
      "a plan's window",
      () => ({ error: { code: "user_global_rate_limited:pro" }, headers: { "retry-after": "208800" } }),
      208_800,
    ],
  ])("%s", async (_form, said, seconds) => {
    const { advice } = await refused(COPILOT, said());
    expect(advice).toEqual(lasting(seconds === undefined ? undefined : at(seconds)));
  });
});
