import { describe, expect, test } from "vitest";
import { connectAll, ORIGIN, type RegistryKleis, startRegistryKleis } from "./kleis.ts";

const FAST = { id: "team/fast", provider: "copilot", model: "gpt-5-mini" };
const OWN = {
  id: "lab",
  provider: "codex",
  model: "gpt-secret-preview",
  name: "The lab's",
  limit: { context: 90_000, output: 9_000 },
};

async function connected(): Promise<RegistryKleis> {
  const kleis = await startRegistryKleis({ MODELS_DEV_URL: "" });
  await connectAll(kleis);
  return kleis;
}

const put = (kleis: RegistryKleis, ...models: object[]) => kleis.admin("PUT", "/admin/models", { models });

async function listed(kleis: RegistryKleis, path = "/v1/models"): Promise<Record<string, unknown>[]> {
  const { key } = await kleis.key();
  const response = await kleis.get(path, { authorization: `Bearer ${key}` });
  const { data }: { data: Record<string, unknown>[] } = await response.json();
  return data;
}

/** The URL and body of what went upstream for a model. */
async function sent(kleis: RegistryKleis, path: string, model: string) {
  let upstream = { url: "", model: "" };
  const before = kleis.network;
  kleis.network = async (url, init) => {
    if (init.method !== "POST") return before(url, init);
    upstream = { url, model: JSON.parse(new TextDecoder().decode(init.body as Uint8Array)).model };
    return Response.json({});
  };
  const { key } = await kleis.key();
  const response = await kleis.app.fetch(
    new Request(ORIGIN + path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, input: "hi", messages: [{ role: "user", content: "hi" }] }),
    }),
  );
  return { ...upstream, status: response.status, provider: response.headers.get("x-kleis-provider") };
}

describe("a model that the operator has defined", () => {
  test("is kept as it was given, over a restart, and replaced as a whole", async () => {
    const kleis = await connected();
    expect(await kleis.admin("GET", "/admin/models")).toMatchObject({ status: 200, json: { models: [] } });
    expect(await put(kleis, FAST, OWN)).toMatchObject({ status: 200, json: { models: [FAST, OWN] } });
    kleis.restart();
    expect(await kleis.admin("GET", "/admin/models")).toMatchObject({
      status: 200,
      json: { models: [FAST, OWN] },
    });
    await put(kleis, OWN);
    expect(await kleis.admin("GET", "/admin/models")).toMatchObject({ status: 200, json: { models: [OWN] } });
    await put(kleis);
    expect(await kleis.admin("GET", "/admin/models")).toMatchObject({ status: 200, json: { models: [] } });
  });

  test("is in every list, with its name and its limits", async () => {
    const kleis = await connected();
    await put(kleis, FAST, OWN);
    const all = await listed(kleis);
    expect(all.find(({ id }) => id === "lab")).toMatchObject({
      owned_by: "codex",
      name: "The lab's",
      context_length: 90_000,
      max_tokens: 9_000,
    });
    expect(all.find(({ id }) => id === "team/fast")).toMatchObject({
      owned_by: "copilot",
      name: "team/fast",
    });
    expect((await listed(kleis, "/codex/v1/models")).map(({ id }) => id)).toContain("lab");
    expect((await listed(kleis, "/claude/v1/models")).map(({ id }) => id)).not.toContain("lab");
    const registry = await kleis.registry("/models/own/api.json");
    expect(registry["kleis-codex"]?.models.lab).toMatchObject({
      id: "lab",
      name: "The lab's",
      limit: OWN.limit,
    });
    expect(registry["kleis-copilot"]?.models["team/fast"]).toMatchObject({
      id: "team/fast",
      tool_call: true,
    });
  });

  test("goes upstream under the provider's id, on the plain and on the forced route", async () => {
    const kleis = await connected();
    await put(kleis, FAST, OWN);
    expect(await sent(kleis, "/v1/responses", "lab")).toMatchObject({
      model: "gpt-secret-preview",
      provider: "codex",
      status: 200,
    });
    expect(await sent(kleis, "/codex/v1/responses", "lab")).toMatchObject({ model: "gpt-secret-preview" });
    expect(await sent(kleis, "/v1/chat/completions", "team/fast")).toMatchObject({
      model: "gpt-5-mini",
      provider: "copilot",
    });
  });

  test("may overrule the limits and the position of an existing model", async () => {
    const kleis = await connected();
    await put(kleis, {
      id: "gpt-5.6-sol",
      provider: "copilot",
      model: "gpt-5.6-sol",
      limit: { context: 1000, output: 100, input: 900 },
    });
    const all = await listed(kleis);
    expect(all.find(({ id }) => id === "gpt-5.6-sol")).toMatchObject({
      owned_by: "copilot",
      max_input_tokens: 900,
    });
    expect(all.find(({ id }) => id === "codex/gpt-5.6-sol")).toMatchObject({ owned_by: "codex" });
    expect(await sent(kleis, "/v1/responses", "gpt-5.6-sol")).toMatchObject({ provider: "copilot" });
  });

  test("is seen by another process, though the clock was set back", async () => {
    const kleis = await connected();
    await listed(kleis);
    const first = kleis.app;
    kleis.restart();
    await put(kleis, OWN);
    kleis.app = first;
    kleis.clock.ms -= 3_600_000;
    await listed(kleis);
    await kleis.settled();
    expect((await listed(kleis)).map(({ id }) => id)).toContain("lab");
  });

  test("is seen by another process within ten seconds", async () => {
    const kleis = await connected();
    await listed(kleis);
    const first = kleis.app;
    kleis.restart();
    await put(kleis, OWN);
    kleis.app = first;
    expect((await listed(kleis)).map(({ id }) => id)).not.toContain("lab");
    kleis.clock.ms += 10_000;
    await listed(kleis);
    await kleis.settled();
    expect((await listed(kleis)).map(({ id }) => id)).toContain("lab");
  });

  test("asks for the admin token", async () => {
    const kleis = await connected();
    const { key } = await kleis.key();
    for (const [method, path] of [
      ["GET", ""],
      ["PUT", ""],
      ["POST", "/refresh"],
    ] as const) {
      const response = await kleis.app.fetch(
        new Request(`${ORIGIN}/admin/models${path}`, { method, headers: { authorization: `Bearer ${key}` } }),
      );
      expect(response.status).toBe(401);
    }
  });
});

const LIMIT = { context: 9000, output: 900 };

/** What each list says of a provider's model: id, name and limits. */
async function everywhere(kleis: RegistryKleis, provider: string, model: string) {
  const own = (of: Record<string, unknown>[]) =>
    of.filter((each) => each.owned_by === provider && `/${each.id}`.endsWith(`/${model}`));
  const said = (of: Record<string, unknown>[]) =>
    own(of).map(({ id, name, context_length, max_tokens }) => ({
      id,
      name,
      limit: { context: context_length, output: max_tokens },
    }));
  const { models = {} } = (await kleis.registry("/models/own/api.json"))[`kleis-${provider}`] ?? {};
  return {
    all: said(await listed(kleis)),
    forced: said(await listed(kleis, `/${provider}/v1/models`)),
    registry: Object.values(models).flatMap(({ id, name, limit }) =>
      `/${id}`.endsWith(`/${model}`) ? [{ id, name, limit }] : [],
    ),
  };
}

describe("a definition under a model's own name describes that model anew, once in every list", () => {
  test.each<[id: string, provider: string, model: string, inAll: string]>([
    ["claude-sonnet-5", "claude", "claude-sonnet-5", "claude-sonnet-5"],
    ["anthropic/claude-sonnet-5", "claude", "claude-sonnet-5", "claude-sonnet-5"],
    ["gpt-5.5", "codex", "gpt-5.5", "gpt-5.5"],
    ["kleis-codex/gpt-5.5", "codex", "gpt-5.5", "gpt-5.5"],
    ["gpt-5-mini", "copilot", "gpt-5-mini", "gpt-5-mini"],
    ["copilot/gpt-5.4", "copilot", "gpt-5.4", "copilot/gpt-5.4"],
    ["gpt-secret", "codex", "gpt-secret", "gpt-secret"],
    ["copilot/gpt-secret", "copilot", "gpt-secret", "copilot/gpt-secret"],
  ])("%s at %s", async (id, provider, model, inAll) => {
    const kleis = await connected();
    await put(kleis, { id, provider, model, name: "Mine", limit: LIMIT });
    const mine = { name: "Mine", limit: LIMIT };
    expect(await everywhere(kleis, provider, model)).toEqual({
      all: [{ id: inAll, ...mine }],
      forced: [{ id: model, ...mine }],
      registry: [{ id: model, ...mine }],
    });
  });

  test("with the name that it has, where none is given", async () => {
    const kleis = await connected();
    const define = (id: string, provider: string, model = id) => ({ id, provider, model, limit: LIMIT });
    await put(kleis, define("claude-sonnet-5", "claude"), define("gpt-5-mini", "copilot"));
    const nameOf = async (provider: string, model: string) =>
      (await everywhere(kleis, provider, model)).all[0];
    expect(await nameOf("claude", "claude-sonnet-5")).toMatchObject({ name: "Claude Sonnet 5" });
    expect(await nameOf("copilot", "gpt-5-mini")).toMatchObject({ name: "GPT-5 Mini (GitHub Copilot)" });
  });

  test("also for Codex CLI", async () => {
    const kleis = await connected();
    await put(kleis, { id: "codex/gpt-5.5", provider: "codex", model: "gpt-5.5", limit: LIMIT });
    const models = await forCodex(kleis);
    expect(models.filter(({ slug }) => slug.endsWith("gpt-5.5"))).toMatchObject([
      { slug: "gpt-5.5", context_window: 9000 },
    ]);
  });

  test("and any other name leaves the model as it is", async () => {
    const kleis = await connected();
    const before = await everywhere(kleis, "copilot", "gpt-5-mini");
    await put(kleis, { ...FAST, limit: LIMIT });
    expect(await everywhere(kleis, "copilot", "gpt-5-mini")).toEqual(before);
    expect((await listed(kleis)).find(({ id }) => id === FAST.id)).toMatchObject({ context_length: 9000 });
  });
});

async function forCodex(kleis: RegistryKleis): Promise<{ slug: string; context_window: number }[]> {
  const { key } = await kleis.key();
  const response = await kleis.get("/v1/models?client_version=0.150.0", { authorization: `Bearer ${key}` });
  return (await response.json()).models;
}

test("Codex CLI is offered the names that it can use: those without a slash", async () => {
  const kleis = await connected();
  await put(
    kleis,
    OWN,
    FAST,
    { id: "steady", provider: "copilot", model: "gpt-5.4" },
    { id: "team/steady", provider: "codex", model: "gpt-5.5" },
    { id: "sonnet", provider: "claude", model: "claude-sonnet-5" },
  );
  const slugs = (await forCodex(kleis)).map(({ slug }) => slug);
  expect(slugs).toEqual(expect.arrayContaining(["gpt-5.5", "lab", "steady", "sonnet", "claude-sonnet-5"]));
  expect(slugs.filter((slug) => slug.includes("/"))).toEqual([]);
  expect(await sent(kleis, "/v1/responses", "steady")).toMatchObject({ provider: "copilot", status: 200 });
});

describe("a definition that could not work is refused, and says which field", () => {
  test.each<[string, object | object[], string]>([
    ["no id", { ...FAST, id: undefined }, "models.0.id"],
    ["an empty id", { ...FAST, id: "" }, "models.0.id"],
    ["an id with spaces", { ...FAST, id: "team fast" }, "models.0.id"],
    ["an id with a line break", { ...FAST, id: "team\nfast" }, "models.0.id"],
    ["an id that ends with a slash", { ...FAST, id: "team/" }, "models.0.id"],
    ["an id of 257 characters", { ...FAST, id: "x".repeat(257) }, "models.0.id"],
    ["one id twice", [FAST, { ...OWN, id: FAST.id }], "models.1.id"],
    ["an unknown provider", { ...FAST, provider: "gemini" }, "models.0.provider"],
    ["no provider", { ...FAST, provider: undefined }, "models.0.provider"],
    ["no upstream id", { ...FAST, model: undefined }, "models.0.model"],
    [
      "two descriptions of one model",
      [
        { id: "gpt-5-mini", provider: "copilot", model: "gpt-5-mini", limit: LIMIT },
        { id: "copilot/gpt-5-mini", provider: "copilot", model: "gpt-5-mini", limit: LIMIT },
      ],
      "models.1.id",
    ],
    [
      "an upstream id with a provider's prefix",
      { ...FAST, model: "copilot/gpt-5-mini", limit: LIMIT },
      "models.0.model",
    ],
    ["an upstream id with another's prefix", { ...OWN, model: "anthropic/claude-9" }, "models.0.model"],
    ["an upstream id with our prefix", { ...OWN, model: "kleis/gpt-9" }, "models.0.model"],
    [
      "what no agent can talk to",
      { ...FAST, model: "text-embedding-3-small", limit: LIMIT },
      "models.0.model",
    ],
    ["more output than context", { ...OWN, limit: { context: 10, output: 100 } }, "models.0.limit"],
    ["no limits for what nobody knows", { ...OWN, limit: undefined }, "models.0.limit"],
    ["limits without an output", { ...OWN, limit: { context: 1 } }, "models.0.limit.output"],
    ["limits of nothing", { ...OWN, limit: { context: 0, output: 1 } }, "models.0.limit.context"],
    ["limits as text", { ...OWN, limit: { context: "90000", output: 1 } }, "models.0.limit.context"],
    ["more input than context", { ...OWN, limit: { context: 1, output: 1, input: 2 } }, "models.0.limit"],
    ["an empty name", { ...FAST, name: " " }, "models.0.name"],
    ["a misspelt field", { ...FAST, limits: OWN.limit }, "models.0.limits"],
    ["too many", Array.from({ length: 201 }, (_, at) => ({ ...FAST, id: `m${at}` })), "models"],
  ])("%s", async (_name, models, param) => {
    const kleis = await connected();
    await put(kleis, OWN);
    const answer = await put(kleis, ...[models].flat());
    expect(answer).toMatchObject({
      status: 400,
      json: { error: { code: "invalid_request", param, message: expect.stringMatching(/ \S+ .*\w/) } },
    });
    expect(await kleis.admin("GET", "/admin/models")).toMatchObject({ json: { models: [OWN] } });
  });

  test.each<[unknown]>([
    [[]],
    [{}],
    [{ models: {} }],
    [{ models: "x" }],
    [{ models: [7] }],
    [{ models: [], more: 1 }],
  ])("a body of %j", async (body) => {
    expect((await (await connected()).admin("PUT", "/admin/models", body)).status).toBe(400);
  });

  test("a store that does not take it is a 503, and nothing has changed", async () => {
    const kleis = await connected();
    await put(kleis, OWN);
    const { settings } = kleis.runtime.storage;
    const { set } = settings;
    settings.set = async () => {
      const { StorageError } = await import("../../src/storage/port.ts");
      throw new StorageError("full");
    };
    expect((await put(kleis, FAST)).status).toBe(503);
    settings.set = set;
    expect(await kleis.admin("GET", "/admin/models")).toMatchObject({ json: { models: [OWN] } });
  });
});

test("what is stored and cannot be read is as good as nothing, and is not overwritten", async () => {
  const kleis = await connected();
  await kleis.runtime.storage.settings.set("models.custom", "[{}]", 1);
  expect((await listed(kleis)).length).toBeGreaterThan(50);
  expect(await kleis.runtime.storage.settings.get("models.custom")).toBe("[{}]");
});
