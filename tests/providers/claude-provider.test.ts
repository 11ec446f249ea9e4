import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { claude } from "../../src/providers/claude/index.ts";
import type { RegistryModel } from "../../src/providers/registry-model.ts";
import { CONFIG } from "./claude-fixture.ts";

/** The accounts that its entries make. */
const filed = (file: JsonObject) => claude.importFile(file).map(({ read }) => read());

const MODEL: RegistryModel = {
  id: "claude-sonnet-4-6",
  name: "Claude Sonnet 4.6",
  reasoning: true,
  tool_call: true,
  release_date: "2026-02-17",
  modalities: { input: ["text", "image"], output: ["text"] },
  limit: { context: 200_000, output: 64_000 },
};

describe("Claude's models", () => {
  it("are those whose id begins with claude-", () => {
    const kinds = new Set(["oauth"] as const);
    expect(claude.ownership("claude-opus-4-8", kinds)).toBe("own");
    expect(claude.ownership("gpt-6", kinds)).toBeNull();
    expect(claude.ownership("my-claude-model", kinds)).toBeNull();
  });

  it("are found under dots and dashes, the given spelling first", () => {
    expect(claude.spellings("claude-opus-4.8")).toEqual(["claude-opus-4.8", "claude-opus-4-8"]);
    expect(claude.spellings("claude-opus-4-8")).toEqual(["claude-opus-4-8"]);
    expect(claude.spellings("claude-v.next")).toEqual(["claude-v.next"]);
    expect(claude.spellings("Claude-Opus-4.8")).toEqual(["Claude-Opus-4.8", "Claude-Opus-4-8"]);
    expect(claude.spellings("glm-4.6")).toEqual(["glm-4.6"]);
  });

  it.each([
    ["a model with tools and text", {}, true],
    ["one without tools", { tool_call: false }, false],
    ["one without text", { modalities: { input: ["text"], output: ["image"] } }, false],
    ["a deprecated one", { status: "deprecated" }, false],
    ["a beta one", { status: "beta" }, true],
    ["one without a context", { limit: { context: 0, output: 0 } }, false],
  ])("are served by both kinds of account: %s", (_case, change, served) => {
    const model = { ...MODEL, ...change };
    expect(claude.serves(model, "oauth")).toBe(served);
    expect(claude.serves(model, "api_key")).toBe(served);
  });

  it("keep the registry's limits and answer messages and token counts", () => {
    expect(claude.modelLimits(MODEL, "oauth")).toEqual({ context: 200_000, output: 64_000 });
    expect(claude.operations("claude-sonnet-4-6", "api_key")).toEqual(["messages", "count_tokens"]);
  });

  it("are asked for at the operator's address only", () => {
    const account = { id: "a", kind: "oauth", externalId: "u", metadata: {} } as const;
    expect(claude.origins(account, CONFIG)).toEqual(["https://api.anthropic.com"]);
    const config = { ...CONFIG, CLAUDE_API_URL: "http://127.0.0.1:99/x" };
    expect(claude.origins(account, config)).toEqual(["http://127.0.0.1:99"]);
  });
});

describe("the notice", () => {
  it("says what is not allowed, what may follow, and which way is", () => {
    for (const word of [
      "against these rules",
      "suspension",
      "billed",
      "API key",
      "identity line",
      "x-kleis-changes",
    ]) {
      expect(claude.terms).toContain(word);
    }
  });
});

describe("importing a Claude account", () => {
  it("takes a sign-in with its account and expiry", () => {
    expect(
      claude.importAccount({
        kind: "oauth",
        accessToken: " sk-ant-oat01-AAA\n",
        refreshToken: "sk-ant-ort01-BBB",
        expiresAt: 1_800_000_000_000,
        accountId: "u-1",
        label: "mine",
      }),
    ).toEqual({
      provider: "claude",
      kind: "oauth",
      externalId: "u-1",
      label: "mine",
      metadata: { account_uuid: "u-1" },
      expiresAt: 1_800_000_000_000,
      accessToken: "sk-ant-oat01-AAA",
      refreshToken: "sk-ant-ort01-BBB",
      idToken: null,
      apiKey: null,
    });
  });

  it("takes one token alone, and no expiry for a token that is not there", () => {
    expect(claude.importAccount({ kind: "oauth", accessToken: "sk-ant-oat01-AAA" })).toMatchObject({
      accessToken: "sk-ant-oat01-AAA",
      refreshToken: null,
      expiresAt: null,
    });
    expect(
      claude.importAccount({ kind: "oauth", refreshToken: "sk-ant-ort01-B", expiresAt: 5 }),
    ).toMatchObject({
      accessToken: null,
      refreshToken: "sk-ant-ort01-B",
      expiresAt: null,
    });
  });

  it("takes an API key", () => {
    expect(claude.importAccount({ kind: "api_key", apiKey: "sk-ant-api03-AAA" })).toEqual({
      provider: "claude",
      kind: "api_key",
      metadata: {},
      expiresAt: null,
      accessToken: null,
      refreshToken: null,
      idToken: null,
      apiKey: "sk-ant-api03-AAA",
    });
  });

  it.each([
    ["no token", { kind: "oauth" }, "needs an access token or a refresh token"],
    ["an empty key", { kind: "api_key", apiKey: "  " }, "needs an API key"],
    ["a blank inside", { kind: "api_key", apiKey: "sk-ant-api03-S3 CRET" }, "copy it again"],
    ["a character that no header carries", { kind: "oauth", refreshToken: "S3–CRET" }, "copy it again"],
  ] as const)("refuses %s, says what to do, and repeats no secret", (_case, input, words) => {
    const refused = expect(() => claude.importAccount(input));
    refused.toThrow(
      expect.objectContaining({ code: "invalid_request", message: expect.stringContaining(words) }),
    );
    refused.not.toThrow(/S3/);
  });
});

describe("importing a credential file", () => {
  it("reads Claude Code's", () => {
    const file = {
      claudeAiOauth: {
        accessToken: "sk-ant-oat01-AAA",
        refreshToken: "sk-ant-ort01-BBB",
        expiresAt: 1_800_000_000_000,
        scopes: ["user:inference", "user:profile"],
        subscriptionType: "max",
        other: 1,
      },
    };
    expect(filed(file)).toEqual([
      expect.objectContaining({
        provider: "claude",
        kind: "oauth",
        accessToken: "sk-ant-oat01-AAA",
        refreshToken: "sk-ant-ort01-BBB",
        expiresAt: 1_800_000_000_000,
        metadata: { plan: "max", scopes: ["user:inference", "user:profile"] },
      }),
    ]);
  });

  it("reads OpenCode's, whichever way the user signed in", () => {
    const others = { openai: { type: "oauth", refresh: "r", access: "a", expires: 1 } };
    const oauth = { type: "oauth", refresh: "sk-ant-ort01-B", access: "", expires: 0 };
    expect(filed({ ...others, anthropic: oauth })).toEqual([
      expect.objectContaining({
        kind: "oauth",
        refreshToken: "sk-ant-ort01-B",
        accessToken: null,
        expiresAt: null,
      }),
    ]);
    expect(filed({ ...others, anthropic: { type: "api", key: "sk-ant-api03-A" } })).toEqual([
      expect.objectContaining({ kind: "api_key", apiKey: "sk-ant-api03-A" }),
    ]);
  });

  it.each([
    {},
    { tokens: { access_token: "x" } },
    { anthropic: { type: "wellknown", key: "x", token: "y" } },
    { anthropic: { type: "oauth", access: "", refresh: "" } },
    { claudeAiOauth: { accessToken: "", refreshToken: null } },
    { claudeAiOauth: "x" },
  ])("finds nothing in one that holds no Claude account: %j", (file) => {
    expect(filed(file)).toEqual([]);
  });
});
