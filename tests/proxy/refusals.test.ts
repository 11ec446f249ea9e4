/** What is sent after a refusal, and what is said where there is no answer at all: an upstream that the test plays. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { type JsonObject, parseJson } from "../../src/json.ts";
import { createTestApp, type TestApp } from "../streams/support/test-app.ts";
import type { AccountName } from "../support/accounts.ts";

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

const SEALED = { type: "reasoning", summary: [], encrypted_content: "AAA" };
const SAID = { role: "user", content: "go on" };
const CODEX = { model: "gpt-5.5", stream: true, input: [SAID, SEALED, SAID] };
const MESSAGES = { model: "claude-sonnet-5", max_tokens: 9, messages: [SAID] };

async function ask(as: AccountName, path: string, body: object) {
  // An earlier refusal may have been one after which the account rests.
  await kleis.uncool();
  const before = kleis.sent.length;
  const response = await kleis.post(path, body, { as });
  const { error } = (parseJson(await response.text()) ?? {}) as { error?: { message: string } };
  const line = kleis.logs.at(-1);
  return { status: response.status, sent: kleis.sent.length - before, message: error?.message, line };
}

async function noted(as: AccountName): Promise<JsonObject | null> {
  const request = new Request("http://kleis.test/admin/accounts", {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const { accounts } = (await (await kleis.app.fetch(request, { local: true })).json()) as {
    accounts: { id: string; last_refusal: JsonObject | null }[];
  };
  return accounts.find(({ id }) => id === `acc_${as}`)?.last_refusal ?? null;
}

const WORDS = "The encrypted content could not be verified.";
const refuse = (status: number, message: string) =>
  kleis.serve(() => Response.json({ error: { message, code: "invalid_encrypted_content" } }, { status }));

test("a retry leaves out sealed reasoning, but not where the provider refuses the client", async () => {
  refuse(400, WORDS);
  expect(await ask("codex", "/codex/v1/responses", CODEX)).toMatchObject({ status: 400, sent: 2 });
  refuse(400, `${WORDS} This client is not allowed to send it.`);
  expect(await ask("codex", "/codex/v1/responses", CODEX)).toMatchObject({
    status: 400,
    sent: 1,
    line: { refusal: "identity" },
  });
});

test.each([
  [401, "OAuth authentication is currently not supported.", "identity"],
  [403, "OAuth authentication is not allowed for this organization.", "policy"],
  [400, "This organization has been disabled.", "policy"],
  [400, "This credential is only authorized for use with Claude Code.", "identity"],
])("%i %j is asked for once", async (status, message, refusal) => {
  kleis.serve(() => Response.json({ type: "error", error: { type: "api_error", message } }, { status }));
  expect(await ask("claude", "/v1/messages", MESSAGES)).toMatchObject({ status, sent: 1, line: { refusal } });
  kleis.serve(() => Response.json({ id: "msg_1", type: "message", content: [] }));
  expect(await ask("claude", "/v1/messages", MESSAGES)).toMatchObject({ status: 200 });
  expect(await noted("claude")).toBeNull();
});

test.each([
  ["ENOTFOUND", /DNS/],
  ["CERT_HAS_EXPIRED", /clock/],
  ["SELF_SIGNED_CERT_IN_CHAIN", /NODE_EXTRA_CA_CERTS/],
  ["PROXY_HTTP_403", /NO_PROXY/],
  ["PROXY_HTTP_407", /HTTPS_PROXY/],
  ["ECONNREFUSED", /firewall/],
])("%s is the network's refusal, told beside the account until an answer comes", async (code, advice) => {
  kleis.serve(() => {
    throw Object.assign(new Error(`connect https://name:secret@host`), { code });
  });
  const answer = await ask("claude", "/v1/messages", MESSAGES);
  expect(answer).toMatchObject({ status: 502, line: { refusal: "network", code: "upstream_unreachable" } });
  expect(answer.message).toMatch(advice);
  const note = await noted("claude");
  expect(note).toMatchObject({ class: "network", words: null, advice: answer.message });
  expect(JSON.stringify(note)).not.toContain("secret");
  kleis.serve(() => Response.json({ id: "msg_1", type: "message", content: [] }));
  await ask("claude", "/v1/messages", MESSAGES);
  expect(await noted("claude")).toBeNull();
});
