import { expect, test } from "vitest";
import { createSessions, sessionMembers, sessionOf } from "../../src/limits/sessions.ts";

const MINUTE = 60_000;

test("a session that moved stays for an hour after it was last served", () => {
  let now = 0;
  const sessions = createSessions({ now: () => now });
  sessions.served("s", "b", true);
  expect([sessions.boundTo("s"), sessions.boundTo("other"), sessions.boundTo(null)]).toEqual([
    "b",
    null,
    null,
  ]);
  now += 59 * MINUTE;
  expect(sessions.boundTo("s")).toBe("b");
  sessions.served("s", "b", true);
  now += 59 * MINUTE;
  expect(sessions.boundTo("s")).toBe("b");
  now += MINUTE;
  expect([sessions.boundTo("s"), sessions.lastServer("s")]).toEqual([null, null]);
});

test("a session that did not move is not bound, and its last account is known", () => {
  const sessions = createSessions({ now: () => 0 });
  sessions.served("s", "a", false);
  expect([sessions.boundTo("s"), sessions.lastServer("s"), sessions.lastServer("other")]).toEqual([
    null,
    "a",
    null,
  ]);
});

test("of more than 10,000 sessions the ones that were not served for longest are forgotten", () => {
  const sessions = createSessions({ now: () => 0 });
  for (let n = 0; n < 10_000; n++) sessions.served(`s${n}`, "b", true);
  sessions.served("s0", "b", true);
  sessions.served("one more", "b", true);
  expect([sessions.boundTo("s0"), sessions.boundTo("s1"), sessions.boundTo("one more")]).toEqual([
    "b",
    null,
    "b",
  ]);
});

function named(headers: Record<string, string>, body: Record<string, unknown> = {}, change = {}) {
  const members = sessionMembers(JSON.parse(JSON.stringify(body)));
  return sessionOf({ keyId: "k", provider: "claude", headers: new Headers(headers), ...members, ...change });
}

test("the first name that a request gives counts", async () => {
  const userId = (id: string) => ({ metadata: { user_id: `user_abc_account__session_${id}` } });
  const names: [Record<string, string>, Record<string, unknown>?][] = [
    [{ "x-claude-code-session-id": "s-1" }, userId("11111111-1111")],
    [{ "session-id": "s-2" }, userId("s-1234567")],
    [{ session_id: "s-3", "x-session-id": "s-4" }],
    [{ "x-session-id": "s-4", "x-session-affinity": "s-5" }],
    [{ "x-session-affinity": "s-5" }, { prompt_cache_key: "s-6" }],
    [{}, { prompt_cache_key: "s-6" }],
    [{}, { metadata: { user_id: JSON.stringify({ session_id: "s-7" }) } }],
  ];
  const expected = ["s-1", "s-1234567", "s-3", "s-4", "s-5", "s-6", "s-7"];
  for (const [index, [headers, body]] of names.entries())
    expect(await named(headers, body)).toBe(
      await named({ "x-claude-code-session-id": expected[index] ?? "" }),
    );
});

test("without a name there is no session; request ids, users and prompts are none", async () => {
  const messages = [{ role: "user", content: "hello" }];
  expect(
    await named({ "x-client-request-id": "r-1" }, { messages, user: "me", metadata: { user_id: "me" } }),
  ).toBeNull();
  expect(await named({ "x-session-id": "" }, { prompt_cache_key: 7 })).toBeNull();
});

test("keys and providers do not share sessions, and the name itself is not kept", async () => {
  const all = await Promise.all([
    named({ session_id: "secret" }),
    named({ session_id: "secret" }, {}, { keyId: "k2" }),
    named({ session_id: "secret" }, {}, { provider: "codex" }),
  ]);
  expect(new Set(all).size).toBe(3);
  expect(all.every((name) => name !== null && /^[0-9a-f]{32}$/.test(name))).toBe(true);
});
