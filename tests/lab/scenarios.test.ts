/** What the model of the lab does with a request, and what the scenarios make of a run. */
import { expect, test } from "vitest";
import type { Protocol } from "../../src/protocols/protocol.ts";
import type { Exchange } from "../conformance/exchange.ts";
import type { RecordedRequest } from "../fakes/index.ts";
import { type Ask, type DeclaredTool, NOTHING_ASKED } from "../fakes/scenarios/ask.ts";
import { REASONING_TEXT } from "../fakes/scenarios/chat.ts";
import { signatureFor, THOUGHT } from "../fakes/scenarios/messages.ts";
import { REASONING } from "../fakes/scenarios/responses.ts";
import { newWords, type Script, ScriptedModel } from "./model.ts";
import { isTranslated, ROUTES } from "./routes.ts";
import { type Run, SCENARIOS } from "./scenarios.ts";
import { readingCall } from "./tool-call.ts";

const FILE = "/w/lab-note.txt";
const words = newWords();
const SIGNATURE = signatureFor(THOUGHT);

const tool = (name: string, properties: object, required = Object.keys(properties)): DeclaredTool => ({
  name,
  kind: "function",
  schema: { type: "object", properties, required },
});
const TEXT = { type: "string" };
const READ = tool("read", { filePath: TEXT });

test.each<[string, DeclaredTool, object]>([
  ["OpenCode", READ, { filePath: FILE }],
  ["a plan's name for it", tool("mcp_Read", { file_path: TEXT }), { file_path: FILE }],
  ["Qwen Code", tool("read_file", { absolute_path: TEXT }), { absolute_path: FILE }],
  ["Continue", tool("Read", { filepath: TEXT }), { filepath: FILE }],
  [
    "Cline",
    tool("read_files", { files: { type: "array", items: READ_ITEM() } }),
    { files: [{ path: FILE }] },
  ],
  ["several paths", tool("read_files", { paths: { type: "array", items: TEXT } }), { paths: [FILE] }],
  ["a shell", tool("exec_command", { cmd: TEXT }), { cmd: `cat ${FILE}` }],
  [
    "a shell that takes words",
    tool("shell", { command: { type: "array", items: TEXT } }),
    { command: ["cat", FILE] },
  ],
])("a tool can be made to read a file: %s", (_, declared, args) => {
  const others = [tool("write", { filePath: TEXT }), tool("todo_read", { list: TEXT })];
  expect(readingCall([...others, declared], FILE)).toEqual({ tool: declared, arguments: args });
});

function READ_ITEM(): object {
  return { type: "object", properties: { path: TEXT, line: { type: "number" } }, required: ["path"] };
}

test("a tool for files is preferred to a shell; where there is neither, no call is made", () => {
  const shell = tool("bash", { command: TEXT });
  expect(readingCall([shell, READ], FILE)?.tool).toBe(READ);
  expect(readingCall([tool("read", { url: TEXT }), tool("write", { path: TEXT })], FILE)).toBeNull();
});

const PATHS: Record<Protocol, string> = {
  messages: "/v1/messages",
  responses: "/backend-api/codex/responses",
  chat: "/chat/completions",
};
const RESULTS: Record<Protocol, object> = {
  messages: { messages: [{ role: "user", content: [{ type: "tool_result", content: "x" }] }] },
  responses: { input: [{ type: "function_call_output", output: "x" }] },
  chat: { messages: [{ role: "tool", content: "x" }] },
};
const PROTOCOLS = Object.keys(PATHS) as Protocol[];

function request(protocol: Protocol, json: object = {}, text = words.mark): RecordedRequest {
  // As Qwen Code writes it.
  const body = Buffer.from(JSON.stringify({ text, ...json }, null, 2));
  return { path: PATHS[protocol], body, json: JSON.parse(body.toString()) } as RecordedRequest;
}

const asked = (tools: DeclaredTool[] = [READ]): Ask => ({ ...NOTHING_ASKED, tools });
const modelFor = (script: Script) => new ScriptedModel(script, words, FILE, "codex");

test.each(PROTOCOLS)("a tool loop in %s: a call, then the answer", (protocol) => {
  const model = modelFor("tool");
  expect(model.choose(asked(), request(protocol))).toMatchObject({ call: { arguments: { filePath: FILE } } });
  expect(model.choose(asked(), request(protocol, RESULTS[protocol]))).toMatchObject({
    scenario: "text",
    text: expect.stringContaining(words.end),
  });
  expect(model.turns.map((turn) => turn.protocol)).toEqual([protocol, protocol]);
});

test("only the first answer is cut", () => {
  const model = modelFor("cut");
  expect(model.choose(asked(), request("chat"))).toMatchObject({ cut: "destroy" });
  expect(model.choose(asked(), request("chat"))).not.toHaveProperty("cut");
});

test("reasoning goes on over two calls, and only the first request is too long", () => {
  const called = { input: [{ type: "function_call_output" }, { type: "function_call_output" }] };
  const model = modelFor("reasoning");
  for (const input of [[], called.input.slice(1)])
    expect(model.choose(asked(), request("responses", { input }))).toMatchObject({
      scenario: "reasoning-tool",
    });
  expect(model.choose(asked(), request("responses", called))).toMatchObject({ scenario: "text" });

  const refusing = modelFor("overflow");
  expect(refusing.choose(asked(), request("responses"))).toEqual({ scenario: "error:context-length" });
  expect(refusing.choose(asked(), request("responses"))).toMatchObject({ scenario: "text" });
});

test("titles are not the agent's own requests: they declare no tools, or are not about the task", () => {
  const model = modelFor("cut");
  for (const side of [
    model.choose(asked([]), request("chat")),
    model.choose(asked(), request("chat", {}, "other")),
  ])
    expect(side).toEqual({ scenario: "text", text: "A title" });
  expect(model.turns).toEqual([]);
});

test("tools that read no file are named", () => {
  const model = modelFor("tool");
  model.choose(asked([tool("write", { path: TEXT })]), request("chat"));
  expect(model.unusable).toBe("write");
});

const WHOLE = `${words.begin} … ${words.end}`;

function exchange(status: number, sent = "", received = ""): Exchange {
  return {
    method: "POST",
    path: "/v1/messages",
    request: { head: "POST /v1/messages HTTP/1.1", body: Buffer.from(sent) },
    answer: { head: `HTTP/1.1 ${status} X`, body: Buffer.from(received) },
  };
}

function run(more: Partial<Omit<Run, "ending">> & { code?: number; output?: string; ms?: number } = {}): Run {
  const { code = 0, output = WHOLE, ms = 1000, ...rest } = more;
  const turns = [{ protocol: "messages" as const, body: {} }];
  return {
    ending: { code, output, ms },
    words,
    exchanges: [],
    turns,
    unusable: null,
    route: ROUTES[0]!,
    soonMs: 60_000,
    ...rest,
  };
}

const judge = (name: string, one: Run) => SCENARIOS.find((each) => each.name === name)?.judge(one);
const FAILED = { is: "failed" };
const once = { protocol: "messages" as const, body: {} };
const looped = [once, { ...once, body: { result: words.note } }];

test.each<[string, string, Run, object]>([
  ["text", "a whole answer", run(), { is: "ok" }],
  ["text", "another answer", run({ output: words.begin }), FAILED],
  ["text", "an answer and a failed end", run({ code: 1 }), FAILED],
  ["text", "no request", run({ turns: [] }), FAILED],
  ["tool loop", "the file's text came back", run({ turns: looped }), { is: "ok" }],
  ["tool loop", "one request only", run(), FAILED],
  ["tool loop", "another result", run({ turns: [once, once] }), FAILED],
  ["tool loop", "no tool for it", run({ turns: looped, unusable: "write" }), FAILED],
  [
    "wrong key",
    "words",
    run({ turns: [], exchanges: [exchange(401)], output: "Invalid API key" }),
    { is: "ok" },
  ],
  ["wrong key", "no words", run({ turns: [], exchanges: [exchange(401)], output: "Oops" }), FAILED],
  [
    "wrong key",
    "a storm",
    run({ turns: [], exchanges: Array(9).fill(exchange(401)), output: "401" }),
    FAILED,
  ],
  ["wrong key", "late", run({ turns: [], exchanges: [exchange(401)], output: "401", ms: 61_000 }), FAILED],
  ["wrong key", "nothing asked", run({ turns: [], output: "401" }), FAILED],
  ["wrong key", "answered all the same", run({ exchanges: [exchange(401)], output: "401" }), FAILED],
  ["cut stream", "asked again", run({ turns: [once, once] }), { is: "ok" }],
  [
    "cut stream",
    "said",
    run({ code: 1, output: `${words.begin}\nError: the connection broke` }),
    { is: "ok" },
  ],
  ["cut stream", "silent truncation", run({ output: words.begin }), FAILED],
  ["cut stream", "a code alone", run({ code: 1, output: words.begin }), FAILED],
  ["cut stream", "asked again in vain", run({ turns: [once, once], output: "Error" }), FAILED],
  ["context overflow", "compacted", run({ turns: [once, once] }), { is: "ok" }],
  ["context overflow", "said", run({ code: 1, output: "Prompt is too long" }), { is: "ok" }],
  ["context overflow", "silence", run({ code: 1, output: "\n" }), { is: "not applicable" }],
  ["context overflow", "another error", run({ code: 1, output: "Error 400" }), FAILED],
])("%s: %s", (name, _, one, verdict) => {
  expect(judge(name, one)).toMatchObject(verdict);
});

const REPLAYED: Record<Protocol, { mark: string; body: object; altered: object }> = {
  messages: {
    mark: SIGNATURE,
    body: { messages: [{ content: [{ type: "thinking", thinking: THOUGHT, signature: SIGNATURE }] }] },
    altered: { messages: [{ content: [{ type: "thinking", thinking: "…", signature: SIGNATURE }] }] },
  },
  responses: {
    mark: words.sealed,
    body: {
      input: [{ type: "reasoning", encrypted_content: words.sealed, summary: [{ text: REASONING }] }],
    },
    altered: { input: [{ type: "reasoning", encrypted_content: words.sealed, summary: [] }] },
  },
  chat: {
    mark: `${words.sealed} ${REASONING_TEXT}`,
    body: { messages: [{ reasoning_text: REASONING_TEXT, reasoning_opaque: words.sealed }] },
    altered: { messages: [{ reasoning_text: REASONING_TEXT, reasoning_opaque: "…" }] },
  },
};

test.each(ROUTES.map((route) => ({ ...route, route })))(
  "reasoning replay in $protocol on $model: unaltered, altered, lost, left out, never given",
  ({ route }) => {
    const protocol = route.to;
    const { body, altered, ...replayed } = REPLAYED[protocol];
    const mark = isTranslated(route) ? "kls1.codex.00000000.e30" : replayed.mark;
    const after = (arrived: object, sent: string, received: string) =>
      judge(
        "reasoning replay",
        run({
          route,
          turns: [once, { protocol, body: { ...arrived, note: words.note } }],
          exchanges: [exchange(200, "", received), exchange(200, sent)],
        }),
      );
    expect(after(body, mark, mark)).toEqual({ is: "ok" });
    expect(after(altered, mark, mark)).toMatchObject(FAILED);
    expect(after({}, mark, mark)).toMatchObject(FAILED);
    expect(after(body, `${mark} ${mark}`, mark), "one of two is lost").toMatchObject(FAILED);
    expect(after({}, "", mark)).toMatchObject({ is: "not applicable" });
    expect(after({}, "", "")).toMatchObject(FAILED);
  },
);
