/** Anthropic's list of models, from its strict stand-in: for plans and API keys, in pages, and in every odd form. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { claude } from "../../src/providers/claude/index.ts";
import { CLAUDE_MODELS, claudeModel } from "../fakes/claude/models.ts";
import { type FakeClaude, startFakeClaude } from "../fakes/index.ts";
import { type RegistryKleis, startRegistryKleis } from "./kleis.ts";

const HOUR = 3_600_000;
const KINDS = ["oauth", "api_key"] as const;
type Kind = (typeof KINDS)[number];

let fake: FakeClaude;
beforeAll(async () => {
  fake = await startFakeClaude();
});
afterAll(() => fake.close());
beforeEach(() => {
  Object.assign(fake.models, { rows: CLAUDE_MODELS, perPage: 1000, reply: null });
  fake.background.length = 0;
  fake.violations.length = 0;
});

/** Kleis with one account of Claude's, whose list has not been asked for yet. */
async function kleisWith(kind: Kind): Promise<RegistryKleis> {
  const kleis = await startRegistryKleis({ ...fake.env, MODELS_DEV_URL: "" });
  // The stand-in lives by the system's clock.
  kleis.clock.ms = Date.now();
  kleis.network = nodeFetch;
  if (kind === "oauth") {
    const { accessToken, refreshToken, expiresAt } = fake.issueTokens();
    await kleis.account("claude", { accessToken, refreshToken, expiresAt });
  } else {
    await kleis.account("claude", { kind, apiKey: fake.issueApiKey() });
  }
  return kleis;
}

interface Listed {
  id: string;
  context_length: number;
  max_tokens: number;
  created_at: string;
}

async function listed(kleis: RegistryKleis): Promise<Listed[]> {
  const { key } = await kleis.key();
  const response = await kleis.get("/v1/models", { authorization: `Bearer ${key}` });
  return ((await response.json()) as { data: Listed[] }).data;
}

const idsOf = async (kleis: RegistryKleis) => (await listed(kleis)).map(({ id }) => id).sort();

/** Asks for the list again, hours later; gives the reasons of refusals that were logged since. */
async function again(kleis: RegistryKleis): Promise<unknown[]> {
  const before = kleis.logged.length;
  kleis.clock.ms += 5 * HOUR;
  await listed(kleis);
  await kleis.settled();
  const lines = kleis.logged.slice(before).filter(({ event }) => event === "model_list_refused");
  return lines.map(({ fields }) => fields?.reason);
}

/** What the registry knows of Claude beside the list: the ids without a date. */
const ALIASES = ["claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-5"];
const ALL = [...CLAUDE_MODELS.map(({ id }) => String(id)), ...ALIASES].sort();

describe.each(KINDS)("by %s", (kind) => {
  test("the list is asked for as that account, with nothing that it does not need", async () => {
    const kleis = await kleisWith(kind);
    await listed(kleis);
    await kleis.settled();
    expect(fake.background.map(({ path, query }) => `${path}?${query}`)).toEqual(["/v1/models?limit=1000"]);
    const { host, connection, ...headers } = fake.background[0]!.headers;
    expect(headers).toEqual({
      accept: "application/json",
      "accept-encoding": "identity",
      "anthropic-version": "2023-06-01",
      "user-agent": expect.stringMatching(/^kleis\/\d/),
      ...(kind === "oauth"
        ? { authorization: expect.stringMatching(/^Bearer sk-ant-oat/), "anthropic-beta": "oauth-2025-04-20" }
        : { "x-api-key": expect.stringMatching(/^sk-ant-api/) }),
    });
    expect(fake.violations).toEqual([]);
  });

  test.each([1, 5, 11, 12, 1000])("pages of %i models make one list", async (perPage) => {
    fake.models.perPage = perPage;
    fake.models.rows = CLAUDE_MODELS.slice(0, 12);
    const kleis = await kleisWith(kind);
    expect(await idsOf(kleis)).toEqual(ALL);
    await kleis.settled();
    expect(fake.background).toHaveLength(Math.ceil(12 / perPage));
    expect(fake.violations).toEqual([]);
  });

  test("the list narrows what is offered, and its limits win over the registry's", async () => {
    fake.models.rows = [
      claudeModel("claude-sonnet-5", "Claude Sonnet 5", "2026-06-29", { max_input_tokens: 222_000 }),
      claudeModel("claude-opus-5", "Claude Opus 5", "2026-07-24", { max_tokens: 7_000 }),
      claudeModel("claude-fable-5", "Claude Fable 5", "2026-06-07", {
        max_input_tokens: 2_000_000,
        max_tokens: null,
      }),
    ];
    const kleis = await kleisWith(kind);
    expect(await idsOf(kleis)).toEqual(["claude-fable-5", "claude-opus-5", "claude-sonnet-5"]);
    const limits = (await listed(kleis)).map(({ id, context_length, max_tokens }) => [
      id,
      context_length,
      max_tokens,
    ]);
    expect(limits.sort()).toEqual([
      ["claude-fable-5", 2_000_000, 128_000],
      ["claude-opus-5", 1_000_000, 7_000],
      ["claude-sonnet-5", 222_000, 128_000],
    ]);
  });

  test("a dated id stands for the one without its date as well, the newest of several", async () => {
    const dated = (date: string, max_input_tokens: number) =>
      claudeModel(`claude-haiku-4-5-${date}`, "Claude Haiku 4.5", "2025-10-15", { max_input_tokens });
    fake.models.rows = [dated("20260301", 111_000), dated("20251001", 99_000)];
    const kleis = await kleisWith(kind);
    const windows = Object.fromEntries(
      (await listed(kleis)).map(({ id, context_length }) => [id, context_length]),
    );
    expect(windows).toEqual({
      "claude-haiku-4-5": 111_000,
      "claude-haiku-4-5-20260301": 111_000,
      "claude-haiku-4-5-20251001": 99_000,
    });
  });

  test("an id without a date says nothing of dated ones, and of a new dated one no alias is made up", async () => {
    fake.models.rows = [
      claudeModel("claude-nova-6-20261120", "Claude Nova 6", "2026-11-20"),
      claudeModel("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15"),
    ];
    const kleis = await kleisWith(kind);
    expect(await idsOf(kleis)).toEqual(["claude-haiku-4-5", "claude-nova-6-20261120"]);
  });

  test("a model that the registry does not know is described by its row", async () => {
    fake.models.rows = [claudeModel("claude-nova-6", "Claude Nova 6", "2026-11-20")];
    const kleis = await kleisWith(kind);
    await listed(kleis);
    const { models } = (await kleis.registry("/models/own/api.json"))["kleis-claude"]!;
    expect(models["claude-nova-6"]).toMatchObject({
      name: "Claude Nova 6",
      release_date: "2026-11-20",
      attachment: true,
      reasoning: true,
      reasoning_options: [{ type: "effort", values: ["low", "medium", "high", "max"] }],
      tool_call: true,
      modalities: { input: ["text", "image", "pdf"], output: ["text"] },
      limit: { context: 1_000_000, output: 128_000 },
    });
  });

  test("a model that it does not name is still tried by its family", async () => {
    fake.models.rows = [claudeModel("claude-sonnet-5", "Claude Sonnet 5", "2026-06-29")];
    const kleis = await kleisWith(kind);
    await listed(kleis);
    expect(await message(kleis, "claude-opus-4-8")).toBe(200);
    expect(fake.last().json).toMatchObject({ model: "claude-opus-4-8" });
  });
});

/** Sends a message by this model, as a key with no scope. */
async function message(kleis: RegistryKleis, model: string): Promise<number> {
  const { key } = await kleis.key();
  const response = await kleis.app.fetch(
    new Request("https://kleis.example/v1/messages", {
      method: "POST",
      headers: { "x-api-key": key, "content-type": "application/json" },
      body: JSON.stringify({ model, max_tokens: 9, messages: [{ role: "user", content: "x" }] }),
    }),
  );
  await response.text();
  await kleis.settled();
  return response.status;
}

test("an id without its date that answers is not told as one that the list lacks", async () => {
  const kleis = await kleisWith("oauth");
  await listed(kleis);
  const told = () => kleis.logged.filter(({ event }) => event === "model_not_listed");
  expect(await message(kleis, "claude-haiku-4-5")).toBe(200);
  expect(told()).toEqual([]);
  expect(await message(kleis, "claude-opus-4-1")).toBe(200);
  expect(told()).toHaveLength(1);
});

describe("a login that has ended, or is about to", () => {
  test.each([-60_000, 10_000, 4 * 60_000])("(in %i ms) is not redeemed for a list", async (left) => {
    const kleis = await kleisWith("oauth");
    const { accessToken, refreshToken } = fake.issueTokens();
    const expiresAt = kleis.clock.ms + left;
    await kleis.runtime.storage.accounts.remove("acc_1", kleis.clock.ms);
    await kleis.account("claude", { accessToken, refreshToken, expiresAt });
    fake.requests.length = 0;
    expect(await idsOf(kleis)).toEqual(ALL);
    await kleis.settled();
    expect([fake.requests, fake.background]).toEqual([[], []]);
    // A request renews it, and then the list is asked for; so it is at the owner's wish.
    if (left > 0) {
      const { json } = await kleis.admin("POST", "/admin/models/refresh");
      expect(json).toMatchObject({ accounts: [{ list: "renewed" }] });
    } else {
      expect(await message(kleis, "claude-sonnet-5")).toBe(200);
      await listed(kleis);
      await kleis.settled();
    }
    expect(fake.background).toHaveLength(1);
    expect(fake.violations).toEqual([]);
  });
});

const page = (data: unknown, more: object = {}) => ({
  status: 200,
  body: { data, has_more: false, ...more },
});
const row = (id: string) => claudeModel(id, id, "2026-11-01");

/** What the stand-in answers to the n-th request (from 0) for a list. */
const ODD: [string, reason: RegExp, (at: number) => { status: number; body: object | string }][] = [
  [
    "pages without end",
    /more than 20 pages/,
    (at) => page([row(`claude-${at}`)], { has_more: true, last_id: `claude-${at}` }),
  ],
  [
    "pages that repeat",
    /pages repeat/,
    () => page([row("claude-a")], { has_more: true, last_id: "claude-a" }),
  ],
  [
    "cursors that repeat after a while",
    /pages repeat/,
    (at) => page([row(`claude-${at % 3}`)], { has_more: true, last_id: `claude-${at % 3}` }),
  ],
  ["more to come and no word where", /pages repeat/, () => page([], { has_more: true, last_id: null })],
  [
    "a cursor that no address can hold",
    /pages repeat/,
    () => page([row("claude-a")], { has_more: true, last_id: "x".repeat(100_000) }),
  ],
  [
    "a second page of another shape",
    /not a list/,
    (at) =>
      at === 0
        ? page([row("claude-a")], { has_more: true, last_id: "claude-a" })
        : { status: 200, body: { models: [] } },
  ],
  [
    "a second page that is refused",
    /page 2: status 500/,
    (at) =>
      at === 0
        ? page([row("claude-a")], { has_more: true, last_id: "claude-a" })
        : { status: 500, body: { error: "x" } },
  ],
  [
    "pages that are too large together",
    /bytes|large|MiB|size/i,
    (at) =>
      page([row(`claude-${at}`)], { has_more: true, last_id: `claude-${at}`, filler: "x".repeat(1_000_000) }),
  ],
  ["an empty list", /not a list/, () => page([])],
  ["a list of nothing that can be read", /not a list/, () => page([7, null, { id: 7 }, { name: "claude" }])],
  ["data that are no list", /not a list/, () => page({ id: "claude-a" })],
  ["a text", /not a list/, () => ({ status: 200, body: "<html>" })],
  ["a refusal", /status 403/, () => ({ status: 403, body: { error: "x" } })],
];

describe.each(ODD)("%s", (_name, reason, answer) => {
  test("leaves what the registry knows, and says so in the log", async () => {
    let at = 0;
    fake.models.reply = () => answer(at++);
    const kleis = await kleisWith("oauth");
    expect(await idsOf(kleis)).toEqual(ALL);
    await kleis.settled();
    const lines = kleis.logged.filter(({ event }) => event === "model_list_refused");
    expect(lines.map(({ fields }) => fields?.reason)).toEqual([expect.stringMatching(reason)]);
    expect(JSON.stringify(kleis.logged)).not.toContain("sk-ant-");
    expect(at).toBeLessThanOrEqual(20);
  });

  test("leaves the list that there was", async () => {
    fake.models.rows = [row("claude-a"), row("claude-b")];
    const kleis = await kleisWith("api_key");
    expect(await idsOf(kleis)).toEqual(["claude-a", "claude-b"]);
    let at = 0;
    fake.models.reply = () => answer(at++);
    expect(await again(kleis)).toEqual([expect.stringMatching(reason)]);
    expect(await idsOf(kleis)).toEqual(["claude-a", "claude-b"]);
  });
});

describe("a row", () => {
  const decode = (...rows: unknown[]) => claude.modelList?.decode({ data: rows }) ?? null;
  const ids = (...rows: unknown[]) => decode(...rows)?.map(({ id }) => id);

  test.each<[string, object]>([
    ["one that is retired", { lifecycle: "retired" }],
    ["one of another family", { id: "voyage-3" }],
    ["one that is no model", { type: "agent" }],
    ["one without an id", { id: undefined }],
    ["one whose id is too long", { id: `claude-${"x".repeat(300)}` }],
  ])("is left out, and only that: %s", (_name, change) => {
    expect(ids({ ...row("claude-bad"), ...change }, row("claude-good"))).toEqual(["claude-good"]);
  });

  test("on its way out is known as such, so that it is not offered", () => {
    expect(decode({ ...row("claude-a"), lifecycle: "deprecated" })?.[0]?.model.status).toBe("deprecated");
  });

  test("counts once", () => {
    const twice = decode({ ...row("claude-a"), max_tokens: 5 }, row("claude-a"), row("claude-b"));
    expect(twice?.map(({ id, limit }) => [id, limit.output])).toEqual([
      ["claude-a", 5],
      ["claude-b", 128_000],
    ]);
  });

  test.each([
    ["max_input_tokens", [undefined, null, "1", 0, -5, {}]],
    ["max_tokens", [undefined, null, "1", 0, []]],
    ["capabilities", [undefined, null, [], "all", { effort: 7, thinking: null, image_input: "yes" }]],
    ["created_at", [undefined, null, 7, "yesterday"]],
    ["display_name", [undefined, null, "", 7]],
    ["lifecycle", [undefined, null, 7, "preview"]],
  ])("with an odd %s costs that member and not the model", (name, values) => {
    for (const value of values) {
      const [model] = decode({ ...row("claude-a"), [name]: value }) ?? [];
      expect(model?.id, JSON.stringify(value)).toBe("claude-a");
      expect(model?.model.limit.context).toBeGreaterThan(0);
      expect(model?.model.release_date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      if (name.startsWith("max_")) expect(Object.keys(model?.limit ?? {})).toHaveLength(1);
    }
  });

  test("tells efforts and thinking where it does, and invents none where it does not", () => {
    const options = (capabilities: unknown) => {
      const [found] = decode({ ...row("claude-a"), capabilities }) ?? [];
      const { reasoning, ...model } = found!.model;
      return [reasoning, "reasoning_options" in model ? model.reasoning_options : undefined];
    };
    const yes = { supported: true };
    const no = { supported: false };
    expect(options(null)).toEqual([true, []]);
    expect(options({ thinking: { ...no, types: {} } })).toEqual([false, undefined]);
    expect(options({ effort: { ...no, low: yes }, thinking: { ...yes, types: { enabled: yes } } })).toEqual([
      true,
      [{ type: "budget_tokens", min: 1024 }],
    ]);
    const effort = { ...yes, max: yes, xhigh: yes, high: yes, medium: no, low: yes, ultra: yes };
    expect(options({ effort })).toEqual([
      true,
      [{ type: "effort", values: ["low", "high", "xhigh", "max"] }],
    ]);
  });
});
