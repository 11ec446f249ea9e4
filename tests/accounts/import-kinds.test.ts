/** Imports, whatever their entries, times and places are: nothing good is kept out, nothing misplaced comes in. */
import { describe, expect, test } from "vitest";
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { KEY_REJECTED, NOT_CHECKED } from "../../src/accounts/credential-rejection.ts";
import { createCredentials } from "../../src/accounts/credentials.ts";
import { importAccounts } from "../../src/accounts/import.ts";
import { KleisError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { type TestRuntime, testRuntime } from "../support/runtime.ts";

const bring = (context: TestRuntime, file: JsonObject) =>
  importAccounts(context.runtime, PROVIDERS, { file });

/** Good entries, by the name in the file. */
const GOOD = {
  anthropic: {
    type: "oauth",
    access: "sk-ant-oat01-a",
    refresh: "sk-ant-ort01-a",
    expires: 1_800_000_000_000,
  },
  openai: { type: "oauth", access: "opaque", refresh: "rt_b", accountId: "acc-1" },
  "github-copilot": { type: "oauth", access: "gho_c", refresh: "gho_c", expires: 0 },
} as const;

type Name = keyof typeof GOOD;

/** Entries that are refused, each for a reason of its own. */
const BAD: Record<Name, readonly JsonObject[]> = {
  anthropic: [
    { type: "oauth", access: "with blank", refresh: "sk-ant-ort01-a" },
    { type: "oauth", access: "sk-ant-api03-key", refresh: "" },
    { type: "oauth", access: "gho_other", refresh: "" },
    { type: "api", key: "with blank" },
    { type: "api", key: "sk-proj-other" },
    { type: "api", key: `kleis_${"k".repeat(43)}` },
  ],
  openai: [
    { type: "oauth", access: "opaque", refresh: "rt_b" },
    { type: "oauth", access: "with blank", refresh: "rt_b", accountId: "acc-1" },
    { type: "oauth", access: "sk-ant-oat01-a", refresh: "rt_b", accountId: "acc-1" },
    { type: "api", key: "sk-ant-api03-other" },
    { type: "api", key: "sk-bad💥" },
  ],
  "github-copilot": [
    { type: "oauth", refresh: "ghp_classic" },
    { type: "oauth", refresh: "ghr_renews" },
    { type: "oauth", refresh: "tid=short;exp=1" },
    { type: "oauth", refresh: "gho_c", enterpriseUrl: "http://169.254.169.254" },
    { type: "oauth", refresh: "with blank" },
  ],
};

const NAMES: readonly Name[] = ["anthropic", "openai", "github-copilot"];

describe.each(NAMES)("a bad entry %s", (name) => {
  const others = NAMES.filter((each) => each !== name);

  test.each(BAD[name])("keeps no other entry out, and the note names it: %j", async (bad) => {
    for (const order of [
      [name, ...others],
      [...others, name],
      [others[0]!, name, others[1]!],
    ]) {
      const context = await testRuntime();
      const file = Object.fromEntries(order.map((each) => [each, each === name ? bad : GOOD[each]]));
      const { accounts, notes } = await bring(context, file);
      expect(accounts).toHaveLength(2);
      expect(notes).toEqual([expect.stringMatching(new RegExp(`^“${name}”: `))]);
      for (const value of Object.values(bad)) {
        if (typeof value === "string" && value.length > 8) expect(notes.join()).not.toContain(value);
      }
    }
  });

  test.each(BAD[name])("alone is refused in words: %j", async (bad) => {
    const context = await testRuntime();
    const failed = bring(context, { [name]: bad });
    await expect(failed).rejects.toThrow(KleisError);
    await expect(failed).rejects.toMatchObject({ code: "invalid_request" });
    expect(await context.storage.accounts.list()).toEqual([]);
  });
});

test("several bad entries are refused together, each by its name", async () => {
  const context = await testRuntime();
  const file = Object.fromEntries(NAMES.map((name) => [name, BAD[name][0]!]));
  await expect(bring(context, file)).rejects.toThrow(
    /“anthropic”: .*“github-copilot”: |“anthropic”: .*“openai”: /,
  );
});

describe("a secret in a place that is not its own is told by its beginning", () => {
  const SECRETS = {
    claude: {
      api_key: "sk-ant-api03-S3CRET",
      access_token: "sk-ant-oat01-S3CRET",
      refresh_token: "sk-ant-ort01-S3CRET",
    },
    codex: { api_key: "sk-proj-S3CRET", access_token: "eyJS3CRET.S3CRET.S3CRET", refresh_token: "rt_S3CRET" },
    copilot: { access_token: "gho_S3CRET" },
  } as const;
  type Place = "api_key" | "access_token" | "refresh_token";

  const cases = Object.entries(SECRETS).flatMap(([owner, places]) =>
    Object.entries(places).flatMap(([shape, secret]) =>
      PROVIDERS.flatMap(({ id, kinds }) =>
        (["api_key", "access_token", "refresh_token"] as const)
          .filter((place) => place !== "api_key" || kinds.includes("api_key"))
          // In its own place, or where Copilot takes its one token from either.
          .filter((place) => !(owner === id && (place === shape || id === "copilot")))
          .map((place) => [owner, shape as Place, secret, id, place] as const),
      ),
    ),
  );

  test.each(cases)("%s's %s (%s) given to %s as %s", async (owner, _shape, secret, id, place) => {
    const context = await testRuntime();
    const account =
      place === "api_key"
        ? { kind: "api_key" as const, apiKey: secret }
        : {
            kind: "oauth" as const,
            accountId: "acc-1",
            ...(place === "access_token" ? { accessToken: secret } : { refreshToken: secret }),
          };
    const failed = importAccounts(context.runtime, PROVIDERS, { provider: id, account });
    const other = PROVIDERS.find((provider) => provider.id === owner)!.name;
    const words =
      owner === id ? /give it as|import it as/ : new RegExp(`choose ${other.replace(/[()]/g, "\\$&")}`);
    await expect(failed).rejects.toThrow(words);
    await expect(failed).rejects.not.toThrow(/S3CRET/);
    await expect(failed).rejects.toMatchObject({
      code: "invalid_request",
      param: expect.stringMatching(/_token|_key/),
    });
  });
});

describe("an API key is tried before it is saved", () => {
  const KEYS = [
    ["claude", "sk-ant-api03-S3CRET", "x-api-key"],
    ["codex", "sk-proj-S3CRET", "authorization"],
  ] as const;

  const save = (context: TestRuntime, provider: string, apiKey: string) =>
    importAccounts(context.runtime, PROVIDERS, { provider, account: { kind: "api_key", apiKey } });

  test.each(KEYS)("of %s with one free request, which carries it alone", async (provider, apiKey, header) => {
    const context = await testRuntime();
    const asked: [string, RequestInit][] = [];
    context.network = async (url, init) => {
      asked.push([url, init]);
      return Response.json({ data: [] });
    };
    const { accounts, notes } = await save(context, provider, apiKey);
    expect(accounts).toMatchObject([{ status: "active", statusReason: null }]);
    expect(notes).toEqual([]);
    expect(asked.map(([url, { method }]) => [new URL(url).pathname, method])).toEqual([
      ["/v1/models", "GET"],
    ]);
    expect(new Headers(asked[0]![1].headers).get(header)).toContain(apiKey);
  });

  test.each(KEYS.flatMap(([provider, key]) => [401, 403].map((status) => [provider, key, status] as const)))(
    "of %s (%s): a %i refuses it, and nothing is stored",
    async (provider, apiKey, status) => {
      const context = await testRuntime();
      context.network = async () => new Response("{}", { status });
      const failed = save(context, provider, apiKey);
      await expect(failed).rejects.toMatchObject({
        code: "credential_rejected",
        status: 400,
        param: "api_key",
      });
      await expect(failed).rejects.not.toThrow(/S3CRET/);
      expect(await context.storage.accounts.list()).toEqual([]);
    },
  );

  const SILENT: [string, TestRuntime["network"]][] = [
    ["no network", () => Promise.reject(new TypeError("fetch failed"))],
    ["a 429", async () => new Response("", { status: 429 })],
    ["a 500", async () => new Response("<html>", { status: 500 })],
    [
      "a redirect",
      async () => new Response(null, { status: 302, headers: { location: "https://x.example" } }),
    ],
    ["a 404", async () => new Response("", { status: 404 })],
  ];

  test.each(SILENT)("%s says nothing of it: it is saved, marked, and said", async (_case, upstream) => {
    const context = await testRuntime();
    context.network = upstream;
    const { accounts, notes } = await save(context, "claude", "sk-ant-api03-S3CRET");
    expect(accounts).toMatchObject([{ status: "active", statusReason: NOT_CHECKED }]);
    expect(notes).toEqual([expect.stringContaining("not checked")]);
  });

  test.each([
    [200, null],
    [401, KEY_REJECTED],
    [500, NOT_CHECKED],
  ])("the first request tells: a %i", async (status, reason) => {
    const context = await testRuntime();
    const [account] = (await save(context, "claude", "sk-ant-api03-S3CRET")).accounts;
    const accountCache = createAccountCache(context.runtime);
    const credentials = createCredentials({ runtime: context.runtime, providers: PROVIDERS, accountCache });
    credentials.answered(account!, { kind: "api_key", token: "sk-ant-api03-S3CRET" }, status);
    await context.settled();
    expect(await context.storage.accounts.get(account!.id)).toMatchObject({
      status: "active",
      statusReason: reason,
    });
  });

  test("of a file: one that is refused keeps the others out of trouble", async () => {
    const context = await testRuntime();
    context.network = async () => new Response("{}", { status: 401 });
    const file = { anthropic: { type: "api", key: "sk-ant-api03-S3CRET" }, openai: GOOD.openai };
    const { accounts, notes } = await bring(context, file);
    expect(accounts).toMatchObject([{ provider: "codex" }]);
    expect(notes).toEqual([expect.stringMatching(/^“anthropic”: Claude rejected this API key/)]);
  });
});

describe("when an access token without a refresh token ends is for its provider to say", () => {
  const PAST = 1_600_000_000_000;
  const FILES: [string, JsonObject][] = [
    [
      "in seconds",
      { claudeAiOauth: { accessToken: "sk-ant-oat01-b", refreshToken: null, expiresAt: 1_796_084_527 } },
    ],
    ["as digits", { claudeAiOauth: { accessToken: "sk-ant-oat01-b", expiresAt: "1796084527000" } }],
    ["as nonsense", { claudeAiOauth: { accessToken: "sk-ant-oat01-b", expiresAt: "soon" } }],
    ["in the past", { claudeAiOauth: { accessToken: "sk-ant-oat01-b", expiresAt: PAST } }],
    ["in OpenCode's file", { anthropic: { type: "oauth", access: "sk-ant-oat01-b", expires: PAST } }],
    ["at ChatGPT", { openai: { type: "oauth", access: "opaque", accountId: "acc-1", expires: PAST } }],
    [
      "at ChatGPT, as text",
      { openai: { type: "oauth", access: "opaque", accountId: "acc-1", expires: "2020-01-01" } },
    ],
  ];

  test.each(FILES)("%s", async (_form, file) => {
    const context = await testRuntime();
    const [account] = (await bring(context, file)).accounts;
    const accountCache = createAccountCache(context.runtime);
    const credentials = createCredentials({ runtime: context.runtime, providers: PROVIDERS, accountCache });
    expect(await credentials.fresh(account!)).toMatchObject({ kind: "oauth" });
    await context.settled();
    expect(await context.storage.accounts.get(account!.id)).toMatchObject({ status: "active" });
  });
});
