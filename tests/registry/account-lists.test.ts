import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createModelSource } from "../../src/models/catalogue/source.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import type { AccountRecord } from "../../src/storage/port.ts";
import { ORIGIN, type RegistryKleis, startRegistryKleis } from "./kleis.ts";
import { codexRow, copilotList, copilotRow } from "./live-rows.ts";

const COPILOT = "https://api.githubcopilot.com";
const CODEX = "https://chatgpt.com/backend-api/codex";
const HOUR = 3_600_000;

interface Asked {
  url: string;
  headers: Headers;
}

/** Kleis with providers that keep these lists, by the token that asks. Everything else answers an empty 200. */
async function listing(
  lists: Record<string, object>,
): Promise<RegistryKleis & { asked: Asked[]; lists: typeof lists }> {
  const kleis = await startRegistryKleis({ MODELS_DEV_URL: "" });
  const asked: Asked[] = [];
  const whole = Object.assign(kleis, { asked, lists });
  kleis.network = async (url, init) => {
    const headers = new Headers(init.headers);
    asked.push({ url, headers });
    const list = whole.lists[headers.get("authorization")?.replace("Bearer ", "") ?? ""];
    if (init.method === "GET") {
      return list === undefined ? new Response("no", { status: 403 }) : Response.json(list);
    }
    return Response.json({});
  };
  return whole;
}

const copilotIs = (kleis: RegistryKleis, token: string): Promise<AccountRecord> =>
  kleis.account("copilot", { accessToken: token });

async function listed(kleis: RegistryKleis, path = "/v1/models"): Promise<Record<string, unknown>[]> {
  const { key } = await kleis.key();
  const response = await kleis.get(path, { authorization: `Bearer ${key}` });
  const { data }: { data: Record<string, unknown>[] } = await response.json();
  return data;
}

const idsOf = async (kleis: RegistryKleis, path?: string) =>
  (await listed(kleis, path)).map(({ id }) => id).sort();

async function post(kleis: RegistryKleis, path: string, body: object) {
  const { key } = await kleis.key();
  const response = await kleis.app.fetch(
    new Request(ORIGIN + path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const THREE = copilotList(
  copilotRow("claude-sonnet-5", ["/chat/completions", "/v1/messages"]),
  copilotRow("gpt-5.4", ["/chat/completions", "/responses"]),
  copilotRow("brand-new-1"),
);

describe("an account's own list is the truth about it", () => {
  test("from the first list that a user sees, in ids, limits and protocols", async () => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    expect(await idsOf(kleis)).toEqual(["copilot/brand-new-1", "copilot/claude-sonnet-5", "copilot/gpt-5.4"]);
    const registry = await kleis.registry("/models/own/api.json");
    const { models } = registry["kleis-copilot"]!;
    expect(models["gpt-5.4"]).toMatchObject({
      name: "GPT-5.4",
      limit: { context: 200_000, input: 168_000, output: 32_000 },
      provider: { npm: "@ai-sdk/openai" },
    });
    expect(models["claude-sonnet-5"]?.provider?.npm).toBe("@ai-sdk/anthropic");
    expect(models["brand-new-1"]).toMatchObject({
      name: "Live brand-new-1",
      provider: { npm: "@ai-sdk/github-copilot" },
    });
  });

  test("also where it allows nothing at all, and over a restart", async () => {
    const disabled = { policy: { state: "disabled" } };
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    expect(await idsOf(kleis)).toHaveLength(3);
    kleis.lists.one = copilotList(copilotRow("gpt-5.4", undefined, disabled));
    const { json } = await kleis.admin("POST", "/admin/models/refresh");
    expect(json).toMatchObject({ accounts: [{ list: "renewed" }] });
    expect(await idsOf(kleis)).toEqual([]);
    kleis.restart();
    expect(await kleis.registry("/models/own/api.json")).toEqual({});
    expect(kleis.asked).toHaveLength(2);
  });

  test("in a registry that models.dev could have made, whatever efforts it names", async () => {
    const efforts = [{ effort: "high" }, { effort: "ultra" }];
    const kleis = await listing({
      two: { models: [codexRow("gpt-9-omega", { supported_reasoning_levels: efforts })] },
    });
    await kleis.account("codex", { accessToken: "two" });
    const { models } = (await kleis.registry("/models/own/api.json"))["kleis-codex"]!;
    expect(models["gpt-9-omega"]?.reasoning_options).toEqual([{ type: "effort", values: ["high"] }]);
  });

  test("asked for as that account, at that account's host, with nothing else", async () => {
    const kleis = await listing({ one: THREE, two: { models: [codexRow("gpt-5.5")] } });
    await copilotIs(kleis, "one");
    await kleis.account("codex", { accessToken: "two", metadata: { account_id: "workspace" } });
    await listed(kleis);
    await kleis.settled();
    const [copilot, codex] = [COPILOT, CODEX].map((host) =>
      kleis.asked.find(({ url }) => url.startsWith(host)),
    );
    expect(copilot?.url).toBe(`${COPILOT}/models`);
    expect(Object.fromEntries(copilot?.headers ?? [])).toEqual({
      accept: "application/json",
      "accept-encoding": "identity",
      authorization: "Bearer one",
      "user-agent": expect.stringMatching(/^kleis\//),
      "x-github-api-version": "2026-06-01",
    });
    expect(codex?.url).toBe(`${CODEX}/models?client_version=0.169.0`);
    expect(codex?.headers.get("chatgpt-account-id")).toBe("workspace");
  });

  test("Codex's narrows the plan, and its limits overrule what is known", async () => {
    const window = (context_window: number) => ({ context_window });
    const rows = [
      codexRow("gpt-5.4"),
      codexRow("gpt-5.5"),
      codexRow("gpt-5.6-sol", window(500_000)),
      codexRow("gpt-6-sol", window(200_000)),
      codexRow("gpt-6-astra", window(872_000)),
      codexRow("gpt-9-nova"),
      codexRow("gpt-9-terra", window(500_000)),
    ];
    const kleis = await listing({ two: { models: rows } });
    await kleis.account("codex", { accessToken: "two" });
    expect(await idsOf(kleis)).toEqual(rows.map((row) => (row as { slug: string }).slug).sort());
    const { models } = (await kleis.registry("/models/own/api.json"))["kleis-codex"]!;
    const limits = Object.entries(models).map(([id, { limit }]) => [id, limit.context, limit.input]);
    expect(limits.sort()).toEqual([
      ["gpt-5.4", 272_000, 272_000],
      ["gpt-5.5", 400_000, 272_000],
      ["gpt-5.6-sol", 628_000, 500_000],
      ["gpt-6-astra", 1_000_000, 872_000],
      ["gpt-6-sol", 328_000, 200_000],
      ["gpt-9-nova", 400_000, 272_000],
      ["gpt-9-terra", 628_000, 500_000],
    ]);
    expect(new Set(Object.values(models).map(({ limit }) => limit.output))).toEqual(new Set([128_000]));
  });

  test("a model that it does not name may still be tried, and the provider has the last word", async () => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    await listed(kleis);
    const { status } = await post(kleis, "/v1/chat/completions", {
      model: "copilot/gemini-3.6-flash",
      messages: [],
    });
    expect(status).toBe(200);
  });

  test("a listed model that Copilot refuses as unknown leaves the list until the next one; others answer for it", async () => {
    const kleis = await listing({ one: THREE, two: THREE });
    const one = await copilotIs(kleis, "one");
    const two = await copilotIs(kleis, "two");
    expect(await idsOf(kleis)).toHaveLength(3);
    const { network } = kleis;
    const refusal = {
      error: { message: "The requested model is not supported.", code: "model_not_supported" },
    };
    kleis.network = (url, init) => {
      const isOne = new Headers(init.headers).get("authorization") === "Bearer one";
      if (init.method !== "POST" || !isOne) return network(url, init);
      return Promise.resolve(Response.json(refusal, { status: 400 }));
    };
    const body = { model: "copilot/brand-new-1", messages: [] };
    const refused = await post(kleis, "/v1/chat/completions", body);
    expect([refused.status, refused.headers.get("x-kleis-account")]).toEqual([400, one.id]);
    const answered = await post(kleis, "/v1/chat/completions", body);
    expect([answered.status, answered.headers.get("x-kleis-account")]).toEqual([200, two.id]);
    expect(await idsOf(kleis)).toHaveLength(3);
    const { key } = await kleis.key({ accounts: [one.id] });
    const listOfOne = async () => {
      const response = await kleis.get("/v1/models", { authorization: `Bearer ${key}` });
      return (await response.json()).data.length;
    };
    expect(await listOfOne()).toBe(2);
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    await kleis.settled();
    expect(await listOfOne()).toBe(3);
  });

  test("a model is asked on the endpoints that the list names, translated for a client of another", async () => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    await listed(kleis);
    expect(
      (await post(kleis, "/v1/chat/completions", { model: "copilot/gpt-5.4", messages: [] })).status,
    ).toBe(200);
    kleis.sent.length = 0;
    await post(kleis, "/v1/messages", {
      model: "copilot/gpt-5.4",
      max_tokens: 1,
      messages: [{ role: "user", content: "hello" }],
    });
    expect(kleis.sent.map(({ url }) => url)).toEqual([`${COPILOT}/responses`]);
  });

  test("of two accounts the one that has the model answers", async () => {
    const kleis = await listing({
      one: copilotList(copilotRow("gpt-5.4", ["/responses"])),
      two: copilotList(copilotRow("gpt-5.4", ["/responses"]), copilotRow("grok-9")),
    });
    const one = await copilotIs(kleis, "one");
    const two = await copilotIs(kleis, "two");
    expect(await idsOf(kleis)).toEqual(["copilot/gpt-5.4", "copilot/grok-9"]);
    const account = async (model: string, path: string) =>
      (await post(kleis, path, { model, input: "hi", messages: [] })).headers.get("x-kleis-account");
    expect(await account("grok-9", "/v1/chat/completions")).toBe(two.id);
    expect(await account("copilot/gpt-5.4", "/v1/responses")).toBe(one.id);
  });

  test("a key that may use only one of them is shown only what that one has", async () => {
    const kleis = await listing({
      one: copilotList(copilotRow("gpt-5.4")),
      two: copilotList(copilotRow("grok-9")),
    });
    const one = await copilotIs(kleis, "one");
    await copilotIs(kleis, "two");
    const { discoveryToken } = await kleis.key({ accounts: [one.id] });
    const registry = await kleis.registry(`/models/${discoveryToken}/api.json`);
    expect(Object.keys(registry["kleis-copilot"]?.models ?? {})).toEqual(["gpt-5.4"]);
  });
});

describe("a list is asked for in the background", () => {
  test("at once when an account is connected", async () => {
    const kleis = await listing({ gho_one: THREE });
    const { status } = await kleis.admin("POST", "/admin/accounts/import", {
      provider: "copilot",
      kind: "oauth",
      access_token: "gho_one",
    });
    expect(status).toBe(201);
    await kleis.settled();
    expect(kleis.asked.map(({ url }) => url)).toContain(`${COPILOT}/models`);
  });

  test("again after hours, and kept over a restart in between", async () => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    await listed(kleis);
    await kleis.settled();
    expect(kleis.asked).toHaveLength(1);
    kleis.restart();
    expect(await idsOf(kleis)).toContain("copilot/brand-new-1");
    expect(kleis.asked).toHaveLength(1);
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    await kleis.settled();
    expect(kleis.asked).toHaveLength(2);
  });

  test("again when the account has changed, by a new sign-in for one", async () => {
    const kleis = await listing({ one: THREE, two: copilotList(copilotRow("grok-9")) });
    await copilotIs(kleis, "one");
    await listed(kleis);
    await kleis.settled();
    kleis.clock.ms += 10 * 60_000;
    await kleis.account("copilot", {
      accessToken: "two",
      externalId: "external-1",
      now: kleis.clock.ms,
    });
    kleis.restart();
    await listed(kleis);
    await kleis.settled();
    expect(await idsOf(kleis)).toEqual(["copilot/grok-9"]);
  });

  test("at the owner's wish, who is told what came of it", async () => {
    const kleis = await listing({ one: THREE });
    const one = await copilotIs(kleis, "one");
    const two = await copilotIs(kleis, "two");
    await kleis.account("codex", { kind: "api_key" });
    expect(await kleis.admin("POST", "/admin/models/refresh")).toMatchObject({
      status: 200,
      json: {
        registry: "off",
        accounts: [
          { id: one.id, list: "renewed", remarks: [expect.stringContaining("It is short")] },
          { id: two.id, list: "refused", remarks: [expect.stringContaining("status 403")] },
        ],
      },
    });
  });

  test("once for all who wish it at the same time", async () => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { network } = kleis;
    kleis.network = async (...asked) => {
      const response = network(...asked);
      await held;
      return response;
    };
    const wishes = Array.from({ length: 10 }, () => kleis.admin("POST", "/admin/models/refresh"));
    // All of them wait for the provider once none of them asks the store any more.
    for (let calls = -1, still = 0; still < 20 || kleis.asked.length === 0; ) {
      still = kleis.calls.length === calls ? still + 1 : 0;
      calls = kleis.calls.length;
      await new Promise((later) => setTimeout(later, 10));
    }
    answer();
    for (const { json } of await Promise.all(wishes)) {
      expect(json).toMatchObject({ accounts: [{ list: "renewed" }] });
    }
    expect(kleis.asked).toHaveLength(1);
    await kleis.admin("POST", "/admin/models/refresh");
    expect(kleis.asked).toHaveLength(2);
  });

  test("also by a clock that was set back", async () => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    await listed(kleis);
    await kleis.settled();
    kleis.restart();
    kleis.clock.ms -= 10 * 24 * HOUR;
    await listed(kleis);
    await kleis.settled();
    expect(kleis.asked).toHaveLength(2);
  });

  test("not for accounts that are disabled or must sign in", async () => {
    const kleis = await listing({ one: THREE });
    const one = await copilotIs(kleis, "one");
    await kleis.runtime.storage.accounts.update(one.id, { enabled: false }, 1);
    await kleis.account("codex", { kind: "api_key" });
    await listed(kleis);
    await kleis.settled();
    expect(kleis.asked).toEqual([]);
  });
});

describe("a list that cannot be had", () => {
  test.each<[string, () => Response | Promise<Response>]>([
    ["an error", () => new Response("no", { status: 500 })],
    ["a refusal", () => new Response("no", { status: 401 })],
    ["a web page", () => new Response("<html>")],
    ["a list without a usable model", () => Response.json(copilotList({ id: 7 }))],
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { location: "https://elsewhere.example" } }),
    ],
    ["too much", () => new Response("x".repeat(5_000_000))],
    ["no network", () => Promise.reject(new Error("ENOTFOUND planted"))],
  ])("(%s) leaves the old one, a line in the log and no secret in it", async (_name, answer) => {
    const kleis = await listing({ one: THREE });
    await copilotIs(kleis, "one");
    const before = await idsOf(kleis);
    kleis.network = async () => answer();
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    await kleis.settled();
    expect(await idsOf(kleis)).toEqual(before);
    const lines = kleis.logged.filter(({ event }) => event === "model_list_refused");
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(kleis.logged)).not.toMatch(/Bearer|"one"|planted/);
  });

  test("leaves what the registry knows, where there has never been one", async () => {
    const kleis = await listing({});
    await copilotIs(kleis, "one");
    expect((await idsOf(kleis)).length).toBe(32);
    await listed(kleis);
    await kleis.settled();
    // No more than one try in five minutes.
    expect(kleis.asked).toHaveLength(1);
  });

  test("all stored when many arrive at once, in whatever order the store performs its writes", async () => {
    const kleis = await listing({
      one: THREE,
      two: { models: [codexRow("gpt-5.5")] },
      three: { models: [codexRow("gpt-5.4")] },
    });
    const { settings } = kleis.runtime.storage;
    let held: (() => Promise<void>)[] = [];
    const holding =
      (write: typeof settings.set): typeof settings.set =>
      (...args) =>
        new Promise((stored) => held.push(() => write(...args).then(stored)));
    settings.set = holding(settings.set.bind(settings));
    settings.setSealed = holding(settings.setSealed.bind(settings));
    const tokens = ["one", "two", "three"];
    const accounts = [
      await copilotIs(kleis, "one"),
      await kleis.account("codex", { accessToken: "two" }),
      await kleis.account("codex", { accessToken: "three" }),
    ];
    const tokenOf = ({ id }: AccountRecord) => tokens[accounts.findIndex((known) => known.id === id)] ?? "";
    const start = () =>
      createModelSource({
        runtime: kleis.runtime,
        providers: PROVIDERS,
        credentials: { fresh: async (account) => ({ kind: "oauth", token: tokenOf(account) }) },
      });
    const source = start();
    for (const account of accounts) source.connected([account]);
    // Known although nothing is stored yet, but for the one whose round stores the rows of all first.
    await expect.poll(async () => (await source.listStatuses(accounts)).size).toBe(2);
    let isSettled = false;
    void kleis.settled().then(() => {
      isSettled = true;
    });
    while (!isSettled) {
      await sleep(20);
      const due = held.reverse();
      held = [];
      for (const write of due) await write();
    }
    const stored = JSON.parse((await settings.get("models.live")) ?? "{}");
    expect(Object.keys(stored).sort()).toEqual(accounts.map(({ id }) => id).sort());
    const elsewhere = start();
    await elsewhere.current(accounts);
    const rowOf = await elsewhere.rows(accounts);
    expect(rowOf(accounts[1]?.id ?? "", "gpt-5.5")).toMatchObject({ slug: "gpt-5.5" });
    expect(rowOf(accounts[2]?.id ?? "", "gpt-5.4")).toMatchObject({ slug: "gpt-5.4" });
  });

  test("in the store (nonsense) is asked for anew", async () => {
    const kleis = await listing({ one: THREE });
    await kleis.runtime.storage.settings.set("models.live", '{"acc_1":{"at":"x"}}', 1);
    await copilotIs(kleis, "one");
    expect(await idsOf(kleis)).toContain("copilot/brand-new-1");
  });
});

test("very many accounts are asked for their lists a few at a time, and each once", async () => {
  const kleis = await listing({});
  for (let at = 0; at < 30; at++) await copilotIs(kleis, `token-${at}`);
  const asked: string[] = [];
  let open = 0;
  let most = 0;
  kleis.network = async (_url, init) => {
    asked.push(new Headers(init.headers).get("authorization") ?? "");
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 1));
    open--;
    return Response.json(THREE);
  };
  await listed(kleis);
  await kleis.settled();
  expect(new Set(asked).size).toBe(30);
  expect(asked).toHaveLength(30);
  expect(most).toBeLessThanOrEqual(8);
});
