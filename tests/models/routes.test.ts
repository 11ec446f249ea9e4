import { type Context, Hono } from "hono";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { KleisError } from "../../src/errors.ts";
import { createModelRoutes, type ModelRouteDeps } from "../../src/http/models.ts";
import { requestLogger } from "../../src/log/request-logger.ts";
import { catalogueOf } from "../../src/models/catalogue/catalogue.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { ALL, ANY, accounts, type World } from "./resolve-context.ts";

const entry = z.looseObject({ id: z.string() });
const listBody = z.looseObject({
  object: z.literal("list"),
  data: z.array(entry),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

function app({ has = ALL, scope = {} }: World = {}): Hono {
  const deps: ModelRouteDeps = {
    providers: PROVIDERS,
    source: { current: () => catalogueOf(snapshot()), rows: async () => () => undefined },
    authenticate: async (c: Context) => {
      const key = c.req.header("authorization") ?? c.req.header("x-api-key");
      if (key === undefined) throw new KleisError("missing_api_key", "Send a key.");
      return { key: { id: "key_1", ...ANY, ...scope }, accounts: accounts(...has) };
    },
  };
  const root = new Hono();
  root.use(requestLogger({ clock: new VirtualClock(), logger: QUIET }, () => "req_1"));
  root.route("/v1", createModelRoutes(deps));
  for (const { id } of PROVIDERS) root.route(`/${id}/v1`, createModelRoutes({ ...deps, forced: id }));
  return root;
}

const OPENAI = { authorization: "Bearer kleis_x" };
const ANTHROPIC = { "x-api-key": "kleis_x", "anthropic-version": "2023-06-01" };

async function get(path: string, headers: Record<string, string> = OPENAI, settings: World = {}) {
  const response = await app(settings).request(path, { headers });
  return { response, status: response.status, body: await response.json() };
}

async function list(path: string, headers: Record<string, string> = OPENAI, settings: World = {}) {
  const { status, body } = await get(path, headers, settings);
  expect(status).toBe(200);
  const { data, ...rest } = listBody.parse(body);
  return { ids: data.map(({ id }) => id), ...rest };
}

describe("GET /v1/models", () => {
  test("gives an OpenAI client every model at once, and no Codex list unasked", async () => {
    const page = await list("/v1/models?limit=2&after_id=nonsense");
    expect(page.ids).toHaveLength(57);
    expect(page.has_more).toBe(false);
    expect(page).not.toHaveProperty("models");
  });

  test.each([
    ["anthropic-version", { ...OPENAI, "anthropic-version": "2026-10-21" }],
    ["x-api-key alone", { "x-api-key": "kleis_x" }],
    ["claude-cli", { ...OPENAI, "user-agent": "claude-cli/2.1.200 (external)" }],
  ])("gives an Anthropic client (%s) every model, by pages", async (_name, headers) => {
    const { ids, has_more } = await list("/v1/models?limit=56", headers);
    expect(ids).toEqual(expect.arrayContaining(["claude-sonnet-5", "gpt-5.6-sol", "copilot/grok-4.5"]));
    expect(ids).toHaveLength(56);
    expect(has_more).toBe(true);
  });

  test("takes a client with both credentials for an OpenAI one", async () => {
    expect((await list("/v1/models", { ...OPENAI, "x-api-key": "kleis_x" })).ids).toHaveLength(57);
  });

  test("does not page for a client that did not ask", async () => {
    const page = await list("/v1/models", ANTHROPIC);
    expect(page.ids.length).toBeGreaterThan(20);
    expect(page.has_more).toBe(false);
  });

  test("gives Codex CLI its own list beside", async () => {
    const { body } = await get("/v1/models?client_version=0.124.0");
    const { models } = z.object({ models: z.array(z.looseObject({ slug: z.string() })) }).parse(body);
    const slugs = models.map(({ slug }) => slug);
    expect(slugs).toEqual(expect.arrayContaining(["gpt-5.6-sol", "claude-sonnet-5"]));
    expect(slugs.filter((slug) => slug.includes("/"))).toEqual([]);
    listBody.parse(body);
  });

  test.each(ALL)("under /%s/v1 lists that provider's own models, bare", async (forced) => {
    const { ids } = await list(`/${forced}/v1/models`);
    expect(ids.length).toBeGreaterThan(9);
    expect(ids.every((id) => !id.includes("/"))).toBe(true);
    expect(
      await list(`/${forced}/v1/models`, OPENAI, { has: ALL.filter((id) => id !== forced) }),
    ).toMatchObject({
      ids: [],
      first_id: null,
      last_id: null,
    });
  });

  test("is narrowed by the key's scopes", async () => {
    expect((await list("/v1/models", OPENAI, { scope: { models: ["codex/gpt-5.4"] } })).ids).toEqual([
      "gpt-5.4",
    ]);
  });

  test("asks for a key, in the shape of the caller", async () => {
    const openai = await get("/v1/models", {});
    expect(openai.status).toBe(401);
    expect(openai.response.headers.get("x-should-retry")).toBe("false");
    expect(openai.body).toMatchObject({ error: { code: "missing_api_key" } });
    const anthropic = await get("/v1/models", { "anthropic-version": "2023-06-01" });
    expect(anthropic.body).toMatchObject({
      type: "error",
      error: { type: "authentication_error" },
      request_id: "req_1",
    });
  });

  test("never redirects, not even for a trailing slash", async () => {
    expect((await list("/v1/models/")).ids).toHaveLength(57);
  });
});

describe("an Anthropic client that pages", () => {
  test("sees every model once, in order, forwards and backwards", async () => {
    const all = (await list("/v1/models", ANTHROPIC)).ids;
    const forwards: string[] = [];
    let query = "limit=7";
    for (let more = true; more; ) {
      const page = await list(`/v1/models?${query}`, ANTHROPIC);
      forwards.push(...page.ids);
      more = page.has_more;
      query = `limit=7&after_id=${encodeURIComponent(page.last_id ?? "")}`;
    }
    expect(forwards).toEqual(all);

    const backwards: string[] = [];
    let before = all.at(-1) ?? "";
    for (let more = true; more; ) {
      const page = await list(`/v1/models?limit=7&before_id=${encodeURIComponent(before)}`, ANTHROPIC);
      backwards.unshift(...page.ids);
      more = page.has_more;
      before = page.first_id ?? "";
    }
    expect(backwards).toEqual(all.slice(0, -1));
  });

  test("gets the bounds of limit, and everything behind a cursor without one", async () => {
    const all = (await list("/v1/models", ANTHROPIC)).ids;
    expect(await list("/v1/models?limit=1", ANTHROPIC)).toMatchObject({ ids: [all[0]], has_more: true });
    expect((await list("/v1/models?limit=1000", ANTHROPIC)).ids).toEqual(all);
    expect((await list(`/v1/models?after_id=${all[0]}`, ANTHROPIC)).ids).toEqual(all.slice(1));
  });

  test.each([
    "limit=0",
    "limit=1001",
    "limit=x",
    "limit=",
    "limit=-1",
    "limit=1.5",
    "after_id=nothing",
    "before_id=",
  ])("is told what is wrong with %s", async (query) => {
    const { status, body } = await get(`/v1/models?${query}`, ANTHROPIC);
    expect(status).toBe(400);
    const [name] = query.split("=");
    expect(body).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", message: expect.stringContaining(`\`${name}\``) },
    });
  });

  test("may not go both ways at once", async () => {
    const { status } = await get("/v1/models?after_id=claude-opus-5&before_id=claude-opus-5", ANTHROPIC);
    expect(status).toBe(400);
  });
});

describe("GET /v1/models/{id}", () => {
  test.each([
    ["/v1/models/gpt-5.6-sol", "gpt-5.6-sol"],
    ["/v1/models/copilot/gpt-5.6-sol", "copilot/gpt-5.6-sol"],
    ["/v1/models/copilot%2Fgpt-5.6-sol", "copilot/gpt-5.6-sol"],
    ["/v1/models/openai/gpt-5.6-sol", "gpt-5.6-sol"],
    ["/copilot/v1/models/gpt-5.6-sol", "gpt-5.6-sol"],
    ["/copilot/v1/models/copilot/gpt-5.6-sol", "gpt-5.6-sol"],
  ])("%s", async (path, id) => {
    const { status, body } = await get(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, object: "model", type: "model" });
  });

  test("gives each listed model back as it was listed", async () => {
    const { body } = await get("/v1/models");
    for (const model of listBody.parse(body).data) {
      expect((await get(`/v1/models/${encodeURIComponent(model.id)}`)).body).toEqual(model);
    }
  });

  test.each([
    "/v1/models/foo/bar",
    "/v1/models/text-embedding-3-small",
    "/v1/models/%E0%A4%A",
    `/v1/models/${"x".repeat(400)}`,
    "/claude/v1/models/gpt-5.6-sol",
    "/claude/v1/models/copilot/claude-sonnet-5",
  ])("%s is not found", async (path) => {
    const { status, body, response } = await get(path);
    expect(status).toBe(404);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(body).toMatchObject({
      error: { type: "invalid_request_error", param: "model", code: "model_not_found" },
    });
  });

  test("is not found in Anthropic's shape", async () => {
    const { status, body } = await get("/v1/models/foo/bar", ANTHROPIC);
    expect(status).toBe(404);
    expect(body).toMatchObject({
      type: "error",
      error: { type: "not_found_error", message: expect.stringContaining("foo/bar") },
    });
    expect((await get("/v1/models/gpt-5.6-sol", ANTHROPIC)).status).toBe(200);
  });

  test("is not found outside the key's scope", async () => {
    const settings = { scope: { providers: ["claude"] } };
    expect((await get("/v1/models/codex/gpt-5.6-sol", OPENAI, settings)).status).toBe(404);
  });
});
