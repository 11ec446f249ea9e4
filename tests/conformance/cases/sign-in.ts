import { expect } from "vitest";
import { objectOf, stringOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { request } from "../wire.ts";
import { until, type World } from "../world.ts";

const area = "sign-in";

async function start({ admin }: World, provider: string, mode: string) {
  const { status, body, text } = await admin("POST", `/admin/accounts/${provider}/oauth/start`, { mode });
  expect(status, text).toBe(200);
  return { state: stringOf(body.state), url: stringOf(body.url), userCode: stringOf(body.user_code) };
}

async function complete({ admin }: World, provider: string, body: object) {
  return admin("POST", `/admin/accounts/${provider}/oauth/complete`, body);
}

/** The account answers, then it is removed again. */
async function useAndRemove(
  world: World,
  answer: { status: number; text: string; body: object },
  path: string,
  body: object,
) {
  expect(answer.status, answer.text).toBe(200);
  const account = objectOf(Reflect.get(answer.body, "account"));
  expect(answer.body).toMatchObject({ status: "connected", account: { kind: "oauth", status: "active" } });
  const id = stringOf(account?.id);
  const isNew = !Object.values(world.accounts).some((known) => known.id === id);
  const issued = await world.admin("POST", "/admin/keys", { accounts: [id] });
  const response = await world.ask(path, body, { key: stringOf(issued.body.key) });
  expect(response.status, await response.text()).toBe(200);
  if (isNew) await world.admin("DELETE", `/admin/accounts/${id}`);
}

export const cases: Case[] = [
  {
    area,
    name: "Claude: open, grant, paste what the page shows",
    async run(world) {
      const { state, url } = await start(world, "claude", "max");
      const shown = world.fakes.claude.authorize(url, { account: crypto.randomUUID() });
      const answer = await complete(world, "claude", { state, code: shown });
      await useAndRemove(
        world,
        answer,
        "/v1/messages",
        request("messages", "claude-sonnet-5", "signed in", false),
      );
    },
  },
  {
    area,
    name: "ChatGPT: open, grant, paste the address that the browser ends at",
    async run(world) {
      const { state, url } = await start(world, "codex", "browser");
      const ended = world.fakes.codex.authorize(url, { account: crypto.randomUUID() });
      const answer = await complete(world, "codex", { state, code: ended });
      await useAndRemove(world, answer, "/v1/responses", request("responses", "gpt-5.5", "signed in", false));
    },
  },
  {
    area,
    name: "ChatGPT: enter a code on another machine",
    async run(world) {
      world.fakes.codex.device.interval = 1;
      const { state, userCode } = await start(world, "codex", "device");
      const first = await complete(world, "codex", { state });
      expect(first.body).toMatchObject({ status: "pending", retry_after: expect.any(Number) });
      world.fakes.codex.approveDevice(userCode, { account: crypto.randomUUID() });
      const answer = await polled(world, "codex", state);
      await useAndRemove(world, answer, "/v1/responses", request("responses", "gpt-5.5", "signed in", false));
    },
  },
  {
    area,
    name: "Copilot: enter a code at GitHub",
    async run(world) {
      world.fakes.copilot.device.interval = 1;
      const { state, userCode } = await start(world, "copilot", "device");
      world.fakes.copilot.approveDevice(userCode, { login: "second-owner", userId: 5151 });
      const answer = await polled(world, "copilot", state);
      await useAndRemove(
        world,
        answer,
        "/copilot/v1/chat/completions",
        request("chat", "gpt-5-mini", "signed in", false),
      );
    },
  },
  {
    area,
    name: "a sign-in that was never begun, or a wrong code, is refused in words",
    async run(world) {
      const none = await complete(world, "claude", { state: "none-such", code: "x" });
      expect(none.status).toBe(400);
      const { state } = await start(world, "claude", "max");
      const wrong = await complete(world, "claude", { state, code: "not-a-code" });
      expect(wrong.status).toBeGreaterThanOrEqual(400);
      expect(wrong.text).toContain("message");
      // The stand-in rightly blames whoever sends a wrong code: here that is the case itself.
      world.fakes.claude.violations.length = 0;
    },
  },
];

/** Asks as often as it is told to until the sign-in is done. */
async function polled(world: World, provider: string, state: string) {
  let answer = await complete(world, provider, { state });
  await until(`the ${provider} sign-in ends`, 60_000, async () => {
    if (answer.body.status !== "pending") return true;
    await new Promise((done) => setTimeout(done, Number(answer.body.retry_after) * 1000));
    answer = await complete(world, provider, { state });
    return answer.body.status !== "pending";
  });
  return answer;
}
