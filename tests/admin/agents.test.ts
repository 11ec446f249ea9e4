/** The setups that are offered for pasting: whole, well-formed, and filled with what the key may use. */
import { describe, expect, test } from "vitest";
import { AGENTS, commonProtocol, modelsFor, type Setup } from "../../src/admin/agents.ts";
import { tinyRequest, triedWords } from "../../src/admin/try.ts";
import { isObject, parseJson } from "../../src/json.ts";
import type { ListedModel } from "../../src/models/list.ts";
import type { Operation } from "../../src/protocols/protocol.ts";

const limit = { context: 200_000, output: 64_000 };

function model(id: string, operations: Operation[]): ListedModel {
  const described = {
    id,
    name: id.toUpperCase(),
    reasoning: true,
    tool_call: true,
    release_date: "2026-01-01",
    modalities: { input: ["text"], output: ["text"] },
    limit,
  };
  const kinds = ["oauth"] as const;
  return {
    id,
    name: described.name,
    created: 1,
    entry: { provider: "p", id, model: described, kinds, limit, operations },
  };
}

const MODELS = [
  model("gpt-9", ["responses"]),
  model("claude-sonnet-9", ["messages", "count_tokens"]),
  model("copilot/gemini-9", ["chat"]),
];

const KEY = `kleis_${"k".repeat(43)}`;

function setupsOf(agent: (typeof AGENTS)[number]): Setup[] {
  return modelsFor(agent, MODELS).map((chosen) => ({
    origin: "https://kleis.example",
    key: KEY,
    discoveryToken: "d".repeat(43),
    model: chosen,
    protocol: commonProtocol(agent, chosen) ?? "chat",
    models: MODELS,
  }));
}

describe.each(AGENTS.map((agent) => [agent.name, agent] as const))("%s", (_name, agent) => {
  test("gets a setup for every model that it can ask for, with address, key and model in it", () => {
    const setups = setupsOf(agent);
    expect(setups.length).toBeGreaterThan(0);
    for (const setup of setups) {
      const snippets = agent.snippets(setup);
      const all = snippets.map(({ text }) => text).join("\n");
      expect(all).toContain("https://kleis.example");
      expect(all).toContain(setup.model.id);
      expect(all).toContain(KEY);
      expect(all).not.toMatch(/undefined|null|\[object/);
      for (const { text, title } of snippets) {
        if (title.includes(".json")) expect(isObject(parseJson(text)), title).toBe(true);
      }
      const note = agent.note?.(setup);
      if (note !== undefined) expect(note).toMatch(/\.$/);
    }
  });

  test("is offered no model whose protocols it does not speak", () => {
    for (const chosen of modelsFor(agent, MODELS)) {
      expect(agent.protocols).toContain(commonProtocol(agent, chosen));
    }
    expect(modelsFor(agent, [model("x", ["count_tokens"])])).toEqual([]);
  });
});

const snippetsOf = (id: string, at: number) => {
  const agent = AGENTS.find((each) => each.id === id);
  const setup = agent === undefined ? undefined : setupsOf(agent)[at];
  return setup === undefined ? [] : (agent?.snippets(setup).map(({ text }) => text) ?? []);
};

test("Anthropic's clients get the address without /v1, OpenAI's with it", () => {
  expect(snippetsOf("claude-code", 0)[0]).toContain("ANTHROPIC_BASE_URL=https://kleis.example\n");
  expect(snippetsOf("codex", 0)[0]).toContain('base_url = "https://kleis.example/v1"');
  expect(snippetsOf("aider", 0).join()).toContain("ANTHROPIC_API_BASE=https://kleis.example\n");
  expect(snippetsOf("aider", 1).join()).toContain("OPENAI_API_BASE=https://kleis.example/v1\n");
  expect(snippetsOf("pi", 1)[0]).toContain('"baseUrl": "https://kleis.example"');
  expect(snippetsOf("pi", 0)[0]).toContain('"baseUrl": "https://kleis.example/v1"');
});

test("OpenCode gets the list of this very key once it is revealed, and everybody's before", () => {
  const agent = AGENTS.find(({ id }) => id === "opencode")!;
  const setup = setupsOf(agent)[0]!;
  const registry = (discoveryToken: string | null) => agent.snippets({ ...setup, discoveryToken })[0]?.text;
  expect(registry("token")).toContain("OPENCODE_MODELS_URL=https://kleis.example/models/token\n");
  expect(registry(null)).toContain("OPENCODE_MODELS_URL=https://kleis.example/models\n");
});

describe("a test request", () => {
  test("asks for one word in the protocol of the agent", () => {
    expect(tinyRequest("messages", "m")).toMatchObject({
      path: "/v1/messages",
      body: { model: "m", max_tokens: 64 },
    });
    expect(tinyRequest("responses", "m")).toMatchObject({ path: "/v1/responses", body: { model: "m" } });
    expect(tinyRequest("chat", "m")).toMatchObject({ path: "/v1/chat/completions", body: { model: "m" } });
  });

  const answer = { status: 200, account: "Work", changes: "none", took: 1234 };

  test.each([
    ["messages", { content: [{ type: "text", text: "pong" }] }],
    ["responses", { output: [{ type: "reasoning" }, { type: "message", content: [{ text: "pong" }] }] }],
    ["chat", { choices: [{ message: { content: "pong" } }] }],
  ])("tells what was said in %s", (_protocol, body) => {
    const tried = triedWords("m", { ...answer, body: JSON.stringify(body) });
    expect(tried).toEqual({ ok: true, words: "It works. m answered through Work in 1.2 s: “pong”." });
  });

  test.each([
    [{ error: { message: "no such model" } }, "no such model"],
    [{ type: "error", error: { type: "x", message: "too long" } }, "too long"],
    [{ detail: "Unsupported" }, "Unsupported"],
    ["<html>Bad gateway</html>", "<html>Bad gateway</html>"],
    ["", "no reason was given"],
    [[1], "[1]"],
  ])("repeats a refusal's own words: %j", (body, words) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const tried = triedWords("m", { ...answer, status: 400, body: text });
    expect(tried).toEqual({ ok: false, words: `m was refused through Work (400): ${words}` });
  });

  test("names what was changed on the way, and what to do after a refusal", () => {
    const body = JSON.stringify({ choices: [{ message: { content: "" } }] });
    expect(triedWords("m", { ...answer, changes: "codex-store,codex-stream", body }).words).toContain(
      "but without any text. Changed on the way: codex-store, codex-stream.",
    );
    expect(triedWords("m", { ...answer, status: 429, body: "" }).next).toContain("limit is reached");
    expect(triedWords("m", { ...answer, status: 502, body: "" }).next).toContain("Try again");
    expect(triedWords("m", { ...answer, status: 403, body: "" }).next).toContain("limits");
  });
});
