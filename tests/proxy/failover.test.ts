/** Limits on the whole application: what is learned, what is refused without a call, and when another account takes over. */
import { beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_POLICY, POLICIES, type ProviderPolicy, writePolicies } from "../../src/limits/policy.ts";
import { soundsTemporary } from "../../src/protocols/stream-errors.ts";
import type { LimitClass } from "../../src/providers/limit.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { type Answer, answerOf } from "../support/requests.ts";
import type { Sent } from "../support/runtime.ts";

type Id = "claude" | "codex" | "copilot";
type Reply = (sent: Sent) => Response | Promise<Response>;

const HOUR = 3_600;
let kleis: Kleis;
let key: string;
/** What each account's provider says, by the account's token; a success where nothing is set. */
let replies: Map<string, Reply>;

beforeEach(async () => {
  replies = new Map();
  kleis = await startKleis({
    network: async (url, init) => {
      const { authorization = "" } = Object.fromEntries(new Headers(init.headers));
      const sent = kleis.sent.at(-1);
      if (init.method !== "POST" || sent === undefined) return new Response(null, { status: 404 });
      const reply = replies.get(authorization.replace("Bearer ", "")) ?? success;
      expect(url).toMatch(/^https:/);
      return reply(sent);
    },
  });
});

const now = () => Math.floor(kleis.clock.ms / 1000);

const ROUTES = {
  claude: {
    path: "/claude/v1/messages",
    body: { model: "claude-sonnet-5", max_tokens: 9, messages: [user("hi")] },
  },
  codex: { path: "/codex/v1/responses", body: { model: "gpt-5.5", stream: true, input: [user("hi")] } },
  copilot: { path: "/copilot/v1/chat/completions", body: { model: "gpt-5-mini", messages: [user("hi")] } },
} as const;

function user(content: string) {
  return { role: "user", content };
}

const event = (type: string, more: object = {}) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const CREATED = event("response.created", { response: { id: "r" } }) + event("response.in_progress");
const DONE = event("response.completed", { response: { id: "r", status: "completed", output: [] } });
const DELTA = event("response.output_text.delta", { delta: "hello" });

function stream(...parts: string[]): Response {
  const body = new ReadableStream({
    async start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const success: Reply = ({ url }) => {
  if (url.includes("/responses")) return stream(CREATED, DELTA, DONE);
  if (url.includes("/messages")) return Response.json({ id: "m", type: "message", content: [] });
  return Response.json({ id: "c", choices: [] });
};

const refusal =
  (status: number, error: object, headers: Record<string, string> = {}): Reply =>
  () =>
    Response.json({ type: "error", error: { message: "No.", ...error } }, { status, headers });

const unified = (values: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`anthropic-ratelimit-unified-${name}`, value]),
  );

/** A signal of each class that makes an account rest, or does not; `s`: seconds until its stated end. */
const SIGNALS: readonly [Id, LimitClass, number | null, () => Reply][] = [
  ["codex", "window", HOUR, () => refusal(429, { type: "usage_limit_reached", resets_in_seconds: HOUR })],
  [
    "codex",
    "model_window",
    HOUR,
    () =>
      refusal(
        429,
        { type: "usage_limit_reached", resets_in_seconds: HOUR },
        { "x-codex-active-limit": "codex_bengalfox" },
      ),
  ],
  [
    "codex",
    "billing",
    null,
    () =>
      refusal(
        429,
        { type: "usage_limit_reached" },
        { "x-codex-rate-limit-reached-type": "workspace_owner_credits_depleted" },
      ),
  ],
  ["codex", "denied", null, () => refusal(403, { code: "codex_entitlement_missing" })],
  ["codex", "window", HOUR, () => () => stream(CREATED, event("response.failed", failed()))],
  [
    "claude",
    "window",
    HOUR,
    () =>
      refusal(
        429,
        { type: "rate_limit_error" },
        unified({ "5h-status": "rejected", "5h-reset": String(now() + HOUR) }),
      ),
  ],
  ["claude", "billing", null, () => refusal(402, { type: "billing_error" })],
  [
    "copilot",
    "window",
    HOUR,
    () => refusal(429, { code: "user_weekly_rate_limited" }, { "retry-after": String(HOUR) }),
  ],
  ["copilot", "model_window", null, () => refusal(429, { code: "user_model_rate_limited" })],
  ["copilot", "denied", null, () => () => new Response("Access denied by policy settings", { status: 403 })],
];

function failed() {
  const error = { code: "usage_limit_reached", message: "Used up.", resets_in_seconds: HOUR };
  return { response: { id: "r", status: "failed", error } };
}

/** Two accounts of a provider, the first of them primary. */
async function open(provider: Id, policy: Partial<ProviderPolicy> = {}): Promise<void> {
  await kleis.account(provider, { metadata: { account_id: "one" } });
  await kleis.account(provider, { metadata: { account_id: "two" }, now: kleis.clock.ms + 1 });
  const set = new Map([[provider, { ...DEFAULT_POLICY, ...policy }]]);
  await kleis.storage.settings.set(POLICIES, writePolicies(set), 1);
  ({ key } = await kleis.key());
}

const ON = { failover: "own_accounts" } as const;
const first = (reply: Reply) => replies.set("planted-token-1", reply);
const second = (reply: Reply) => replies.set("planted-token-2", reply);

interface Asked extends Answer {
  /** The accounts that it was sent with, in order. */
  readonly with: readonly string[];
}

async function ask(provider: Id, change: object = {}, headers: Record<string, string> = {}): Promise<Asked> {
  const before = kleis.sent.length;
  const { path, body } = ROUTES[provider];
  const response = await kleis.request(path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...body, ...change }),
  });
  const answer = await answerOf(response);
  const posts = kleis.sent
    .slice(before)
    .filter(({ method, headers: sent }) => method === "POST" && sent.has("authorization"));
  return { ...answer, with: posts.map(({ headers: sent }) => (sent.get("authorization") ?? "").slice(-1)) };
}

const servedBy = ({ headers }: Answer) => headers.get("x-kleis-account");

describe.each(SIGNALS)("%s, %s", (provider, _name, seconds, signal) => {
  test("without failover it passes, and later requests are refused by a stated end alone", async () => {
    await open(provider);
    first(signal());
    const passed = await ask(provider);
    expect(passed.with).toEqual(["1"]);
    expect(servedBy(passed)).toBe("acc_1");
    const later = await ask(provider);
    if (seconds === null) {
      expect(later.with).toEqual(["1"]);
      return;
    }
    expect([later.status, later.with]).toEqual([429, []]);
    expect(later.json).toMatchObject({
      error: { code: "accounts_exhausted" },
    });
    expect(later.headers.get("x-should-retry")).toBe("false");
    expect(later.headers.get("retry-after")).toBeNull();
    expect(later.headers.get("x-kleis-resets-at")).toBe(String(now() + seconds));
    expect(later.message).toMatch(/\d\d:\d\d UTC/);
    expect(soundsTemporary(later.message)).toBe(false);
    if (provider === "codex")
      expect(later.json.error).toMatchObject({ type: "usage_limit_reached", resets_at: now() + seconds });
  });

  test("with failover the client gets the second account's response, and later ones go there at once", async () => {
    await open(provider, ON);
    first(signal());
    const moved = await ask(provider);
    expect([moved.status, moved.with]).toEqual([200, ["1", "2"]]);
    expect(servedBy(moved)).toBe("acc_2");
    const later = await ask(provider);
    expect([later.status, later.with]).toEqual([200, ["2"]]);
  });
});

const PASSING: readonly [Id, LimitClass, () => Reply][] = [
  ["codex", "burst", () => refusal(429, { code: "rate_limit_exceeded" }, { "retry-after": "2" })],
  ["codex", "overload", () => refusal(503, { code: "server_is_overloaded" })],
  ["codex", "content", () => refusal(400, { code: "context_length_exceeded" })],
  ["codex", "edge", () => () => new Response("<html>blocked</html>", { status: 403 })],
  [
    "codex",
    "overload",
    () => () => stream(CREATED, event("error", { error: { code: "server_is_overloaded" } })),
  ],
  ["claude", "burst", () => refusal(429, { type: "rate_limit_error" })],
  ["claude", "this_request", () => refusal(400, { message: "You're out of extra usage." })],
  [
    "copilot",
    "overload",
    () => refusal(429, { code: "integration_rate_limited" }, { "retry-after": "9000" }),
  ],
];

test.each(PASSING)(
  "%s, %s: passes, moves nothing and changes nothing later",
  async (provider, _name, signal) => {
    await open(provider, ON);
    first(signal());
    expect((await ask(provider)).with).toEqual(["1"]);
    replies.clear();
    const later = await ask(provider);
    expect([later.status, later.with]).toEqual([200, ["1"]]);
    expect(await kleis.storage.limits.read()).toMatchObject({ rows: [] });
  },
);

describe("all accounts exhausted", () => {
  const used = (seconds: number) => refusal(429, { type: "usage_limit_reached", resets_in_seconds: seconds });

  test("a hop that is limited too is refused with the first reset, and later requests ask nobody", async () => {
    await open("codex", ON);
    first(used(9000));
    second(used(HOUR));
    const both = await ask("codex");
    expect([both.status, both.with]).toEqual([429, ["1", "2"]]);
    expect(both.json.error).toMatchObject({ code: "accounts_exhausted", resets_at: now() + HOUR });
    expect((await ask("codex")).with).toEqual([]);
  });

  test("a reset within a minute may be waited for", async () => {
    await open("codex");
    first(used(20));
    await ask("codex");
    const later = await ask("codex");
    expect(Number(later.headers.get("retry-after"))).toBeGreaterThanOrEqual(20);
    expect(Number(later.headers.get("retry-after"))).toBeLessThanOrEqual(25);
  });

  test("what else the second account's provider says passes; where it cannot be asked the first refusal does", async () => {
    await open("codex", ON);
    first(used(HOUR));
    second(refusal(400, { code: "context_length_exceeded" }));
    expect((await ask("codex")).status).toBe(400);
    await kleis.admin("POST", "/admin/accounts/acc_1/uncool");
    second(() => Promise.reject(new Error("reset")));
    const passed = await ask("codex");
    expect([passed.status, servedBy(passed)]).toEqual([429, "acc_1"]);
    expect(passed.json.error).toMatchObject({ type: "usage_limit_reached" });
  });

  test("after the reset it serves again, and at once where the owner says so", async () => {
    await open("codex");
    // A short one, while what was read of the database is fresh: the database goes by a clock of its own.
    first(used(1));
    await ask("codex");
    replies.clear();
    expect((await ask("codex")).status).toBe(429);
    kleis.clock.ms += 7_000;
    expect((await ask("codex")).status).toBe(200);
    first(used(HOUR));
    await ask("codex");
    replies.clear();
    expect((await ask("codex")).status).toBe(429);
    await kleis.admin("POST", "/admin/accounts/acc_1/uncool");
    expect((await ask("codex")).status).toBe(200);
  });
});

describe("a request moves at most once, and only if it can", () => {
  const used = refusal(429, { type: "usage_limit_reached", resets_in_seconds: HOUR });

  test.each([
    { previous_response_id: "resp_1" },
    { conversation: "conv_1" },
    { input: [{ type: "compaction", encrypted_content: "AAA" }, user("hi")] },
    { input: [{ role: "user", content: [{ type: "input_file", file_id: "file_1" }] }] },
  ])("not one that refers to what only its account has: %j", async (change) => {
    await open("codex", ON);
    first(used);
    const { status, with: sent } = await ask("codex", change);
    expect([status >= 400, sent.includes("2")]).toEqual([true, false]);
  });

  test("not a key that forbids it", async () => {
    await open("codex", ON);
    ({ key } = await kleis.key({ failover: "never" }));
    first(used);
    expect((await ask("codex")).with).toEqual(["1"]);
    expect((await ask("codex")).json.error).toMatchObject({ code: "accounts_exhausted" });
  });

  test("not after 20 s", async () => {
    await open("codex", ON);
    first((sent) => {
      kleis.clock.ms += 20_000;
      return used(sent);
    });
    expect((await ask("codex")).with).toEqual(["1"]);
  });

  test("not after the first output", async () => {
    await open("codex", ON);
    first(() => stream(CREATED, DELTA, event("response.failed", failed())));
    const answer = await ask("codex");
    expect([answer.status, answer.with]).toEqual([200, ["1"]]);
    expect(answer.text).toContain("response.failed");
    // It is learned all the same.
    expect((await ask("codex")).with).toEqual(["2"]);
  });

  test("to an API key that costs money only with the owner's leave", async () => {
    await kleis.account("claude");
    await kleis.account("claude", { kind: "api_key", now: kleis.clock.ms + 1 });
    await kleis.storage.settings.set(
      POLICIES,
      writePolicies(new Map([["claude", { ...DEFAULT_POLICY, ...ON }]])),
      1,
    );
    ({ key } = await kleis.key());
    first(refusal(402, { type: "billing_error" }));
    const answer = await ask("claude");
    expect([answer.status, servedBy(answer)]).toEqual([402, "acc_1"]);
  });

  test("sealed reasoning stays behind, and the change is named", async () => {
    await open("codex", ON);
    first(used);
    const sealed = { type: "reasoning", summary: [], encrypted_content: "AAA" };
    const moved = await ask("codex", { input: [user("hi"), sealed, user("on")] });
    expect([moved.status, moved.with]).toEqual([200, ["1", "2"]]);
    expect(moved.headers.get("x-kleis-changes")).toContain("foreign-reasoning");
    expect(kleis.sent.at(-1)?.text).not.toContain("AAA");
  });

  test("first, hop and one repair are the most that is sent", async () => {
    await open("codex", ON);
    const sealed = { type: "reasoning", summary: [], encrypted_content: "AAA" };
    const unreadable = refusal(400, { code: "invalid_encrypted_content", message: "encrypted content" });
    let asked = 0;
    first((sent) => (asked++ === 0 ? unreadable(sent) : used(sent)));
    second(unreadable);
    const answer = await ask("codex", { input: [user("hi"), sealed, user("on")] });
    expect(answer.with).toEqual(["1", "1", "2"]);
    expect(answer.status).toBe(400);
  });
});

describe("a session", () => {
  const used = refusal(429, { type: "usage_limit_reached", resets_in_seconds: HOUR });
  const session = { session_id: "one-session" };

  test("stays with the account that it moved to, and others go back to the primary", async () => {
    await open("codex", ON);
    first(used);
    expect((await ask("codex", {}, session)).with).toEqual(["1", "2"]);
    replies.clear();
    await kleis.admin("POST", "/admin/accounts/acc_1/uncool");
    expect((await ask("codex", {}, session)).with).toEqual(["2"]);
    expect((await ask("codex", {}, { session_id: "another" })).with).toEqual(["1"]);
    expect((await ask("codex")).with).toEqual(["1"]);
  });

  test("moves on where that account is exhausted, and a burst does not move it", async () => {
    await open("codex", ON);
    first(used);
    await ask("codex", {}, session);
    await kleis.admin("POST", "/admin/accounts/acc_1/uncool");
    second(refusal(429, { code: "rate_limit_exceeded" }));
    first(success);
    expect((await ask("codex", {}, session)).with).toEqual(["2"]);
    second(used);
    expect((await ask("codex", {}, session)).with).toEqual(["2", "1"]);
    expect((await ask("codex", {}, session)).with).toEqual(["1"]);
  });
});

describe("an account that its vendor has stopped", () => {
  const stopped = refusal(401, {
    code: "account_deactivated",
    message: "Your account has been deactivated.",
  });

  test.each(["off", "own_accounts"] as const)(
    "is refused until the owner acts, with failover %s",
    async (failover) => {
      await open("codex", { failover });
      first(stopped);
      expect(await ask("codex")).toMatchObject({ status: 401, with: ["1"] });
      const later = await ask("codex");
      expect([later.status, later.with]).toEqual([400, []]);
      expect(later.json.error).toMatchObject({ code: "account_blocked" });
      expect(later.message).toContain("Your account has been deactivated.");
      kleis.clock.ms += 400 * 86_400_000;
      expect((await ask("codex")).status).toBe(400);
      await kleis.admin("POST", "/admin/accounts/acc_2/primary");
      expect((await ask("codex")).with).toEqual(["2"]);
      await kleis.admin("POST", "/admin/accounts/acc_1/primary");
      expect((await ask("codex")).status).toBe(400);
      await kleis.admin("PATCH", "/admin/accounts/acc_1", { enabled: false });
      expect((await ask("codex")).with).toEqual(["2"]);
    },
  );
});

describe("a plan that buys extra usage", () => {
  const buys: Reply = () =>
    Response.json(
      { id: "m", type: "message", content: [] },
      {
        headers: unified({
          status: "rejected",
          "5h-status": "rejected",
          "5h-reset": String(now() + HOUR),
          "overage-status": "allowed",
        }),
      },
    );

  test("goes on, unless the owner wants it to stop", async () => {
    await open("claude");
    first(buys);
    await ask("claude");
    expect((await ask("claude")).with).toEqual(["1"]);
    expect(kleis.log()).toContain('"extra_usage":true');
  });

  test("counts as exhausted from the next request on where the owner wants it to", async () => {
    await open("claude", { stopOnExtraUsage: true });
    first(buys);
    expect((await ask("claude")).status).toBe(200);
    const later = await ask("claude");
    expect([later.status, later.with]).toEqual([429, []]);
    expect(later.headers.get("x-kleis-resets-at")).toBe(String(now() + HOUR));
  });
});

describe("several processes", () => {
  test("one knows what another has learned within ten seconds, and a stopped database forgets nothing", async () => {
    await open("codex");
    const other = await kleis.another({ network: (url, init) => kleis.network(url, init) });
    await other.send("POST", ROUTES.codex.path, key, ROUTES.codex.body).then((response) => response.text());
    first(refusal(429, { type: "usage_limit_reached", resets_in_seconds: HOUR }));
    await ask("codex");
    await kleis.settled();
    kleis.clock.ms += 10_000;
    const before = other.sent.length;
    const answer = await answerOf(await other.send("POST", ROUTES.codex.path, key, ROUTES.codex.body));
    expect([answer.status, other.sent.length - before]).toEqual([429, 0]);
    expect(answer.json.error).toMatchObject({ code: "accounts_exhausted" });
  });
});
