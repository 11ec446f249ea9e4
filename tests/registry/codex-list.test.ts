/** The Codex list against the strict fake: by which version it is asked, what is believed of it, and the vendor's own rows. */
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import type { KeyRequest } from "../../src/keys/issue.ts";
import { clientVersions } from "../../src/providers/codex/client-version.ts";
import { promptOf } from "../fakes/codex/models.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { ORIGIN, type RegistryKleis, startRegistryKleis } from "./kleis.ts";
import { codexRow } from "./live-rows.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let fakes: Fakes;
beforeAll(async () => {
  fakes = await startFakes();
});
afterAll(() => fakes.close());
beforeEach(() => {
  fakes.codex.models.list = null;
  fakes.codex.rules.withheld.clear();
});

/** Kleis with one plan, whose network leads to the fakes. `asked` holds the versions that lists were asked with. */
async function planned(env: Record<string, string> = {}): Promise<RegistryKleis & { asked: string[] }> {
  const here = await startRegistryKleis({ ...fakes.env, MODELS_DEV_URL: "", ...env });
  here.clock.ms = Date.now();
  const kleis = Object.assign(here, { asked: [] as string[] });
  kleis.network = (url, init) => {
    const version = new URL(url).searchParams.get("client_version");
    if (version !== null) kleis.asked.push(version);
    return nodeFetch(url, init);
  };
  await plan(kleis);
  return kleis;
}

async function plan(kleis: RegistryKleis): Promise<string> {
  const tokens = fakes.codex.issueTokens();
  const { id } = await kleis.account("codex", {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    expiresAt: Date.now() + 30 * 24 * HOUR,
    metadata: { account_id: tokens.accountId },
  });
  return id;
}

/** Sends with a key of its own; `agent` is the client's user-agent. */
async function send(
  kleis: RegistryKleis,
  path: string,
  body?: object,
  agent = "test/1",
  request: KeyRequest = {},
) {
  const { key } = await kleis.key(request);
  const response = await kleis.app.fetch(
    new Request(ORIGIN + path, {
      headers: {
        authorization: `Bearer ${key}`,
        "user-agent": agent,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  await kleis.settled();
  return { status: response.status, text, account: response.headers.get("x-kleis-account") };
}

const ask = (kleis: RegistryKleis, model: string, path = "/v1/responses") =>
  send(kleis, path, { model, input: "hi", stream: true });

async function listed(kleis: RegistryKleis, request: KeyRequest = {}): Promise<string[]> {
  const { text } = await send(kleis, "/v1/models", undefined, "test/1", request);
  return (JSON.parse(text).data as { id: string }[]).map(({ id }) => id).sort();
}

interface Row {
  readonly slug: string;
  readonly [member: string]: unknown;
}

async function rowsFor(kleis: RegistryKleis, path = "/v1/models", request: KeyRequest = {}): Promise<Row[]> {
  const { text } = await send(kleis, `${path}?client_version=0.169.0`, undefined, "test/1", request);
  return JSON.parse(text).models;
}

const theirRows = async (): Promise<Row[]> => {
  const tokens = fakes.codex.issueTokens();
  const headers = new Headers({
    authorization: `Bearer ${tokens.accessToken}`,
    "chatgpt-account-id": tokens.accountId,
    "user-agent": "kleis/0",
  });
  const url = `${fakes.codex.url}/backend-api/codex/models?client_version=0.169.0`;
  const response = await nodeFetch(url, { method: "GET", headers });
  return (await response.json()).models;
};

const events = (kleis: RegistryKleis, event: string) => kleis.logged.filter((line) => line.event === event);

const TEN = [
  "gpt-5.3-codex-spark",
  "gpt-5.4",
  "gpt-5.4-mini",
  "gpt-5.5",
  "gpt-5.6-luna",
  "gpt-5.6-sol",
  "gpt-5.6-terra",
  "gpt-6-astra",
  "gpt-6-luna",
  "gpt-6-sol",
];

describe("the version that the list is asked with", () => {
  test("is one that the backend tells everything", async () => {
    const kleis = await planned();
    expect(await listed(kleis)).toEqual(TEN);
    expect(kleis.asked).toEqual(["0.169.0"]);
  });

  test("is the owner's where one is set, whatever clients say", async () => {
    const kleis = await planned({ CODEX_CLIENT_VERSION: "0.142.2" });
    await send(kleis, "/v1/models", undefined, "codex_cli_rs/0.999.0 (Linux)");
    expect(await listed(kleis)).toEqual(["gpt-5.3-codex-spark", "gpt-5.4", "gpt-5.4-mini", "gpt-5.5"]);
    expect(kleis.asked).toEqual(["0.142.2"]);
  });

  test("rises with what Codex clients with a valid key say, and the list is asked for again", async () => {
    const kleis = await planned();
    await send(kleis, "/v1/models", undefined, "codex_exec/0.171.3 (Debian 13.0.0; x86_64) xterm");
    expect(kleis.asked).toEqual(["0.171.3"]);
    kleis.clock.ms += 6 * MINUTE;
    await send(kleis, "/v1/responses", { model: "gpt-5.5", input: "hi" }, "codex_cli_rs/0.180.0");
    await ask(kleis, "gpt-5.5");
    expect(kleis.asked).toEqual(["0.171.3", "0.180.0"]);
    // It never falls, and what another process has asked for with a newer one is good enough.
    kleis.clock.ms += 6 * MINUTE;
    await send(kleis, "/v1/models", undefined, "codex_cli_rs/0.170.0");
    kleis.restart();
    await listed(kleis);
    expect(kleis.asked).toEqual(["0.171.3", "0.180.0"]);
  });

  test("does not rise for who has no key", async () => {
    const kleis = await planned();
    const headers = { authorization: "Bearer kleis_nonsense", "user-agent": "codex_cli_rs/0.200.0" };
    expect((await kleis.get("/v1/models", headers)).status).toBe(401);
    await listed(kleis);
    expect(kleis.asked).toEqual(["0.169.0"]);
  });

  test.each([
    ["codex_cli_rs/0.156.0 (Debian 13.0.0; x86_64) xterm", "0.156.0"],
    ["codex-tui/0.146.0", "0.146.0"],
    ["codex_vscode/0.999.9999 (x)", "0.999.9999"],
    ["Codex_Exec/0.170.0", "0.170.0"],
  ])("%s says %s", (agent, version) => {
    expect(clientVersions.namedIn(agent)).toBe(version);
  });

  test.each([
    "codex_cli_rs/1.0.0",
    "codex_cli_rs/0.1000.0",
    "codex_cli_rs/0.170.0-alpha.3",
    "codex_cli_rs/0.170",
    "codex_cli_rs/0.0170.0",
    "codex_cli_rs/0.170.0.1",
    "codex_cli_rs/00.170.0",
    "codex_cli_rs/0.170.00000",
    "claude-cli/0.170.0",
    "opencode/1.2 codex_cli_rs/0.170.0",
    "codex_cli_rs 0.170.0",
    "",
  ])("%s says none", (agent) => {
    expect(clientVersions.namedIn(agent)).toBeNull();
  });

  test("whatever a user-agent holds, what is taken of it is a version up to 0.999", () => {
    const agent = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.constantFrom("codex_cli_rs", "codex", "codex-x", "Kodex"),
          fc.array(fc.nat(2000)),
          fc.string(),
        )
        .map(([name, parts, rest]) => `${name}/${parts.join(".")}${rest}`),
    );
    fc.assert(
      fc.property(agent, (text) => {
        const version = clientVersions.namedIn(text);
        if (version === null) return;
        expect(version).toMatch(/^0\.\d{1,3}\.\d{1,4}$/);
        expect(clientVersions.isOlder(version, "0.1000.0")).toBe(true);
      }),
    );
  });

  test("versions are compared by number", () => {
    const order = ["0.0.0", "0.9.10", "0.60.0", "0.142.2", "0.142.10", "0.169.0", "0.999.0"];
    for (const [at, a] of order.entries())
      for (const [other, b] of order.entries()) expect(clientVersions.isOlder(a, b)).toBe(at < other);
  });
});

describe("absence from the list only advises", () => {
  const short = { models: [codexRow("gpt-5.5"), codexRow("gpt-5.4")] };

  test.each([
    ["gpt-6-sol", "/v1/responses"],
    ["codex/gpt-6-sol", "/v1/responses"],
    ["gpt-6-sol", "/codex/v1/responses"],
    ["openai/gpt-9.1-nova", "/v1/responses"],
    ["gpt-9.1-nova", "/v1/responses"],
  ])("%s at %s goes upstream", async (model, path) => {
    fakes.codex.models.list = short;
    const kleis = await planned();
    expect(await listed(kleis)).toEqual(["gpt-5.4", "gpt-5.5"]);
    expect((await ask(kleis, model, path)).status).toBe(200);
  });

  test("a listed model that is refused as unknown leaves the list until it is next asked for", async () => {
    const kleis = await planned();
    fakes.codex.rules.withheld.add("gpt-6-sol");
    expect(await listed(kleis)).toEqual(TEN);
    const refused = await ask(kleis, "gpt-6-sol");
    expect(refused.status).toBe(400);
    expect(refused.text).toContain("not supported when using Codex");
    expect(await listed(kleis)).toEqual(TEN.filter((id) => id !== "gpt-6-sol"));
    expect(Object.keys((await kleis.registry("/models/own/api.json"))["kleis-codex"]!.models)).not.toContain(
      "gpt-6-sol",
    );
    // Also in other processes, and still: asked for by name it goes up.
    kleis.restart();
    expect(await listed(kleis)).not.toContain("gpt-6-sol");
    expect((await ask(kleis, "gpt-6-sol")).status).toBe(400);
    expect(events(kleis, "model_refused")).toEqual([
      expect.objectContaining({ fields: { account: "acc_1", provider: "codex", model: "gpt-6-sol" } }),
    ]);
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    expect(await listed(kleis)).toEqual(TEN);
  });

  test("then another account is chosen, listed or not", async () => {
    for (const list of [null, short]) {
      fakes.codex.models.list = list;
      const kleis = await planned();
      const other = await plan(kleis);
      await listed(kleis);
      fakes.codex.rules.withheld.add("gpt-6-sol");
      expect(await ask(kleis, "gpt-6-sol")).toMatchObject({ status: 400, account: "acc_1" });
      fakes.codex.rules.withheld.clear();
      expect(await ask(kleis, "gpt-6-sol")).toMatchObject({ status: 200, account: other });
      expect(await ask(kleis, "gpt-5.5")).toMatchObject({ status: 200, account: "acc_1" });
    }
  });

  test("an account whose list cannot be had loses the model too, until the next try", async () => {
    fakes.codex.models.list = { models: [] };
    const kleis = await planned();
    expect(await listed(kleis)).toEqual(TEN);
    fakes.codex.rules.withheld.add("gpt-6-astra");
    expect((await ask(kleis, "gpt-6-astra")).status).toBe(400);
    expect(await listed(kleis)).toEqual(TEN.filter((id) => id !== "gpt-6-astra"));
    kleis.clock.ms += 6 * MINUTE;
    await listed(kleis);
    expect(await listed(kleis)).toEqual(TEN);
  });

  test.each([
    [
      "404, model not found",
      404,
      { error: { message: "Model not found gpt-6-sol", type: "invalid_request_error" } },
    ],
    ["a newer client", 400, { detail: "The 'gpt-6-sol' model requires a newer version of Codex." }],
    [
      "not on this plan",
      400,
      { detail: "The 'gpt-6-sol' model is not supported when using Codex with a ChatGPT account." },
    ],
  ])("such a refusal is: %s", async (_name, status, body) => {
    const kleis = await planned();
    const { network } = kleis;
    await listed(kleis);
    kleis.network = async (url, init) =>
      init.method === "POST" ? Response.json(body, { status }) : network(url, init);
    expect((await ask(kleis, "gpt-6-sol")).status).toBe(status);
    expect(await listed(kleis)).not.toContain("gpt-6-sol");
  });

  test.each<[string, number, object]>([
    ["a limit", 429, { error: { type: "usage_limit_reached", message: "The usage limit has been reached" } }],
    ["a full model", 503, { detail: "Selected model is at capacity. Please try a different model." }],
    ["a lost item", 404, { error: { message: "Item with id 'rs_1' not found." } }],
    ["another bad request", 400, { detail: "Unsupported parameter: model_x" }],
    ["a denied workspace", 403, { detail: { code: "codex_workspace_access_denied" } }],
  ])("%s is none", async (_name, status, body) => {
    const kleis = await planned();
    const { network } = kleis;
    await listed(kleis);
    kleis.network = async (url, init) =>
      init.method === "POST" ? Response.json(body, { status }) : network(url, init);
    await ask(kleis, "gpt-6-sol");
    expect(await listed(kleis)).toEqual(TEN);
    expect(events(kleis, "model_refused")).toEqual([]);
  });

  test("what two processes learn of one list is joined", async () => {
    const kleis = await planned();
    await listed(kleis);
    const first = kleis.app;
    kleis.restart();
    await listed(kleis);
    const second = kleis.app;
    for (const [app, model] of [
      [first, "gpt-6-sol"],
      [second, "gpt-6-luna"],
    ] as const) {
      fakes.codex.rules.withheld.add(model);
      kleis.app = app;
      expect((await ask(kleis, model)).status).toBe(400);
    }
    kleis.restart();
    expect(await listed(kleis)).toEqual(TEN.filter((id) => !/gpt-6-(sol|luna)/.test(id)));
  });

  test("ids that nobody lists are not remembered, however many are refused", async () => {
    const kleis = await planned();
    await listed(kleis);
    const before = await kleis.runtime.storage.settings.get("models.live");
    for (let at = 0; at < 5; at++) await ask(kleis, `codex/gpt-4.${at}-nonsense`);
    expect(await kleis.runtime.storage.settings.get("models.live")).toBe(before);
  });
});

describe("a list that is not to be believed is told of once, and models keep working", () => {
  const half = { models: [codexRow("gpt-5.5"), codexRow("gpt-5.4")] };

  test.each<[string, object]>([
    ["empty", { models: [] }],
    ["of another shape", { data: [{ id: "gpt-5.5" }] }],
    ["an array", [codexRow("gpt-5.5")]],
    ["of rows that say nothing", { models: [{ slug: "gpt-5.5" }, 7, null] }],
    ["endless", { models: Array.from({ length: 1_001 }, (_, at) => codexRow(`gpt-5.5-${at}`)) }],
  ])("%s, from the first on", async (_name, list) => {
    fakes.codex.models.list = list;
    const kleis = await planned();
    expect(await listed(kleis)).toEqual(TEN);
    for (let hour = 0; hour < 3; hour++) {
      kleis.clock.ms += HOUR;
      await ask(kleis, "gpt-6-sol");
    }
    expect(kleis.asked.length).toBeGreaterThan(2);
    expect(events(kleis, "model_list_refused")).toHaveLength(1);
    expect(await cardWords(kleis)).toContain("The account&#39;s own list could not be used: it ");
  });

  test("half of the former one is taken when it comes again", async () => {
    const kleis = await planned();
    expect(await listed(kleis)).toEqual(TEN);
    fakes.codex.models.list = half;
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    expect(await listed(kleis)).toEqual(TEN);
    expect(await cardWords(kleis)).toContain("it names 2 of the 10 models that it had before");
    expect(events(kleis, "model_list_refused")).toHaveLength(1);
    kleis.clock.ms += 6 * MINUTE;
    await listed(kleis);
    expect(await listed(kleis)).toEqual(["gpt-5.4", "gpt-5.5"]);
    expect(events(kleis, "model_list_refused")).toHaveLength(1);
    expect(await cardWords(kleis)).not.toContain("could not be used");
  });

  test("a whole one after half of one is taken at once", async () => {
    const kleis = await planned();
    await listed(kleis);
    fakes.codex.models.list = half;
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    fakes.codex.models.list = null;
    kleis.clock.ms += 6 * MINUTE;
    await listed(kleis);
    expect(await listed(kleis)).toEqual(TEN);
    expect(await cardWords(kleis)).not.toContain("could not be used");
  });

  test("a short one from the beginning is said to be short", async () => {
    fakes.codex.models.list = half;
    const kleis = await planned();
    await listed(kleis);
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    expect(events(kleis, "model_list_short")).toEqual([
      expect.objectContaining({
        fields: expect.objectContaining({ account: "acc_1", models: 2, known: 10 }),
      }),
    ]);
    expect(await cardWords(kleis)).toContain("It is short: Kleis knows 10 models for such accounts");
  });

  test("one that contradicts what answers, either way", async () => {
    fakes.codex.models.list = half;
    const kleis = await planned();
    await listed(kleis);
    fakes.codex.rules.withheld.add("gpt-5.4");
    for (let at = 0; at < 3; at++) {
      await ask(kleis, "gpt-6-sol");
      await ask(kleis, "gpt-5.4");
    }
    expect(events(kleis, "model_not_listed")).toHaveLength(1);
    expect(events(kleis, "model_refused")).toHaveLength(1);
    const words = await cardWords(kleis);
    expect(words).toContain("Not listed, but answers: gpt-6-sol.");
    expect(words).toContain("The provider refuses gpt-5.4: left out until the list is asked for again.");
    expect(words).toContain("1 listed");
  });

  async function cardWords(kleis: RegistryKleis): Promise<string> {
    const { token } = { token: kleis.runtime.config.ADMIN_TOKEN };
    const login = await kleis.app.fetch(
      new Request(`${ORIGIN}/admin/login`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: ORIGIN },
        body: JSON.stringify({ token }),
      }),
    );
    const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    return (await kleis.get("/admin", { cookie })).text();
  }
});

describe("Codex CLI gets the provider's own rows", () => {
  test("all of them as they came, hidden ones too, and they answer", async () => {
    const kleis = await planned();
    const rows = await rowsFor(kleis);
    const bySlug = (a: Row, b: Row) => (a.slug < b.slug ? -1 : 1);
    expect(rows.toSorted(bySlug)).toEqual((await theirRows()).toSorted(bySlug));
    expect(rows.find(({ slug }) => slug === "gpt-6-sol")).toMatchObject({
      base_instructions: promptOf("gpt-6-sol"),
      use_responses_lite: true,
    });
    expect(rows.find(({ slug }) => slug === "codex-auto-review")?.visibility).toBe("hide");
    expect(await listed(kleis)).not.toContain("codex-auto-review");
    expect((await ask(kleis, "codex-auto-review")).status).toBe(200);
  });

  test("also in another process, from the store, where they are sealed", async () => {
    const kleis = await planned();
    const rows = await rowsFor(kleis);
    kleis.restart();
    const asked = kleis.asked.length;
    expect(await rowsFor(kleis)).toEqual(rows);
    expect(kleis.asked).toHaveLength(asked);
    const { storage } = kleis.runtime;
    expect(await storage.settings.get("models.live")).not.toContain("base_instructions");
    expect(await storage.settings.get("sealed:models.rows")).toMatch(/^v1\./);
    // What does not open is as good as nothing, and the next list replaces it.
    await storage.settings.set("sealed:models.rows", "v1.nonsense", 1);
    kleis.restart();
    expect((await rowsFor(kleis))[0]).not.toHaveProperty("base_instructions");
    kleis.clock.ms += 5 * HOUR;
    await listed(kleis);
    kleis.restart();
    expect(await rowsFor(kleis)).toEqual(rows);
  });

  test("inside the key's scopes, and under the operator's names", async () => {
    const kleis = await planned();
    const slugs = async (request: KeyRequest, path?: string) =>
      (await rowsFor(kleis, path, request)).map(({ slug }) => slug);
    expect(await slugs({ models: ["gpt-5.5", "codex/gpt-6-sol"] })).toEqual(["gpt-6-sol", "gpt-5.5"]);
    expect(await slugs({ providers: ["claude"] })).toEqual([]);
    await kleis.admin("PUT", "/admin/models", {
      models: [
        { id: "fast", provider: "codex", model: "gpt-6-luna" },
        { id: "gpt-5.5", provider: "codex", model: "gpt-5.5", limit: { context: 50_000, output: 10_000 } },
        { id: "team/fast", provider: "codex", model: "gpt-6-luna" },
      ],
    });
    const [rows, theirs] = [await rowsFor(kleis), await theirRows()];
    const of = (list: Row[], name: string) => list.find(({ slug }) => slug === name);
    expect(of(rows, "fast")).toEqual({ ...of(theirs, "gpt-6-luna"), slug: "fast" });
    expect(of(rows, "gpt-5.5")).toEqual({ ...of(theirs, "gpt-5.5"), context_window: 50_000 });
    expect(of(rows, "team/fast")).toBeUndefined();
    expect(await slugs({}, "/codex/v1/models")).toContain("gpt-6-luna");
  });

  test("of the account that would answer", async () => {
    const kleis = await planned();
    await listed(kleis);
    fakes.codex.models.list = { models: [codexRow("gpt-5.5", { of: 2 }), codexRow("gpt-7-nova", { of: 2 })] };
    await plan(kleis);
    kleis.clock.ms += MINUTE;
    await listed(kleis);
    const rows = await rowsFor(kleis);
    expect(rows.find(({ slug }) => slug === "gpt-5.5")?.of).toBeUndefined();
    expect(rows.find(({ slug }) => slug === "gpt-7-nova")?.of).toBe(2);
    fakes.codex.rules.withheld.add("gpt-5.5");
    await ask(kleis, "gpt-5.5");
    expect((await rowsFor(kleis)).find(({ slug }) => slug === "gpt-5.5")?.of).toBe(2);
  });

  test("never mixed with descriptions of ours, which have no prompt", async () => {
    const kleis = await planned();
    await kleis.account("codex", { kind: "api_key" });
    const rows = await rowsFor(kleis);
    expect(rows.every((row) => typeof row.base_instructions === "string")).toBe(true);
    fakes.codex.models.list = { models: [] };
    const bare = await planned();
    for (const row of await rowsFor(bare)) expect(row).not.toHaveProperty("base_instructions");
  });

  test("and no request asks the store for them", async () => {
    const kleis = await planned();
    await listed(kleis);
    kleis.restart();
    const reads: string[] = [];
    const { settings } = kleis.runtime.storage;
    const getSealed = settings.getSealed.bind(settings);
    settings.getSealed = (key) => {
      reads.push(key);
      return getSealed(key);
    };
    await listed(kleis);
    await ask(kleis, "gpt-5.5");
    expect(reads).toEqual([]);
    await rowsFor(kleis);
    await rowsFor(kleis);
    expect(reads).toEqual(["models.rows"]);
  });
});
