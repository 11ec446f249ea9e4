import { expect, test } from "vitest";
import { codex } from "../../src/providers/codex/index.ts";
import { USER_AGENT } from "../../src/version.ts";
import { API, config, PLAN, send } from "./codex-fixture.ts";

const BODY = { model: "gpt-5.5", input: "hi", stream: true };
const NOISE = {
  host: "kleis.example.org",
  cookie: "a=b",
  "cf-ray": "1",
  "x-forwarded-for": "10.0.0.1",
  "accept-encoding": "br",
  "user-agent": "codex_cli_rs/0.150.0",
  originator: "codex_cli_rs",
  authorization: "Bearer kleis_client",
  "x-api-key": "kleis_client",
  version: "0.150.0",
  "x-codex-window-id": "w",
  "x-codex-turn-metadata": "m",
  "x-codex-installation-id": "i",
  "x-openai-subagent": "review",
  "x-client-request-id": "r",
};

test("a plan's request goes to the backend's one address, without the client's query", async () => {
  const { prepared } = await send(BODY, { query: "beta=true" });
  expect(prepared.url).toBe("https://chatgpt.com/backend-api/codex/responses");
  expect(prepared.streams).toBe(true);
});

test("a plan's request carries exactly the chosen headers and nothing of the client's noise", async () => {
  const { headers } = await send(BODY, { headers: NOISE });
  expect(headers).toEqual({
    accept: "text/event-stream",
    "accept-encoding": "identity",
    authorization: "Bearer secret-token",
    "chatgpt-account-id": "acc-uuid",
    "content-type": "application/json",
    originator: "kleis",
    "session-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    "user-agent": USER_AGENT,
  });
});

test("what belongs to a Codex turn travels along when the client sends it", async () => {
  const own = {
    "openai-beta": "responses=experimental",
    "x-codex-beta-features": "f",
    "x-openai-internal-codex-responses-lite": "true",
  };
  const { headers } = await send(BODY, { headers: own });
  expect(headers).toMatchObject(own);
});

test("a turn's state goes back to the account that gave it, and to no other", async () => {
  const answered = new Headers({ "x-codex-turn-state": "state.of a turn" });
  (await send(BODY)).prepared.response.headers?.(answered);
  const own = Object.fromEntries(answered);
  const sentBy = async (id: string, headers: Record<string, string>) =>
    (await send(BODY, { account: { ...PLAN, id }, headers })).headers["x-codex-turn-state"];
  expect(await sentBy(PLAN.id, own)).toBe("state.of a turn");
  expect(await sentBy("account-2", own)).toBeUndefined();
  expect(await sentBy(PLAN.id, { "x-codex-turn-state": "state.of a turn" })).toBeUndefined();
});

test("a FedRAMP account is announced, others are not", async () => {
  const account = { ...PLAN, metadata: { account_id: "acc-uuid", fedramp: true } };
  expect((await send(BODY, { account })).headers["x-openai-fedramp"]).toBe("true");
  expect((await send(BODY)).headers["x-openai-fedramp"]).toBeUndefined();
});

test("a client that does not stream has the stream aggregated, one that streams does not", async () => {
  expect((await send(BODY)).prepared.response.aggregate).toBe(false);
  const unstreamed = await send({ model: "gpt-5.5", input: "hi" });
  expect(unstreamed.prepared.response.aggregate).toBe(true);
  expect(unstreamed.prepared.streams).toBe(true);
  expect(unstreamed.headers.accept).toBe("text/event-stream");
});

test.each(["chat", "messages", "count_tokens"] as const)(
  "a plan refuses %s and names the route that works",
  async (operation) => {
    await expect(send(BODY, { operation })).rejects.toMatchObject({
      code: "protocol_not_supported",
      message: expect.stringContaining("/v1/responses"),
    });
  },
);

test.each([
  ["responses", "/v1/responses"],
  ["chat", "/v1/chat/completions"],
] as const)("an API key sends the client's very bytes to %s", async (operation, path) => {
  const source = '{ "model":"gpt-5.5", "temperature":0.10, "store":true,\n "input":[{"id":"msg_1"}] }';
  const sent = await send(source, {
    account: API,
    operation,
    headers: { ...NOISE, "openai-beta": "b", "session-id": "s" },
  });
  expect(sent.prepared.url).toBe(`https://api.openai.com${path}`);
  expect(sent.text).toBe(source);
  expect(sent.changes).toEqual([]);
  expect(sent.prepared.streams).toBe(false);
  expect(sent.headers).toEqual({
    accept: "application/json",
    "accept-encoding": "identity",
    authorization: "Bearer secret-token",
    "content-type": "application/json",
    "openai-beta": "b",
    "user-agent": USER_AGENT,
  });
});

test("the newer Codex body takes its headers along with an API key too", async () => {
  const lite = { "x-codex-beta-features": "f", "x-openai-internal-codex-responses-lite": "true" };
  const sent = await send(
    { model: "gpt-6-sol", input: [{ type: "additional_tools", tools: [] }] },
    { account: API, headers: { ...NOISE, ...lite, "x-codex-turn-state": "t" } },
  );
  expect(sent.headers).toMatchObject(lite);
  expect(Object.keys(sent.headers).filter((name) => name.startsWith("x-"))).toEqual(Object.keys(lite));
});

test("an API key streams when the client does, and keeps the query", async () => {
  const sent = await send({ ...BODY }, { account: API, query: "a=b" });
  expect(sent.prepared.streams).toBe(true);
  expect(sent.prepared.url).toBe("https://api.openai.com/v1/responses?a=b");
  expect(sent.prepared.response).toEqual({});
});

test("an API key refuses the Messages protocol", async () => {
  await expect(send(BODY, { account: API, operation: "messages" })).rejects.toMatchObject({
    code: "protocol_not_supported",
  });
});

test("each kind of account may go to its own host only", () => {
  expect(codex.origins(PLAN, config)).toEqual(["https://chatgpt.com"]);
  expect(codex.origins(API, config)).toEqual(["https://api.openai.com"]);
});
