/** The setups that are offered for pasting: whole, well-formed, and filled with what the key may use. */
import { describe, expect, test } from "vitest";
import { modelsFor, protocolFor, type Setup } from "../../src/admin/pages/agents/agent.ts";
import { AGENTS } from "../../src/admin/pages/agents/catalogue.ts";
import { testRequestFor, testResultOf } from "../../src/admin/pages/agents/test-request.ts";
import { isObject, parseJson } from "../../src/json.ts";
import type { ListedModel } from "../../src/models/catalogue/list.ts";
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
    entry: { provider: "p", id, model: described, kinds, limit, operations, isHidden: false },
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
    protocol: protocolFor(agent, chosen) ?? "chat",
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
      expect(agent.protocols).toContain(protocolFor(agent, chosen));
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
  expect(snippetsOf("claude-code", 0)[0]).toContain("ANTHROPIC_BASE_URL=https://kleis.example ");
  expect(snippetsOf("codex", 0)[0]).toContain('base_url = "https://kleis.example/v1"');
  expect(snippetsOf("aider", 0).join()).toContain("ANTHROPIC_API_BASE=https://kleis.example\n");
  expect(snippetsOf("aider", 1).join()).toContain("OPENAI_API_BASE=https://kleis.example/v1\n");
  expect(snippetsOf("pi", 1)[0]).toContain('"baseUrl": "https://kleis.example"');
  expect(snippetsOf("pi", 0)[0]).toContain('"baseUrl": "https://kleis.example/v1"');
});

test("Claude Code gets address, token and blanked rivals in one line, so that no login of the owner's is sent", () => {
  const line = snippetsOf("claude-code", 0)[0]?.split("\n")[0];
  expect(line).toBe(
    `export ANTHROPIC_BASE_URL=https://kleis.example ANTHROPIC_AUTH_TOKEN=${KEY} ANTHROPIC_API_KEY= CLAUDE_CODE_USE_BEDROCK= CLAUDE_CODE_USE_VERTEX= CLAUDE_CODE_USE_FOUNDRY=`,
  );
});

test("Codex reads the key by a command, never by env_key, which costs an owner a ChatGPT login", () => {
  const [file, shell] = snippetsOf("codex", 0);
  expect(file).toContain(
    '[model_providers.kleis.auth]\ncommand = "sh"\nargs = ["-c", "cat ~/.config/kleis/key"]',
  );
  expect(file).not.toContain("env_key");
  expect(file).not.toContain(KEY);
  expect(shell).toContain(`(umask 077 && printf %s ${KEY} > ~/.config/kleis/key)`);
});

test("pi gets the key by a command, which every version runs", () => {
  expect(snippetsOf("pi", 0)[0]).toContain('"apiKey": "!printenv KLEIS_API_KEY"');
});

test("OpenCode gets the address of this very key's list once it is revealed, and a gap before", () => {
  const agent = AGENTS.find(({ id }) => id === "opencode")!;
  const setup = setupsOf(agent)[0]!;
  const registry = (discoveryToken: string | null) => agent.snippets({ ...setup, discoveryToken })[0]?.text;
  expect(registry("token")).toContain("OPENCODE_MODELS_URL=https://kleis.example/models/token\n");
  expect(registry(null)).toContain("OPENCODE_MODELS_URL=https://kleis.example/models/…\n");
});

/** The snippets of an agent for a key that may use these models, with the first that the agent can use chosen. */
function snippetsWith(id: string, models: readonly ListedModel[]): string[] {
  const agent = AGENTS.find((each) => each.id === id)!;
  const chosen = modelsFor(agent, models)[0]!;
  const setup = { ...setupsOf(agent)[0]!, model: chosen, protocol: protocolFor(agent, chosen)!, models };
  return agent.snippets(setup).map(({ text }) => text);
}

describe("Claude Code, which asks for models that nobody chose,", () => {
  const sonnet = model("claude-sonnet-9", ["messages"]);

  test("is told what to take for each kind that the key may not use", () => {
    expect(snippetsWith("claude-code", [sonnet])[0]).toContain(
      "export ANTHROPIC_DEFAULT_HAIKU_MODEL=claude-sonnet-9\nexport ANTHROPIC_DEFAULT_OPUS_MODEL=claude-sonnet-9\n",
    );
  });

  test("gets the name by which the key may use it where that is not the vendor's", () => {
    const haiku = model("copilot/claude-haiku-9", ["messages"]);
    expect(snippetsWith("claude-code", [sonnet, haiku])[0]).toContain(
      "export ANTHROPIC_DEFAULT_HAIKU_MODEL=copilot/claude-haiku-9\n",
    );
  });

  test("keeps its own names where the key may use them", () => {
    const all = ["claude-haiku-9", "claude-opus-9"].map((id) => model(id, ["messages"]));
    expect(snippetsWith("claude-code", [sonnet, ...all])[0]).not.toContain("ANTHROPIC_DEFAULT");
  });
});

describe("a model whose provider speaks another protocol", () => {
  test("comes after those that need no translation", () => {
    const idsFor = (id: string) =>
      modelsFor(AGENTS.find((each) => each.id === id)!, MODELS).map((each) => each.id);
    expect(idsFor("claude-code")).toEqual(["claude-sonnet-9", "gpt-9", "copilot/gemini-9"]);
    expect(idsFor("codex")).toEqual(["gpt-9", "claude-sonnet-9", "copilot/gemini-9"]);
    expect(idsFor("cursor")[0]).toBe("copilot/gemini-9");
  });

  test("gets Claude Code its window, and stands in for every tier", () => {
    const [shell] = snippetsWith("claude-code", [model("gpt-9", ["responses"])]);
    expect(shell).toContain("export ANTHROPIC_MODEL=gpt-9\n");
    expect(shell).toContain("export ANTHROPIC_DEFAULT_HAIKU_MODEL=gpt-9\n");
    expect(shell).toContain("export CLAUDE_CODE_MAX_CONTEXT_TOKENS=200000\n");
    expect(shell).toContain("export CLAUDE_CODE_ALWAYS_ENABLE_EFFORT=1\n");
    expect(snippetsOf("claude-code", 0)[0]).not.toContain("CLAUDE_CODE_MAX_CONTEXT_TOKENS");
  });

  test("gets Codex its window", () => {
    expect(snippetsWith("codex", [model("claude-sonnet-9", ["messages"])])[0]).toContain(
      'model_provider = "kleis"\nmodel_context_window = 200000\n',
    );
    expect(snippetsOf("codex", 0)[0]).not.toContain("model_context_window");
  });
});

describe("a file of models", () => {
  const kleis = (text = ""): unknown => {
    const file = parseJson(text);
    const list = isObject(file) ? (file.provider ?? file.providers) : undefined;
    return isObject(list) ? list.kleis : undefined;
  };

  test("names for OpenCode all that the key may use, each with the package that speaks to it", () => {
    const [, file, shell] = snippetsWith("opencode", MODELS);
    expect(kleis(file)).toMatchObject({
      npm: "@ai-sdk/anthropic",
      models: {
        "claude-sonnet-9": { name: "CLAUDE-SONNET-9", limit },
        "gpt-9": { provider: { npm: "@ai-sdk/openai" } },
        "copilot/gemini-9": { provider: { npm: "@ai-sdk/openai-compatible" } },
      },
    });
    expect(shell).toBe(`export KLEIS_API_KEY=${KEY}\nopencode`);
  });

  test("names for pi all that speak the one protocol of the file", () => {
    const [file] = snippetsWith("pi", [...MODELS, model("gpt-8", ["chat", "responses"])]);
    expect(kleis(file)).toMatchObject({
      api: "openai-responses",
      models: [
        { id: "gpt-9", reasoning: true },
        { id: "gpt-8", reasoning: true },
      ],
    });
  });

  test("stays one that people read, however many there are", () => {
    const many = Array.from({ length: 300 }, (_, index) => model(`gpt-${index}`, ["responses"]));
    for (const [id, at] of [
      ["opencode", 1],
      ["pi", 0],
    ] as const) {
      expect(snippetsWith(id, many)[at]?.match(/gpt-\d+"/g)?.length, id).toBe(40);
    }
  });
});

test("whoever has a config.toml already is told where Codex's first two lines belong", () => {
  const codex = AGENTS.find(({ id }) => id === "codex")!;
  expect(codex.note?.(setupsOf(codex)[0]!)).toContain("above the first [table]");
});

describe("a test request", () => {
  test("asks for one word in the protocol of the agent", () => {
    expect(testRequestFor("messages", "m")).toMatchObject({
      path: "/v1/messages",
      body: { model: "m", max_tokens: 64 },
    });
    expect(testRequestFor("responses", "m")).toMatchObject({ path: "/v1/responses", body: { model: "m" } });
    expect(testRequestFor("chat", "m")).toMatchObject({ path: "/v1/chat/completions", body: { model: "m" } });
  });

  const answer = { status: 200, account: "Work", changes: "none", took: 1234 };

  test.each([
    ["messages", { content: [{ type: "text", text: "pong" }] }],
    ["responses", { output: [{ type: "reasoning" }, { type: "message", content: [{ text: "pong" }] }] }],
    ["chat", { choices: [{ message: { content: "pong" } }] }],
  ])("tells what was said in %s", (_protocol, body) => {
    const tried = testResultOf("m", { ...answer, body: JSON.stringify(body) });
    expect(tried).toEqual({ ok: true, text: "It works. m answered through Work in 1.2 s: “pong”." });
  });

  test.each([
    [{ error: { message: "no such model" } }, "no such model"],
    [{ type: "error", error: { type: "x", message: "too long" } }, "too long"],
    [{ detail: "Unsupported" }, "Unsupported"],
    ["<html>Bad gateway</html>", "<html>Bad gateway</html>"],
    ["", "no reason was given"],
    [[1], "[1]"],
  ])("repeats a refusal's own text: %j", (body, words) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const tried = testResultOf("m", { ...answer, status: 400, body: text });
    expect(tried).toEqual({ ok: false, text: `m was refused through Work (400): ${words}` });
  });

  test("names what was changed on the way, and what to do after a refusal", () => {
    const body = JSON.stringify({ choices: [{ message: { content: "" } }] });
    expect(testResultOf("m", { ...answer, changes: "codex-store,codex-stream", body }).text).toContain(
      "but without any text. Changed on the way: codex-store, codex-stream.",
    );
    expect(testResultOf("m", { ...answer, status: 429, body: "" }).next).toContain("limit is reached");
    expect(testResultOf("m", { ...answer, status: 502, body: "" }).next).toContain("Try again");
    expect(testResultOf("m", { ...answer, status: 403, body: "" }).next).toContain("limits");
  });
});
