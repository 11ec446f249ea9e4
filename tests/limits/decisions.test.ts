/** How requests were decided: what is kept of them, for whom, and how one would be decided. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { decide } from "../../src/limits/decide.ts";
import { DECIDE_VERSION } from "../../src/limits/decision.ts";
import { decisionRow } from "../../src/limits/record.ts";
import { RequestTrace } from "../../src/limits/trace.ts";
import { type KleisOptions, startKleis } from "../support/kleis.ts";
import { replay } from "../support/replay.ts";

const MESSAGE = {
  type: "message",
  id: "m",
  role: "assistant",
  content: [],
  model: "m",
  stop_reason: "end_turn",
};
const USAGE = { input_tokens: 1, output_tokens: 1 };
const HOUR_S = 3_600;

/** Answers each account's requests by its key or token. */
function provider(answers: Record<string, () => Response>): KleisOptions["network"] {
  return async (_url, init) => {
    const headers = new Headers(init.headers);
    const key = headers.get("x-api-key") ?? headers.get("authorization")?.replace("Bearer ", "") ?? "";
    return answers[key]?.() ?? new Response("no list", { status: 404 });
  };
}

const served = () =>
  Response.json({ ...MESSAGE, usage: USAGE }, { headers: { "request-id": "req_upstream" } });

/** Its spend limit is used up until a stated day. */
const exhausted = () =>
  Response.json(
    {
      type: "error",
      error: {
        type: "invalid_request_error",
        message:
          "You have reached your specified API usage limits. You will regain access on 2026-10-01 at 00:00 UTC.",
      },
    },
    { status: 400 },
  );

/** The five hours of its plan are used up. */
const usedUp = () =>
  Response.json(
    { type: "error", error: { type: "rate_limit_error", message: "You have hit your limit" } },
    {
      status: 429,
      headers: {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-5h-status": "rejected",
        "anthropic-ratelimit-unified-5h-reset": String(Math.ceil(Date.now() / 1000) + HOUR_S),
      },
    },
  );

async function start(
  answers: Record<string, () => Response>,
  more: KleisOptions["more"] = {},
  kind: "api_key" | "oauth" = "api_key",
) {
  const kleis = await startKleis({ network: provider(answers), more });
  const account = (id: string, now: number) => {
    const secret = kind === "api_key" ? { apiKey: `key-of-${id}` } : { accessToken: `key-of-${id}` };
    return kleis.account("claude", { id, kind, externalId: id, ...secret, now });
  };
  await account("acc_first", 1);
  await account("acc_other", 2);
  const key = await kleis.key();
  const ask = (model = "claude-sonnet-5") =>
    kleis.send("POST", "/v1/messages", key.key, {
      model,
      max_tokens: 9,
      messages: [{ role: "user", content: "planted words of the prompt" }],
    });
  const requests = async (query = "") => {
    const { json } = await kleis.admin("GET", `/admin/requests${query}`);
    return json.requests as JsonObject[];
  };
  return { kleis, key, ask, requests };
}

test("a request is found by the id of its response, and by the provider's", async () => {
  const { kleis, key, ask } = await start({ "key-of-acc_first": served });
  const response = await ask();
  expect(response.status).toBe(200);
  await response.text();
  const id = response.headers.get("x-kleis-decision") ?? "";
  const { json, text } = await kleis.admin("GET", `/admin/requests/${id}`);
  expect(json.request).toMatchObject({
    id,
    key: key.record.id,
    account: "acc_first",
    provider: "claude",
    model: "claude-sonnet-5",
    operation: "messages",
    outcome: "complete",
    status: 200,
    upstream_id: "req_upstream",
    attempts: [{ account: "acc_first", status: 200, class: null }],
    decisions: [{ ok: true, account: "acc_first", because: "primary" }],
  });
  expect((await kleis.admin("GET", "/admin/requests/req_upstream")).json).toEqual(json);
  expect(kleis.log()).toContain(id);
  expect(text).not.toMatch(/planted|key-of|kleis_/);
});

test("what is not kept says so", async () => {
  const { kleis } = await start({});
  const answer = await kleis.admin("GET", "/admin/requests/req_gone");
  expect([answer.status, answer.json.error]).toMatchObject([404, { code: "decision_not_kept" }]);
});

test("a refusal is kept with its reason, and the list is filtered", async () => {
  const { key, ask, requests, kleis } = await start({ "key-of-acc_first": exhausted });
  await (await ask()).text();
  const refused = await ask();
  expect([refused.status, (await refused.text()).includes("accounts_exhausted")]).toEqual([429, true]);
  const unknown = await ask("no-such-model");
  await unknown.text();
  const all = await requests();
  expect(all.map(({ outcome, code, account }) => [outcome, code, account])).toEqual(
    expect.arrayContaining([
      ["provider_error", null, "acc_first"],
      ["refused", "accounts_exhausted", null],
      ["refused", "model_not_found", null],
    ]),
  );
  expect(all.find(({ code }) => code === "accounts_exhausted")?.decisions).toMatchObject([
    { ok: false, code: "accounts_exhausted", inputs: { candidates: [{ cooling: { class: "billing" } }] } },
  ]);
  expect(await requests("?outcome=refused")).toHaveLength(2);
  expect(await requests("?account=acc_first")).toHaveLength(1);
  expect(await requests(`?key=${key.record.id}`)).toHaveLength(3);
  expect(await requests("?key=key_other")).toEqual([]);
  expect((await kleis.admin("GET", "/admin/requests?limit=0")).status).toBe(400);
});

test("a move keeps both decisions, and each replays to the same account", async () => {
  const answers = { "key-of-acc_first": usedUp, "key-of-acc_other": served };
  const { kleis, ask, requests } = await start(answers, {}, "oauth");
  expect((await kleis.admin("PATCH", "/admin/providers/claude", { failover: "own_accounts" })).status).toBe(
    200,
  );
  const response = await ask();
  await response.text();
  expect([response.status, response.headers.get("x-kleis-account")]).toEqual([200, "acc_other"]);
  const [row = {}] = await requests();
  const decisions = replay(row);
  expect(decisions.map(({ recorded }) => recorded.account)).toEqual(["acc_first", "acc_other"]);
  for (const { recorded, again } of decisions) expect(again).toEqual(recorded);
});

test("a server stores one in twenty plain successes and remembers the last 500", async () => {
  const { kleis, ask, requests } = await start({ "key-of-acc_first": served }, { outlivesRequests: true });
  for (let count = 0; count < 20; count++) {
    kleis.clock.ms++;
    await (await ask()).text();
  }
  await kleis.settled();
  expect((await kleis.storage.decisions.list({}, { limit: 50 })).entries).toHaveLength(1);
  expect(await requests("?limit=50")).toHaveLength(20);
  const page = await requests("?limit=5");
  expect(await requests(`?limit=5&after=${String(page.at(-1)?.id)}`)).toHaveLength(5);
});

describe("explain", () => {
  test("says which account would serve, calls nobody and counts nothing", async () => {
    const { kleis, key, requests } = await start({ "key-of-acc_first": served });
    await kleis.settled();
    const before = kleis.sent.length;
    const body = { model: "claude-sonnet-5", key: key.record.id, protocol: "messages" };
    const { json } = await kleis.admin("POST", "/admin/explain", body);
    expect(json).toMatchObject({
      provider: "claude",
      model: "claude-sonnet-5",
      account: "acc_first",
      refusal: null,
      decisions: [{ ok: true, because: "primary" }],
    });
    expect(kleis.sent.slice(before).filter(({ url }) => url.endsWith("/messages"))).toEqual([]);
    expect(await requests()).toEqual([]);
  });

  test("says why a request would be refused, now and later", async () => {
    const { kleis, key, ask } = await start({ "key-of-acc_first": exhausted });
    await (await ask()).text();
    const explain = async (change: JsonObject = {}) => {
      const body = { model: "claude-sonnet-5", key: key.record.id, protocol: "messages", ...change };
      return (await kleis.admin("POST", "/admin/explain", body)).json;
    };
    expect(await explain()).toMatchObject({ account: null, refusal: { code: "accounts_exhausted" } });
    const later = kleis.clock.ms + 40 * 24 * HOUR_S * 1_000;
    expect(await explain({ at: later })).toMatchObject({ account: "acc_first", refusal: null });
    expect(await explain({ model: "nothing" })).toMatchObject({ refusal: { code: "model_not_found" } });
    const unknown = await kleis.admin("POST", "/admin/explain", {
      model: "m",
      key: "key_gone",
      protocol: "chat",
    });
    expect(unknown.status).toBe(404);
  });
});

test("the owner's policy, rank and key's own choice are stored, and what cannot be kept is refused", async () => {
  const { kleis, key } = await start({});
  const patch = (path: string, body: JsonObject) => kleis.admin("PATCH", `/admin${path}`, body);
  const set = await patch("/providers/claude", { failover: "own_accounts", stop_on_extra_usage: true });
  expect(set.json.provider).toMatchObject({ failover: "own_accounts", stop_on_extra_usage: true });
  const { json } = await kleis.admin("GET", "/admin/providers");
  const providers = json.providers as JsonObject[];
  expect(providers.map(({ id, failover }) => [id, failover]).sort()).toEqual([
    ["claude", "own_accounts"],
    ["codex", "off"],
    ["copilot", "off"],
  ]);
  for (const body of [{}, { failover: "on" }, { may_spend: true }, { monthly_cap_usd: 5 }, { other: 1 }]) {
    expect((await patch("/providers/claude", body)).status, JSON.stringify(body)).toBe(400);
  }
  expect((await patch("/providers/none", { failover: "off" })).status).toBe(404);
  const id = key.record.id;
  expect((await patch(`/keys/${id}`, { failover: "never" })).json.key).toMatchObject({ failover: "never" });
  expect((await patch(`/keys/${id}`, { failover: null })).json.key).toMatchObject({ failover: null });
  expect((await patch(`/keys/${id}`, { failover: "always" })).status).toBe(400);
  expect((await patch("/accounts/acc_first", { rank: 3 })).json.account).toMatchObject({ rank: 3 });
  expect((await patch("/accounts/acc_first", { rank: null })).json.account).toMatchObject({ rank: null });
  expect((await patch("/accounts/acc_first", { rank: -1 })).status).toBe(400);
});

test("a record holds 2 KB at most, however many accounts there are, and still replays", () => {
  for (const chosen of [0, 7, 39]) {
    const trace = new RequestTrace();
    for (let step = 0; step < 3; step++) {
      const candidates = Array.from({ length: 40 }, (_, at) => ({
        accountId: `acc_${"x".repeat(16)}${at}`,
        isPrimary: at === 0,
        rank: at,
        createdAt: 1_790_000_000_000 - at,
        isPaidPerUse: false,
        unusable: null,
        cooling:
          at < chosen
            ? {
                scope: "*",
                class: "window" as const,
                code: "usage_limit_reached",
                until: 1_790_000_900_000 + at,
                isStated: true,
                phase: "active" as const,
              }
            : null,
      }));
      const policy = { failover: "own_accounts" as const, maySpend: false };
      const inputs = {
        version: DECIDE_VERSION,
        now: 1_790_000_000_000,
        provider: "codex",
        model: "m".repeat(90),
      };
      const all = { ...inputs, policy, bound: null, tried: [], candidates };
      trace.decided(all, decide(all));
    }
    const fields = { model: "ä".repeat(300), outcome: "complete", upstream_model: "m".repeat(300) };
    const facts = { id: "req_1", at: 1, keyId: "key_1", operation: "responses", agent: null, fields };
    const { record, model } = decisionRow(trace, facts, (text) => text);
    expect(new TextEncoder().encode(JSON.stringify(record)).length).toBeLessThanOrEqual(2_048);
    expect(model.length).toBeLessThanOrEqual(100);
    const replayed = replay(record);
    expect(replayed.length).toBeGreaterThan(0);
    for (const { recorded, again } of replayed) expect(again).toEqual(recorded);
  }
});
