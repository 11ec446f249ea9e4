/** A Copilot account whose plan is served at another host: after a 421 the right one is found, and kept. */
import { expect, test } from "vitest";
import { issueKey } from "../../src/keys/issue.ts";
import type { Fetch } from "../../src/runtime.ts";
import { startSignIns } from "./sign-in.ts";

const OWN = "api.individual.githubcopilot.com";

interface Options {
  /** The host that serves the account; null: none does. */
  served?: string | null;
  /** The host that GitHub names; null: it names none. */
  named?: string | null;
  /** Hosts that know the account, and that a policy forbids it. */
  forbidden?: readonly string[];
}

async function startMisdirected({ served = OWN, named = OWN, forbidden = [] }: Options = {}) {
  let fake = "";
  const asked: string[] = [];
  const state = { served };
  /** The hosts of the plans, of which one serves this account. */
  const plans =
    (next: Fetch): Fetch =>
    async (url, init) => {
      const { host, pathname } = new URL(url);
      if (!host.endsWith("githubcopilot.com")) return next(url, init);
      asked.push(`${host}${pathname}`);
      if (forbidden.includes(host))
        return new Response("Access denied by policy settings\n", { status: 403 });
      return host === state.served
        ? next(fake + pathname, init)
        : new Response("Misdirected Request\n", { status: 421 });
    };
  const kleis = await startSignIns({ fetch: plans, env: { COPILOT_API_URL: "", MODELS_DEV_URL: "" } });
  fake = kleis.fakes.env.COPILOT_API_URL ?? "";
  if (named === null) kleis.fakes.copilot.discovery.mode = "404";
  else kleis.fakes.copilot.discovery.api = `https://${named}`;
  const imported = await kleis.admin("POST", "/admin/accounts/import", {
    provider: "copilot",
    kind: "oauth",
    access_token: kleis.fakes.copilot.issueTokens().accessToken,
  });
  expect(imported.status).toBe(201);
  const { key } = await issueKey(kleis.runtime, { label: "agent" });
  const ask = () =>
    kleis.app.fetch(
      new Request("http://127.0.0.1:4747/copilot/v1/chat/completions", {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "gpt-5-mini", messages: [{ role: "user", content: "hi" }] }),
      }),
      {},
    );
  const chats = () => asked.filter((where) => where.endsWith("/chat/completions"));
  const metadata = async () => (await kleis.accounts())[0]?.metadata ?? {};
  return { ...kleis, ask, chats, asked, state, metadata };
}

const GENERAL = "api.githubcopilot.com";
const PLANS = ["individual", "business", "enterprise"].map((plan) => `api.${plan}.githubcopilot.com`);
const OTHER = "api.tenant.githubcopilot.com";

test("a request at a wrong plan's host is answered from the right one, which the next asks at once", async () => {
  const kleis = await startMisdirected();
  expect((await kleis.ask()).status).toBe(200);
  expect(kleis.chats()).toEqual(["api.githubcopilot.com/chat/completions", `${OWN}/chat/completions`]);
  expect((await kleis.accounts())[0]?.metadata.api_host).toBe(OWN);
  expect((await kleis.ask()).status).toBe(200);
  expect(kleis.chats().slice(2)).toEqual([`${OWN}/chat/completions`]);
});

test.each([
  [PLANS[0], PLANS[1]],
  [PLANS[1], null],
  [PLANS[2], PLANS[1]],
  [GENERAL, PLANS[2]],
  [OTHER, OTHER],
  [OTHER, PLANS[0]],
])(
  "served by %s while GitHub names %s: the same request is answered, and no host that refused is taken again",
  async (served = GENERAL, named = null) => {
    const kleis = await startMisdirected({ served, named });
    const isKnowable = served !== OTHER || named === OTHER;
    expect((await kleis.ask()).status).toBe(isKnowable ? 200 : 421);
    if (!isKnowable) return;
    expect((await kleis.metadata()).api_host ?? GENERAL).toBe(served);
    // The owner asks for a refresh: GitHub names the same host, which refuses still.
    const id = (await kleis.accounts())[0]?.id;
    await kleis.clock.advance(60_000);
    expect((await kleis.admin("POST", `/admin/accounts/${id}/refresh`)).status).toBe(200);
    expect((await kleis.metadata()).api_host ?? GENERAL).toBe(served);
    const before = kleis.chats().length;
    expect((await kleis.ask()).status).toBe(200);
    expect(kleis.chats().slice(before)).toEqual([`${served}/chat/completions`]);
  },
);

test("an account that moves to a host which once refused is found there", async () => {
  const kleis = await startMisdirected({ named: null });
  expect((await kleis.ask()).status).toBe(200);
  expect(await kleis.metadata()).toMatchObject({ api_host: OWN, refused_hosts: [GENERAL] });
  kleis.state.served = GENERAL;
  await kleis.clock.advance(60_000);
  expect((await kleis.ask()).status).toBe(200);
  expect(await kleis.metadata()).toMatchObject({
    api_host: null,
    refused_hosts: expect.arrayContaining([OWN]),
  });
});

test("a host that knows the account and forbids it by policy ends the search, and the client gets the refusal", async () => {
  const kleis = await startMisdirected({ served: OWN, named: PLANS[1] ?? "", forbidden: [PLANS[1] ?? ""] });
  expect((await kleis.ask()).status).toBe(421);
  expect(kleis.chats()).toEqual([`${GENERAL}/chat/completions`]);
  // Asked: the general host, then the one that GitHub names; not the one that would have served.
  expect(kleis.asked.some((where) => where.startsWith(OWN))).toBe(false);
  const [account] = await kleis.runtime.storage.accounts.list();
  expect(account).toMatchObject({
    status: "active",
    lastRefreshStatus: "failed",
    lastRefreshError: expect.stringMatching(/policy.*administrator/i),
  });
});

test("where every host refuses, the client and the owner are told what to do, and nobody is asked again at once", async () => {
  const kleis = await startMisdirected({ served: null, named: PLANS[1] ?? "" });
  const answer = await kleis.ask();
  expect(answer.status).toBe(421);
  expect(await answer.json()).toMatchObject({
    error: {
      message: expect.stringMatching(/connect the account again.*COPILOT_API_URL.*Misdirected Request/s),
    },
  });
  const [account] = await kleis.accounts();
  expect(account).toMatchObject({
    status: "active",
    lastRefreshStatus: "failed",
    lastRefreshError: expect.stringContaining("COPILOT_API_URL"),
  });
  const looked = kleis.sent.length;
  expect((await kleis.ask()).status).toBe(421);
  expect(kleis.sent.length - looked).toBe(1);
});
