/** Claude's tool names through the whole app and back, for arbitrary sets of tools: the client sees its own, and only those. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isObject, type JsonObject, parseJson } from "../../src/json.ts";
import { anyJsonText } from "./support/json-text.ts";
import { createTestApp, type TestApp } from "./support/test-app.ts";
import { bodyOf, eventStream } from "./support/ways.ts";
import { concat, dataObject, readEvents, utf8 } from "./support/wire.ts";

let kleis: TestApp;
beforeAll(async () => {
  kleis = await createTestApp();
});
afterAll(() => kleis.close());

const word = fc.constantFrom(
  "read",
  "Read",
  "READ",
  "bash",
  "Bash",
  "lookup",
  "Lookup",
  "web_search",
  "web_fetch",
  "todo-write",
  "x",
  "name",
  "_",
  "0",
);

/** Names that meet each other under any scheme: same letters in other cases, prefixed already, reserved, at the limits. */
const toolName = fc.oneof(
  word,
  fc.tuple(fc.constantFrom("mcp_", "mcp_mcp_", "mcp__server__", "Mcp_"), word).map((parts) => parts.join("")),
  fc.tuple(word, fc.constantFrom("_2", "_3", "_22")).map((parts) => parts.join("")),
  fc
    .tuple(fc.constantFrom("a", "mcp_b", "Read"), fc.integer({ min: 58, max: 64 }))
    .map(([start, length]) => start.padEnd(length, "z")),
  fc.stringMatching(/^[a-zA-Z0-9_-]{1,64}$/),
);

interface Tools {
  /** In the order in which they are declared. */
  own: string[];
  /** Anthropic's own tools, whose names are fixed. */
  fixed: string[];
  args: string[];
  history: number;
}

const tools: fc.Arbitrary<Tools> = fc
  .record({
    own: fc.uniqueArray(toolName, { minLength: 1, maxLength: 12 }),
    fixed: fc.subarray(["web_search", "code_execution"]),
    args: fc.array(
      anyJsonText.filter((text) => parseJson(text) !== undefined),
      { minLength: 1, maxLength: 3 },
    ),
    history: fc.nat(3),
  })
  .map((all) => ({ ...all, own: all.own.filter((name) => !all.fixed.includes(name)) }))
  .filter(({ own }) => own.length > 0);

function requestOf({ own, fixed, history }: Tools, stream: boolean) {
  const used = own.slice(0, history);
  return {
    model: "claude-sonnet-4-6",
    max_tokens: 100,
    stream,
    tools: [
      ...fixed.map((name) => ({ type: `${name}_20250305`, name })),
      ...own.map((name) => ({
        name,
        description: `mcp_${name}`,
        input_schema: { type: "object", properties: { name: { const: name } } },
      })),
    ],
    tool_choice: { type: "tool", name: own[0] },
    messages: [
      { role: "user", content: `call ${own[0]} or mcp_${own[0]}` },
      ...used.flatMap((name, at) => [
        { role: "assistant", content: [{ type: "tool_use", id: `t${at}`, name, input: { name } }] },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: `t${at}`, content: `"name":"${name}"` }],
        },
      ]),
    ],
  };
}

const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The stream that calls every tool that the provider was shown, with arguments that speak of names. */
function calls(names: readonly string[], args: readonly string[]): Uint8Array {
  const events: object[] = [
    {
      type: "message_start",
      message: { id: "m", type: "message", role: "assistant", model: "m", content: [] },
    },
    ...names.flatMap((name, index) => [
      {
        type: "content_block_start",
        index,
        content_block: { type: "tool_use", id: `toolu_${index}`, name, input: {} },
      },
      ...args.map((text) => ({
        type: "content_block_delta",
        index,
        delta: { type: "input_json_delta", partial_json: `${text} ${name} "name":"${name}"` },
      })),
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ];
  return concat(events.map((event) => utf8(`data: ${JSON.stringify(event)}\n\n`)));
}

/** The same in one piece; what the provider says of its own names stays, whatever the tools are called. */
function wholeAnswer(said: readonly string[], names: readonly string[], args: readonly string[]): string {
  const text = `{"type":"text","text":${JSON.stringify(said.join())}}`;
  const blocks = names.map(
    (name, at) =>
      `{"type":"tool_use", "id":"toolu_${at}","name" : ${JSON.stringify(name)},"input":{"name":"${said[at]}","args":[${args.join(",")}]}}`,
  );
  return `{ "id":"m","type":"message","role":"assistant","content":[${[text, ...blocks].join(" , ")}],"stop_reason":"tool_use"}`;
}

test("streamed or not, with history, choice and reserved names", async () => {
  await fc.assert(
    fc.asyncProperty(tools, fc.boolean(), async (set, stream) => {
      let names: string[] = [];
      let sent: JsonObject = {};
      let raw = utf8("");
      kleis.serve(({ text }) => {
        const body = parseJson(text);
        sent = isObject(body) ? body : {};
        names = list(sent.tools)
          .filter(({ type }) => type === undefined)
          .map(({ name }) => String(name));
        raw = concat([calls(names, set.args)]);
        if (stream) return eventStream(bodyOf([raw]));
        return new Response(wholeAnswer(names, names, set.args), {
          headers: { "content-type": "application/json" },
        });
      });
      const asked = requestOf(set, stream);
      const response = await kleis.post("/v1/messages", asked, { as: "claude" });
      expect(response.status).toBe(200);

      // Upstream: as many names as tools, no two alike, none that the API refuses, the same one wherever a tool is meant.
      expect(names).toHaveLength(set.own.length);
      expect(new Set([...names, ...set.fixed]).size).toBe(names.length + set.fixed.length);
      for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
      const upstream = new Map(set.own.map((name, at) => [name, names[at]]));
      const choice = isObject(sent.tool_choice) ? sent.tool_choice.name : undefined;
      expect(choice).toBe(upstream.get(set.own[0] ?? ""));
      const blocks = list(sent.messages).flatMap(({ content }) => list(content));
      const past = blocks.filter(({ type }) => type === "tool_use");
      expect(past.map(({ name }) => name)).toEqual(
        set.own.slice(0, set.history).map((name) => upstream.get(name)),
      );
      expect(past.map(({ input }) => input)).toEqual(set.own.slice(0, set.history).map((name) => ({ name })));
      const changed = names.some((name, at) => name !== set.own[at]);
      expect(response.headers.get("x-kleis-changes")?.split(",").includes("claude-tool-names")).toBe(changed);

      // Downstream: the client's own names in their order, and the arguments as the provider wrote them.
      if (!stream) {
        expect(await response.text()).toBe(wholeAnswer(names, set.own, set.args));
        return;
      }
      const got = readEvents(new Uint8Array(await response.arrayBuffer())).events;
      const came = readEvents(raw).events;
      expect(got).toHaveLength(came.length);
      let index = 0;
      for (const [at, { data, bytes }] of got.entries()) {
        const value = dataObject(data);
        if (value?.type !== "content_block_start") {
          expect(bytes.equals(came[at]?.bytes ?? Buffer.alloc(0))).toBe(true);
          continue;
        }
        expect(isObject(value.content_block) && value.content_block.name).toBe(set.own[index++]);
      }
    }),
    { numRuns: 300 },
  );
});
