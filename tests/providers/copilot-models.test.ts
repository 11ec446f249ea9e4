import { describe, expect, test } from "vitest";
import { copilot } from "../../src/providers/copilot/index.ts";
import type { RegistryModel } from "../../src/providers/registry-model.ts";

const model = (change: Partial<RegistryModel> = {}): RegistryModel => ({
  id: "claude-opus-4.8",
  name: "Claude Opus 4.8",
  reasoning: true,
  tool_call: true,
  release_date: "2026-05-01",
  modalities: { input: ["text", "image"], output: ["text"] },
  limit: { context: 200000, input: 168000, output: 64000 },
  ...change,
});

describe("the models of Copilot", () => {
  test.each([
    "claude-opus-5",
    "gpt-5.6-sol",
    "codex-mini",
    "chatgpt-4o-latest",
    "o4-mini",
    "gemini-3.6-flash",
    "grok-4.6",
    "kimi-k3",
    "mai-code-1.1-flash",
    "oswe-vscode-prime",
    "raptor-mini",
  ])("%s is carried, though not its own", (id) => {
    expect(copilot.ownership(id, new Set(["oauth"]))).toBe("carried");
  });

  test.each([
    "text-embedding-3-small",
    "gpt-image-1",
    "chatgpt-image-latest",
    "gpt-realtime",
    "gpt-4o-mini-tts",
    "whisper-1",
    "gpt-4o-transcribe",
    "gemini-embedding-001",
    "llama-4",
    "openai",
    "foo/bar",
  ])("%s is not", (id) => {
    expect(copilot.ownership(id, new Set(["oauth"]))).toBeNull();
  });

  test.each([
    ["claude-opus-4-8", ["claude-opus-4-8", "claude-opus-4.8"]],
    ["claude-haiku-4-5-20251001", ["claude-haiku-4-5-20251001", "claude-haiku-4.5"]],
    ["claude-sonnet-4-20250514", ["claude-sonnet-4-20250514", "claude-sonnet-4"]],
    ["claude-3-5-sonnet-20241022", ["claude-3-5-sonnet-20241022", "claude-3.5-sonnet"]],
    ["claude-opus-4.8", ["claude-opus-4.8"]],
    ["claude-sonnet-5", ["claude-sonnet-5"]],
    ["gpt-5-1-mini", ["gpt-5-1-mini"]],
  ])("%s may be spelled %j", (id, spellings) => {
    expect(copilot.spellings(id)).toEqual(spellings);
  });

  test.each([
    ["claude-opus-4.8", ["messages", "chat", "count_tokens"]],
    ["gpt-5.6-sol", ["responses"]],
    ["gpt-5", ["responses"]],
    ["gpt-10", ["responses"]],
    ["gpt-5.3-codex", ["responses"]],
    ["codex-mini-latest", ["responses"]],
    ["gpt-5-mini", ["chat"]],
    ["gpt-4.1", ["chat"]],
    ["o4-mini", ["chat"]],
    ["gemini-3.6-flash", ["chat"]],
    ["text-embedding-3-small", []],
  ])("%s is asked by %j", (id, operations) => {
    expect(copilot.operations(id, "oauth")).toEqual(operations);
    expect(copilot.operations(id, "api_key")).toEqual([]);
  });

  test("an account answers for agents' models only, with the registry's limits", () => {
    expect(copilot.serves(model(), "oauth")).toBe(true);
    expect(copilot.serves(model({ status: "beta" }), "oauth")).toBe(true);
    expect(copilot.modelLimits(model(), "oauth")).toEqual(model().limit);
    for (const change of [
      { tool_call: false },
      { status: "deprecated" },
      { limit: { context: 0, output: 1 } },
      { modalities: { input: ["text"], output: ["image"] } },
      { id: "text-embedding-3-small" },
    ]) {
      expect(copilot.serves(model(change), "oauth")).toBe(false);
    }
    expect(copilot.serves(model(), "api_key")).toBe(false);
  });

  test("are listed with their prefix, and the owner is told where GitHub stands", () => {
    expect(copilot).toMatchObject({ listPrefixed: true, source: "github-copilot", kinds: ["oauth"] });
    expect(copilot.terms).toMatch(/OpenCode/);
    expect(copilot.terms).toMatch(/personal/);
  });
});
