/**
 * No body makes a provider's edits take long: what a request costs grows with its size and not with its square, whatever
 * it is made of. Bodies of n, 2n and 4n pieces are prepared as the pipeline does it; the computing time counts.
 */
import { describe, expect, test } from "vitest";
import { isObject, type JsonObject, parseJson } from "../../src/json.ts";
import { applyEdits } from "../../src/protocols/json-edit.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import type { CredentialKind } from "../../src/providers/account.ts";
import { providerById } from "../../src/providers/index.ts";
import { checkOneModel, toolModels } from "../../src/proxy/request/model-members.ts";
import { cpuOf } from "../support/work.ts";
import { CONFIG } from "./claude-fixture.ts";

/** What doubling a body may multiply its cost by; a square would be 4. */
const GROWTH = 3;
/** What takes less than this is not told from noise, ms. */
const NOISE_MS = 10;

/** So many pieces that all the edits are still made (`MAX_EDITS`), and as many characters of one text. */
const PIECES = 2_600;
const CHARACTERS = 24_000;

interface Way {
  readonly provider: "claude" | "codex" | "copilot";
  readonly kind: CredentialKind;
  readonly operations: readonly Operation[];
}

const WAYS: Way[] = [
  { provider: "claude", kind: "oauth", operations: ["messages"] },
  { provider: "codex", kind: "oauth", operations: ["responses"] },
  { provider: "copilot", kind: "oauth", operations: ["messages", "responses", "chat"] },
];

type Body = (size: number) => object;
const times = <Item>(count: number, itemOf: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => itemOf(at));
const letters = "abcdefghij";
/** A name by a number, of one length. */
const nameOf = (at: number) =>
  String(at)
    .padStart(6, "0")
    .replace(/\d/g, (digit) => letters[Number(digit)]!);
const LONG = "a".repeat(90);
const HI = [{ role: "user", content: "Hi" }];

const MESSAGES: Record<string, Body> = {
  "tools of one name": (n) => ({ messages: HI, tools: times(n, () => ({ name: "a" })) }),
  "tools of many names": (n) => ({ messages: HI, tools: times(n, (at) => ({ name: nameOf(at) })) }),
  "tools whose upstream names collide": (n) => ({
    messages: HI,
    tools: times(n, (at) => ({ name: at % 2 === 0 ? nameOf(at) : `mcp_${nameOf(at - 1)}` })),
  }),
  "tools of long names with one beginning": (n) => ({
    messages: HI,
    tools: times(n, (at) => ({ name: `${LONG}${nameOf(at)}` })),
  }),
  "tools in each other": (n) => ({
    messages: HI,
    tools: times(n / 10, () => ({
      type: "namespace",
      name: "a",
      tools: times(10, () => ({ name: "b", model: "c" })),
    })),
  }),
  "hosted tools": (n) => ({
    messages: HI,
    tools: [...times(n, () => ({ type: "web_search_20250305", name: "web_search" })), { name: "a" }],
  }),
  messages: (n) => ({
    messages: times(n, (at) => ({ role: at % 2 === 0 ? "user" : "assistant", content: "x" })),
  }),
  "content parts": (n) => ({
    messages: [
      {
        role: "user",
        content: times(n, () => ({
          type: "text",
          text: "x",
          cache_control: { type: "ephemeral", scope: "global" },
        })),
      },
    ],
  }),
  "calls and their results": (n) => ({
    messages: times(n / 2, (at) => [
      { role: "assistant", content: [{ type: "tool_use", id: `t${at}`, name: nameOf(at), input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: `t${at}`, content: "x" }] },
    ]).flat(),
  }),
  thoughts: (n) => ({
    messages: times(n, () => ({
      role: "assistant",
      content: [
        { type: "thinking", thinking: "x", signature: "y" },
        { type: "text", text: "z" },
      ],
    })),
  }),
  "blocks of the prompt": (n) => ({
    messages: HI,
    system: times(n, () => ({ type: "text", text: "OpenCode is here." })),
  }),
  betas: (n) => ({ messages: HI, betas: times(n, (at) => `interleaved-thinking-${nameOf(at)}`) }),
  members: (n) => ({ messages: HI, ...Object.fromEntries(times(n, (at) => [nameOf(at), 0])) }),
};

const RESPONSES: Record<string, Body> = {
  "items with ids": (n) => ({
    input: times(n, (at) => ({ id: `i${at}`, type: "message", role: "user", content: "x" })),
  }),
  "calls and their outputs": (n) => ({
    input: times(n / 2, (at) => [
      { id: `i${at}`, type: "function_call", call_id: `c${at}`, name: "a", arguments: "{}" },
      { type: "function_call_output", call_id: `c${at}`, output: "x" },
    ]).flat(),
  }),
  references: (n) => ({
    input: [...times(n, (at) => ({ type: "item_reference", id: `i${at}` })), { role: "user", content: "x" }],
  }),
  "sealed thoughts": (n) => ({
    input: [
      ...times(n, () => ({ type: "reasoning", encrypted_content: "x", summary: [] })),
      { role: "user", content: "x" },
    ],
  }),
  "thoughts that nobody can read": (n) => ({
    input: [...times(n, () => ({ type: "reasoning", summary: [] })), { role: "user", content: "x" }],
  }),
  prompts: (n) => ({
    input: [...times(n, () => ({ role: "system", content: " " })), { role: "user", content: "x" }],
  }),
  images: (n) => ({
    input: [
      { role: "user", content: times(n, () => ({ type: "input_image", image_url: "x", detail: "auto" })) },
    ],
  }),
  "hosted tools": (n) => ({
    input: "x",
    tools: [...times(n, () => ({ type: "image_generation" })), { type: "function", name: "a" }],
  }),
  "tools inside the input": (n) => ({
    input: [
      ...times(n, () => ({
        type: "additional_tools",
        tools: [{ type: "image_generation" }, { type: "function", name: "a", model: "b" }],
      })),
      { role: "user", content: "x" },
    ],
  }),
  namespaces: (n) => ({
    input: "x",
    tools: times(n, (at) => ({ type: "namespace", name: nameOf(at), tools: [] })),
  }),
  "allowed tools": (n) => ({
    input: "x",
    tools: [{ type: "function", name: "a" }],
    tool_choice: { type: "allowed_tools", tools: times(n, () => ({ type: "image_generation" })) },
  }),
  members: (n) => ({ input: "x", ...Object.fromEntries(times(n, (at) => [nameOf(at), 0])) }),
  includes: (n) => ({ input: "x", include: times(n, (at) => `image_generation_call.${nameOf(at)}`) }),
};

const CHAT: Record<string, Body> = {
  messages: MESSAGES.messages!,
  "sealed thoughts": (n) => ({
    messages: times(n, () => ({
      role: "assistant",
      content: "x",
      reasoning_opaque: "y",
      reasoning_text: "z",
    })),
  }),
  "tools of one name": (n) => ({
    messages: HI,
    tools: times(n, () => ({ type: "function", function: { name: "a" } })),
  }),
};

/** Texts that are near to what a regular expression looks for, or begin it everywhere. */
const TEXTS: Record<string, (n: number) => string> = {
  mentions: (n) => "OpenCode is here. ".repeat(n / 18),
  "near mentions": (n) => "OpenCod opencode/ ".repeat(n / 18),
  "one word of mentions": (n) => "OpenCode".repeat(n / 8),
  "mentions in paths": (n) => "/opencode/".repeat(n / 10),
  "a mention and dots": (n) => `中OpenCode${".".repeat(n)}x`,
  "mentions and dots, in a script without spaces": (n) => `中OpenCode${".:".repeat(50)}x `.repeat(n / 110),
  "a mention among marks": (n) => `${"(".repeat(n / 2)}OpenCode${")".repeat(n / 2)}x`,
  "a mention in bold": (n) => `${"*".repeat(n)}OpenCode${"*".repeat(n)}x`,
  "a mention with links": (n) => `OpenCode${"](".repeat(n / 2)}`,
  "carriage returns": (n) => `OpenCode${"\r".repeat(n)}x`,
  "line separators": (n) => `OpenCode${"\u2028".repeat(n)}x`,
  spaces: (n) => `OpenCode ${" ".repeat(n)}x`,
  "empty lines": (n) => `OpenCode\n${"\n".repeat(n)}OpenCode`,
  fences: (n) => `${"```\n".repeat(n / 4)}OpenCode`,
  "fences that do not close": (n) => `${"```a\n".repeat(n / 5)}OpenCode`,
  "one long fence": (n) => `${"`".repeat(n)}x OpenCode`,
  backticks: (n) => `${times(Math.sqrt(n * 2), (at) => "`".repeat(at + 1)).join(" ")} OpenCode`,
  "quoted paths": (n) => `OpenCode ${'"./'.repeat(n / 3)}`,
  "paths in parentheses": (n) => `OpenCode ${"(/a/".repeat(n / 4)}`,
  "paths that do not end": (n) => `OpenCode ${'"/a'.repeat(n / 3)} "~/${"x".repeat(n)}`,
  "the beginning of a path line": (n) => `${"a ".repeat(n / 2)}: OpenCode /`,
  "marks before a path line": (n) => `${"> - ".repeat(n / 4)}x OpenCode /`,
  "stars behind a colon": (n) => `Path:${"*".repeat(n)}x OpenCode /`,
  letters: (n) => `${"a".repeat(n)} OpenCode /`,
};

const withText = (operation: Operation, text: string): object[] => {
  if (operation === "responses")
    return [
      { input: text },
      { input: "x", instructions: text },
      {
        input: [
          { role: "system", content: text },
          { role: "user", content: [{ type: "input_text", text }] },
        ],
      },
      { input: "x", prompt_cache_key: text },
    ];
  const prompts =
    operation === "chat"
      ? []
      : [
          { messages: HI, system: text },
          { messages: HI, system: [{ type: "text", text }] },
        ];
  return [...prompts, { messages: [{ role: "user", content: text }] }];
};

/** Everything that happens to the body between its parsing and its sending. */
async function prepared(
  { provider: id, kind }: Way,
  operation: Operation,
  source: Uint8Array<ArrayBuffer>,
  value: JsonObject,
  unsealed: boolean,
) {
  const provider = providerById(id)!;
  checkOneModel(source);
  for await (const _ of toolModels(source, async () => {}));
  const { edits } = await provider.prepare({
    operation,
    body: { bytes: source, value },
    model: "m",
    query: "",
    headers: new Headers(),
    account: { id: "a1", kind, externalId: "u1", metadata: {} },
    credential: { kind, token: "t" },
    ...(unsealed ? { unsealed: "refused" as const } : {}),
    keyId: "k1",
    keyCreatedAt: 1_790_000_000_000,
    now: 1_790_000_000_000,
    config: CONFIG,
  });
  applyEdits(source, edits);
}

async function costOf(
  way: Way,
  operation: Operation,
  body: object,
  unsealed: boolean,
  rounds: number,
): Promise<number> {
  const source = new TextEncoder().encode(JSON.stringify({ model: "m", max_tokens: 1, ...body }));
  const value = parseJson(new TextDecoder().decode(source));
  if (!isObject(value)) throw new Error("the request is no object");
  return cpuOf(
    () =>
      prepared(way, operation, source, value, unsealed).catch((error: Error) => {
        // A refusal is an answer as well.
        if (error.name !== "KleisError") throw error;
      }),
    rounds,
  );
}

async function expectLinear(cost: (factor: number, rounds: number) => Promise<number>): Promise<void> {
  const most = GROWTH ** 2;
  // Most are done before anything could be told of their growth.
  if ((await cost(4, 1)) < NOISE_MS * most) return;
  const once = Math.max(await cost(1, 3), NOISE_MS);
  const fourfold = await cost(4, 3);
  expect(fourfold, `${once} ms, and ${fourfold} for four times as much`).toBeLessThan(once * most);
}

const CASES = WAYS.flatMap((way) =>
  way.operations.map((operation) => ({ way, operation, name: `${way.provider}, ${operation}` })),
);
const bodiesOf = (operation: Operation) =>
  ({ messages: MESSAGES, count_tokens: MESSAGES, responses: RESPONSES, chat: CHAT })[operation];

describe.each(CASES)("$name", ({ way, operation }) => {
  test.each(Object.entries(bodiesOf(operation)))("many %s", async (_name, body) => {
    // Without sealed reasoning: these are the edits that come on top.
    await expectLinear((factor, rounds) => costOf(way, operation, body(PIECES * factor), true, rounds));
  });

  test.each(Object.entries(TEXTS))("a text of %s", async (_name, textOf) => {
    for (const [place] of withText(operation, "").entries())
      await expectLinear((factor, rounds) =>
        costOf(way, operation, withText(operation, textOf(CHARACTERS * factor))[place]!, false, rounds),
      );
  });
});
