import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { SAMPLE, sampleWith } from "../../harness/models-dev.ts";
import { catalogueOf } from "../../src/models/catalogue/catalogue.ts";
import { createRegistryBodies } from "../../src/models/registry/body.ts";
import { MODELS_DEV } from "./context.ts";
import { connectAll, ORIGIN, type RegistryKleis, startRegistryKleis } from "./kleis.ts";

const sample = new TextDecoder().decode(SAMPLE).trimEnd();
const OWN = ["kleis-codex", "kleis-claude", "kleis-copilot"];

async function connected(env: Record<string, string> = {}): Promise<RegistryKleis> {
  const kleis = await startRegistryKleis(env);
  await connectAll(kleis);
  return kleis;
}

const idsOf = (provider: { models: object } | undefined) => Object.keys(provider?.models ?? {});

describe("GET /models/api.json", () => {
  test("is upstream byte for byte, with our three entries before the last brace", async () => {
    const kleis = await connected();
    const response = await kleis.get("/models/api.json");
    expect(response.headers.get("content-type")).toBe("application/json");
    const body = await response.text();
    expect(body.startsWith(`${sample.slice(0, -1)},"kleis-codex":{`)).toBe(true);
    const upstream: object = JSON.parse(sample);
    const registry = await kleis.registry("/models/api.json");
    expect(Object.keys(registry)).toEqual([...Object.keys(upstream), ...OWN]);
  });

  test("is upstream alone, to the byte, where nothing is connected", async () => {
    const kleis = await startRegistryKleis();
    expect(await (await kleis.get("/models/api.json")).text()).toBe(new TextDecoder().decode(SAMPLE));
    expect(await (await kleis.get("/models/own/api.json")).text()).toBe("{}");
  });

  test("is the built-in registry and ours where nothing may be fetched", async () => {
    const kleis = await connected({ MODELS_DEV_URL: "" });
    kleis.network = () => Promise.reject(new Error("nothing may be fetched here"));
    const registry = await kleis.registry("/models/api.json");
    expect(Object.keys(registry).sort()).toEqual(["anthropic", "github-copilot", "openai", ...OWN].sort());
  });

  test("answers while upstream hangs, and has ours", async () => {
    const kleis = await connected();
    kleis.network = () => new Promise(() => {});
    const registry = await kleis.registry("/models/api.json");
    expect(Object.keys(registry)).toEqual(expect.arrayContaining(OWN));
  });

  test.each(["/models//api.json", "/models/own//api.json"])(
    "tolerates the doubled slash of %s",
    async (path) => {
      const kleis = await connected();
      expect(await kleis.registry(path)).toEqual(await kleis.registry(path.replace("//", "/")));
    },
  );

  test("tolerates it for a token too", async () => {
    const kleis = await connected();
    const { discoveryToken } = await kleis.key();
    expect(await kleis.registry(`/models/${discoveryToken}//api.json`)).toHaveProperty("kleis-claude");
  });

  test.each(["/models", "/models/", "/models/api.jsonx", "/models/own", "/models/a/b/api.json"])(
    "%s is nothing",
    async (path) => {
      expect((await (await connected()).get(path)).status).toBe(404);
    },
  );

  test("never answers a redirect, and HEAD as GET without a body", async () => {
    const kleis = await connected();
    const response = await kleis.app.fetch(new Request(`${ORIGIN}/models/api.json`, { method: "HEAD" }));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  test("holds no secret", async () => {
    const kleis = await connected();
    const { key, discoveryToken } = await kleis.key();
    for (const path of ["/models/api.json", "/models/own/api.json", `/models/${discoveryToken}/api.json`]) {
      const response = await kleis.get(path);
      const all = (await response.text()) + JSON.stringify([...response.headers]);
      for (const secret of ["planted", "acc_", key, discoveryToken]) expect(all).not.toContain(secret);
    }
  });
});

describe("our entries", () => {
  test("lead to the forced routes of this deployment, with one variable each", async () => {
    const registry = await (await connected()).registry("/models/own/api.json");
    expect(Object.keys(registry)).toEqual(OWN);
    const heads = Object.values(registry).map(({ models: _models, ...head }) => head);
    expect(heads).toEqual([
      entry("codex", "Kleis Codex", "@ai-sdk/openai", ORIGIN),
      entry("claude", "Kleis Claude", "@ai-sdk/anthropic", ORIGIN),
      entry("copilot", "Kleis Copilot", "@ai-sdk/openai-compatible", ORIGIN),
    ]);
  });

  test("lead to PUBLIC_URL where that is set, whatever address was asked", async () => {
    const kleis = await connected({ PUBLIC_URL: "https://public.example/base" });
    const registry = await kleis.registry("/models/own/api.json");
    expect(registry["kleis-codex"]).toMatchObject(
      entry("codex", "Kleis Codex", "@ai-sdk/openai", "https://public.example/base"),
    );
  });

  test("describe Codex's models with the plan's limits, at no cost, without what it has not", async () => {
    const codex = (await (await connected()).registry("/models/own/api.json"))["kleis-codex"];
    expect(idsOf(codex).sort()).toEqual(
      [
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
      ].sort(),
    );
    const free = { input: 0, output: 0, cache_read: 0, cache_write: 0 };
    expect(codex?.models["gpt-5.6-sol"]).toMatchObject({
      limit: { context: 400_000, input: 272_000, output: 128_000 },
      cost: free,
    });
    for (const model of Object.values(codex?.models ?? {})) {
      expect(model.cost).toEqual(free);
      const modes = model.experimental?.modes;
      expect(Object.keys(modes ?? { fast: 1 })).toEqual(["fast"]);
      if (modes !== undefined) expect(modes.fast?.cost).toEqual(free);
    }
  });

  test("describe an API key's models at their price", async () => {
    const kleis = await startRegistryKleis();
    await kleis.account("codex", { kind: "api_key" });
    const registry = await kleis.registry("/models/own/api.json");
    const upstream: { openai: { models: Record<string, object> } } = JSON.parse(sample);
    expect(registry["kleis-codex"]?.models["gpt-5.6-sol"]).toEqual(upstream.openai.models["gpt-5.6-sol"]);
    expect(idsOf(registry["kleis-codex"])).toContain("gpt-5-mini");
  });

  test("describe Claude's and Copilot's models as upstream does, without modes that bill extra", async () => {
    const kleis = await connected();
    const registry = await kleis.registry("/models/api.json");
    for (const [ours, theirs] of [
      ["kleis-claude", "anthropic"],
      ["kleis-copilot", "github-copilot"],
    ] as const) {
      for (const [id, model] of Object.entries(registry[ours]?.models ?? {})) {
        const { experimental: _modes, ...source } = registry[theirs]?.models[id] ?? {};
        const { provider: _npm, ...rest } = model;
        expect(rest).toEqual(source);
      }
    }
    expect(idsOf(registry["kleis-claude"])).toHaveLength(15);
    expect(idsOf(registry["kleis-copilot"])).toHaveLength(32);
  });

  test("give each of Copilot's models the package of its protocol", async () => {
    const { models } = (await (await connected()).registry("/models/own/api.json"))["kleis-copilot"]!;
    const npm = (id: string) => models[id]?.provider?.npm;
    expect(npm("claude-opus-4.8")).toBe("@ai-sdk/anthropic");
    expect(npm("gpt-5.4")).toBe("@ai-sdk/openai");
    expect(npm("gpt-5-mini")).toBe("@ai-sdk/github-copilot");
    expect(npm("gemini-3.6-flash")).toBe("@ai-sdk/github-copilot");
  });

  test("never lead past us, whatever upstream's models say", async () => {
    const kleis = await connected();
    kleis.network = async () =>
      new Response(
        sampleWith((registry) => {
          for (const model of Object.values(registry.openai!.models)) {
            model.provider = { npm: "@ai-sdk/openai", api: "https://elsewhere.example", headers: { a: "b" } };
          }
        }),
      );
    const text = await (await kleis.get("/models/own/api.json")).text();
    expect(text).not.toContain("elsewhere");
  });

  test("stand alone, where upstream has entries under our ids", async () => {
    const kleis = await connected();
    kleis.network = async (url) =>
      new Response(
        url === MODELS_DEV
          ? sampleWith((registry) => {
              registry["kleis-codex"] = { ...registry.openai!, id: "kleis-codex", name: "An impostor" };
            })
          : "no",
      );
    const response = await kleis.get("/models/api.json");
    expect(await response.text()).not.toContain("impostor");
  });

  test("are there for connected and enabled accounts only", async () => {
    const kleis = await startRegistryKleis();
    const off = await kleis.account("codex");
    await kleis.account("claude");
    await kleis.runtime.storage.accounts.update(off.id, { enabled: false }, 1);
    expect(Object.keys(await kleis.registry("/models/own/api.json"))).toEqual(["kleis-claude"]);
  });
});

function entry(provider: string, name: string, npm: string, origin: string): object {
  return {
    id: `kleis-${provider}`,
    name,
    env: ["KLEIS_API_KEY"],
    npm,
    api: `${origin}/${provider}/v1`,
    doc: origin,
  };
}

describe("GET /models/<discovery token>/api.json", () => {
  test("is narrowed to what the key may use", async () => {
    const kleis = await connected();
    const at = async (request: object) => {
      const { discoveryToken } = await kleis.key(request);
      return kleis.registry(`/models/${discoveryToken}/api.json`);
    };
    const own = (registry: object) => Object.keys(registry).filter((id) => id.startsWith("kleis-"));
    expect(own(await at({}))).toEqual(OWN);
    expect(own(await at({ providers: ["claude"] }))).toEqual(["kleis-claude"]);
    expect(own(await at({ accounts: ["acc_3"] }))).toEqual(["kleis-copilot"]);
    const narrow = await at({ models: ["claude-sonnet-5", "copilot/gpt-5.4"] });
    expect(idsOf(narrow["kleis-claude"])).toEqual(["claude-sonnet-5"]);
    expect(idsOf(narrow["kleis-copilot"]).sort()).toEqual(["claude-sonnet-5", "gpt-5.4"]);
    expect(own(narrow)).not.toContain("kleis-codex");
    // The vendors' own providers stay: OpenCode would lose what its user has beside us.
    expect(narrow).toHaveProperty("openai");
  });

  test("answers unknown, revoked, expired and impossible tokens alike, to the byte", async () => {
    const kleis = await connected();
    const revoked = await kleis.key();
    await kleis.runtime.storage.keys.revoke(revoked.record.id, 1);
    const expired = await kleis.key({ expiresAt: kleis.runtime.clock.now() });
    const { key } = await kleis.key();
    const tokens = [
      "A".repeat(43),
      revoked.discoveryToken,
      expired.discoveryToken,
      "short",
      key,
      "x".repeat(5000),
    ];
    const answers = await Promise.all(
      tokens.map(async (token) => {
        const response = await kleis.get(`/models/${token}/api.json`);
        return { status: response.status, headers: [...response.headers], body: await response.text() };
      }),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 404, body: expect.stringContaining('"not_found"') });
  });

  test("ends with the key, also for a client that asks whether its copy is still good", async () => {
    const kleis = await connected();
    const { discoveryToken, record } = await kleis.key();
    const path = `/models/${discoveryToken}/api.json`;
    const etag = (await kleis.get(path)).headers.get("etag") ?? "";
    expect((await kleis.get(path, { "if-none-match": etag })).status).toBe(304);
    await kleis.admin("POST", `/admin/keys/${record.id}/revoke`);
    expect((await kleis.get(path, { "if-none-match": etag })).status).toBe(404);
  });

  test("is not for shared caches, the open registry is", async () => {
    const kleis = await connected();
    const { discoveryToken } = await kleis.key();
    const caching = async (path: string) => (await kleis.get(path)).headers.get("cache-control");
    expect(await caching(`/models/${discoveryToken}/api.json`)).toBe("private, no-cache");
    expect(await caching("/models/api.json")).toBe(
      "public, max-age=60, s-maxage=60, stale-while-revalidate=300",
    );
    expect(await caching(`/models/${"A".repeat(43)}/api.json`)).toBe("no-store");
  });
});

describe("a client that has a copy", () => {
  test.each(["/models/api.json", "/models/own/api.json"])(
    "of %s is told that it is still good",
    async (path) => {
      const kleis = await connected();
      const first = await kleis.get(path);
      const etag = first.headers.get("etag") ?? "";
      expect(etag).toMatch(/^W\/"[\w-]+"$/);
      for (const tag of [etag, etag.slice(2), `"other", ${etag}`, "*"]) {
        const again = await kleis.get(path, { "if-none-match": tag });
        expect(again.status).toBe(304);
        expect(again.headers.get("etag")).toBe(etag);
        expect(await again.text()).toBe("");
      }
      expect((await kleis.get(path, { "if-none-match": '"other"' })).status).toBe(200);
    },
  );

  test("is told that it is not when an account, upstream or the address has changed", async () => {
    const kleis = await connected();
    const tag = async () => (await kleis.get("/models/own/api.json")).headers.get("etag");
    const before = await tag();
    await kleis.admin("PATCH", "/admin/accounts/acc_1", { enabled: false });
    const without = await tag();
    await kleis.admin("PATCH", "/admin/accounts/acc_1", { enabled: true });
    expect(await tag()).toBe(before);
    expect(without).not.toBe(before);
    const elsewhere = await kleis.app.fetch(new Request("https://other.example/models/own/api.json"));
    expect(elsewhere.headers.get("etag")).not.toBe(before);
  });
});

describe("a client that unpacks", () => {
  test.each(["gzip", "gzip, deflate, br, zstd", "GZIP;q=0.5", "*"])(
    "%s: gets less bytes and the same registry",
    async (accept) => {
      const kleis = await connected();
      for (const path of ["/models/api.json", "/models/own/api.json"]) {
        const packed = await kleis.get(path, { "accept-encoding": accept });
        expect(packed.headers.get("content-encoding")).toBe("gzip");
        expect(packed.headers.get("vary")).toBe("accept-encoding");
        const bytes = Buffer.from(await packed.arrayBuffer());
        expect(packed.headers.get("content-length")).toBe(String(bytes.length));
        expect(gunzipSync(bytes).toString()).toBe(await (await kleis.get(path)).text());
      }
    },
  );

  test.each(["", "identity", "br", "gzip;q=0", "gzip;q=0, *"])("%s: gets it as it is", async (accept) => {
    const response = await (await connected()).get("/models/own/api.json", { "accept-encoding": accept });
    expect(response.headers.get("content-encoding")).toBe(null);
    const text = await response.text();
    expect(response.headers.get("content-length")).toBe(String(Buffer.byteLength(text)));
  });

  test("is packed for once, however many ask at the same time", async () => {
    const sleep = (ms: number) => new Promise<void>((done) => void setTimeout(done, ms));
    const bodies = createRegistryBodies({ now: () => 0, sleep });
    const { packed } = await bodies({
      origin: "https://a.example",
      providers: [],
      catalogue: catalogueOf(new Map()),
      accounts: [],
      scopes: { providers: null, models: null, accounts: null },
      upstream: null,
      isKept: true,
    });
    const all = await Promise.all([packed(), packed(), packed()]);
    expect(gunzipSync(all[0]).toString()).toBe("{}");
    for (const each of all) expect(each).toBe(all[0]);
  });
});

describe("while the store does not answer", () => {
  test("a warm process goes on, and a cold one says so rather than hide what is connected", async () => {
    const kleis = await connected();
    const before = await kleis.registry("/models/own/api.json");
    kleis.down = true;
    kleis.clock.ms += 60_000;
    expect(await kleis.registry("/models/own/api.json")).toEqual(before);
    kleis.restart();
    const response = await kleis.get("/models/own/api.json");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "storage_unavailable" } });
  });
});
