/** A Copilot account whose plan is served at another host: a 421 is mended once, and the right host is kept. */
import { expect, test } from "vitest";
import { issueKey } from "../../src/keys/issue.ts";
import type { Fetch } from "../../src/runtime.ts";
import { createSignInWorld } from "./world.ts";

const OWN = "api.individual.githubcopilot.com";

async function createPlace({ served = OWN }: { served?: string } = {}) {
  let fake = "";
  const asked: string[] = [];
  /** The hosts of the plans, of which one serves this account. */
  const plans =
    (next: Fetch): Fetch =>
    async (url, init) => {
      const { host, pathname } = new URL(url);
      if (!host.endsWith("githubcopilot.com")) return next(url, init);
      asked.push(`${host}${pathname}`);
      return host === served
        ? next(fake + pathname, init)
        : new Response("Misdirected Request\n", { status: 421 });
    };
  const world = await createSignInWorld({ fetch: plans, env: { COPILOT_API_URL: "", MODELS_DEV_URL: "" } });
  fake = world.fakes.env.COPILOT_API_URL ?? "";
  const imported = await world.call("POST", "/accounts/import", {
    provider: "copilot",
    kind: "oauth",
    access_token: world.fakes.copilot.issueTokens().accessToken,
  });
  expect(imported.status).toBe(201);
  const { key } = await issueKey(world.runtime, { label: "agent" });
  const ask = () =>
    world.app.fetch(
      new Request("http://127.0.0.1:4747/copilot/v1/chat/completions", {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "gpt-5-mini", messages: [{ role: "user", content: "hi" }] }),
      }),
      {},
    );
  const chats = () => asked.filter((where) => where.endsWith("/chat/completions"));
  return { ...world, ask, chats };
}

test("a request at a wrong plan's host is answered from the right one, which the next asks at once", async () => {
  const place = await createPlace();
  expect((await place.ask()).status).toBe(200);
  expect(place.chats()).toEqual(["api.githubcopilot.com/chat/completions", `${OWN}/chat/completions`]);
  expect((await place.accounts())[0]?.metadata.api_host).toBe(OWN);
  expect((await place.ask()).status).toBe(200);
  expect(place.chats().slice(2)).toEqual([`${OWN}/chat/completions`]);
});

test("a 421 that no other host mends reaches the client, and is not looked into again at once", async () => {
  const place = await createPlace({ served: "api.nowhere.githubcopilot.com" });
  expect((await place.ask()).status).toBe(421);
  const looked = place.sent.length;
  expect((await place.ask()).status).toBe(421);
  expect(place.sent.length - looked).toBe(1);
  expect((await place.accounts())[0]?.status).toBe("active");
});
