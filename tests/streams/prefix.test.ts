/** A conversation that grows keeps its prefix on the way upstream, byte for byte, so that the providers' caches hit. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountName } from "../support/accounts.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { bodyOf, eventStream, SCHEMA } from "./support/ways.ts";
import { utf8 } from "./support/wire.ts";

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
  kleis.serve(() => eventStream(bodyOf([utf8(": nothing to say\n\n")])));
});
afterAll(() => kleis.close());

/** The bytes of a top-level member's value, as they stand in the text; null when there is none. */
function memberText(json: string, key: string): string | null {
  let depth = 0;
  let start = -1;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') {
      const from = at;
      for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
      if (
        depth === 1 &&
        start === -1 &&
        json.slice(from + 1, at) === key &&
        /^\s*:/.test(json.slice(at + 1, at + 9))
      ) {
        start = json.indexOf(":", at) + 1;
      }
      continue;
    }
    if (start !== -1 && depth === 1 && (char === "," || char === "}")) return json.slice(start, at);
    if (char === "{" || char === "[") depth++;
    if (char === "}" || char === "]") depth--;
  }
  return null;
}

/** A list's text without the bracket that closes it. */
const opened = (list: string) => list.trimEnd().slice(0, -1).trimEnd();

interface Kind {
  readonly as: AccountName;
  readonly path: string;
  /** The member that grows. */
  readonly grows: "messages" | "input";
  /** Those that stay. */
  readonly stays: readonly string[];
  readonly base: object;
  /** How a conversation may begin. */
  readonly opening?: object[];
  /** Entries that one turn may add. */
  readonly turns: fc.Arbitrary<readonly object[]>;
}

const word = fc.constantFrom("Hi", "use OpenCode", "東京 🧵", "\ud800", "mcp_read", '{"name":"read"}', "");
const id = fc.string({ minLength: 4, maxLength: 8 }).map((text) => `id_${Buffer.from(text).toString("hex")}`);

const CLAUDE_TURNS = fc.oneof(
  word.map((text) => [{ role: "user", content: text }]),
  fc.tuple(word, word).map(([a, b]) => [
    { role: "user", content: [{ type: "text", text: a }] },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: b, signature: "c2ln" },
        { type: "text", text: a },
      ],
    },
  ]),
  fc
    .tuple(id, fc.constantFrom("read", "lookup", "Read", "gone", "mcp_gone"), word)
    .map(([tool, name, text]) => [
      { role: "assistant", content: [{ type: "tool_use", id: tool, name, input: { name, text } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: tool, content: text }] },
    ]),
  word.map((text) => [{ role: "system", content: text }]),
);

const RESPONSES_TURNS = fc.oneof(
  word.map((text) => [{ role: "user", content: [{ type: "input_text", text }] }]),
  fc.tuple(id, word).map(([item, text]) => [
    {
      id: item,
      type: "message",
      role: "assistant",
      content: [{ type: "output_text", text, annotations: [] }],
    },
  ]),
  fc.tuple(id, id, word).map(([item, call, text]) => [
    { id: `rs_${item}`, type: "reasoning", summary: [], encrypted_content: "ZW5j", status: "completed" },
    { id: item, type: "function_call", call_id: call, name: "lookup", arguments: JSON.stringify({ text }) },
    { type: "function_call_output", call_id: call, output: text },
  ]),
  id.map((item) => [{ id: item, type: "reasoning", summary: [] }]),
  word.map((text) => [{ role: "developer", content: text }]),
  word.map((text) => [{ role: "system", content: [{ type: "input_text", text }] }]),
  id.map((item) => [{ type: "item_reference", id: item }]),
  fc.constant([
    {
      role: "user",
      content: [{ type: "input_image", image_url: "data:image/png;base64,AA==", detail: "auto" }],
    },
  ]),
);

const CHAT_TURNS = fc.oneof(
  word.map((content) => [{ role: "user", content }]),
  fc.tuple(id, word).map(([call, content]) => [
    {
      role: "assistant",
      content: null,
      reasoning_opaque: "b3A=",
      tool_calls: [{ id: call, type: "function", function: { name: "lookup", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: call, content },
  ]),
);

const TOOLS = ["read", "lookup", "Bash"].map((name) => ({ name, description: "d", input_schema: SCHEMA }));
const FUNCTIONS = [{ type: "function", name: "lookup", parameters: SCHEMA, strict: false }];
const claude = {
  model: "claude-sonnet-4-6",
  max_tokens: 100,
  system: "You are OpenCode, the best.",
  tools: TOOLS,
  stream: true,
};
const responses = { stream: true, store: false, tools: FUNCTIONS, prompt_cache_key: "session" };

/** What the model said to a request stands before what the next one adds. */
const REPLY = {
  messages: { role: "assistant", content: "Go on." },
  input: {
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text: "Go on.", annotations: [] }],
  },
};
const PROMPT = { role: "developer", content: [{ type: "input_text", text: "Be brief." }] };

const KINDS: [string, Kind][] = [
  [
    "Claude, on a plan",
    {
      as: "claude",
      path: "/v1/messages",
      grows: "messages",
      stays: ["system", "tools"],
      base: claude,
      turns: CLAUDE_TURNS,
    },
  ],
  [
    "Claude, on a plan, without a system prompt",
    {
      as: "claude",
      path: "/v1/messages",
      grows: "messages",
      stays: ["system", "tools"],
      base: { ...claude, system: undefined },
      turns: CLAUDE_TURNS,
    },
  ],
  [
    "Claude, with a key",
    {
      as: "claudeKey",
      path: "/v1/messages",
      grows: "messages",
      stays: ["system", "tools"],
      base: claude,
      turns: CLAUDE_TURNS,
    },
  ],
  [
    "Codex, with instructions",
    {
      as: "codex",
      path: "/v1/responses",
      grows: "input",
      stays: ["instructions", "tools", "prompt_cache_key", "include"],
      base: { model: "gpt-5.5", instructions: "Be brief.", ...responses },
      turns: RESPONSES_TURNS,
    },
  ],
  [
    "Codex, without any prompt",
    {
      as: "codex",
      path: "/v1/responses",
      grows: "input",
      stays: ["instructions", "tools", "prompt_cache_key", "include"],
      base: { model: "gpt-5.5", ...responses },
      turns: RESPONSES_TURNS,
    },
  ],
  [
    "Codex, with its prompt in the input",
    {
      opening: [PROMPT],
      as: "codex",
      path: "/v1/responses",
      grows: "input",
      stays: ["instructions", "tools", "prompt_cache_key", "include"],
      base: { model: "codex/gpt-5.5", ...responses, temperature: 1 },
      turns: RESPONSES_TURNS,
    },
  ],
  [
    "Copilot on responses",
    {
      as: "copilot",
      path: "/v1/responses",
      grows: "input",
      stays: ["instructions", "tools", "include"],
      base: { model: "copilot/gpt-5.4", instructions: "Be brief.", ...responses },
      turns: RESPONSES_TURNS,
    },
  ],
  [
    "Copilot on chat",
    {
      as: "copilot",
      path: "/v1/chat/completions",
      grows: "messages",
      stays: ["tools"],
      base: {
        model: "copilot/gpt-4.1",
        stream: true,
        tools: [{ type: "function", function: { name: "lookup", parameters: SCHEMA } }],
      },
      turns: CHAT_TURNS,
    },
  ],
  [
    "Copilot on messages",
    {
      as: "copilot",
      path: "/v1/messages",
      grows: "messages",
      stays: ["system", "tools"],
      base: { ...claude, model: "copilot/claude-sonnet-4.6" },
      turns: CLAUDE_TURNS,
    },
  ],
];

describe("what is sent upstream for one turn is the beginning of what is sent for the next", () => {
  test.each(KINDS)("%s", async (_name, { as, path, grows, stays, base, opening = [], turns }) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(turns, { minLength: 2, maxLength: 6 }), async (conversation) => {
        let before: string | null = null;
        const seen: object[] = [...opening, { role: "user", content: "Begin." }];
        for (const turn of conversation) {
          seen.push(...turn);
          const count = kleis.sent.length;
          const response = await kleis.post(path, { ...base, [grows]: seen }, { as });
          // Some turns are refused in words (an output without its call); they are no part of a conversation.
          if (response.status !== 200) {
            expect(response.status).toBe(400);
            expect(kleis.sent).toHaveLength(count);
            continue;
          }
          await response.body?.cancel();
          const text: string = kleis.sent.at(-1)?.text ?? "";
          const list = memberText(text, grows) ?? "";
          expect(list).not.toBe("");
          if (before !== null) {
            compared++;
            for (const member of stays) expect(memberText(text, member)).toBe(memberText(before, member));
            const former = opened(memberText(before, grows) ?? "");
            expect(list.slice(0, former.length)).toBe(former);
          }
          before = text;
          seen.push(REPLY[grows]);
        }
      }),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(60);
  });
});
