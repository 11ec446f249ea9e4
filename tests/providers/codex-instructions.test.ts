import { expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { refusals, send, sendUnkeyed } from "./codex-fixture.ts";

const BASE: JsonObject = {
  model: "gpt-5.5",
  include: ["reasoning.encrypted_content"],
  store: false,
  stream: true,
};
const user = { role: "user", content: [{ type: "input_text", text: "q" }] };
const developer = { role: "developer", content: "Be an agent." };
const FALLBACK = "You are a helpful assistant.";
const LITE_HEADERS = { "x-openai-internal-codex-responses-lite": "true" };

test("the client's instructions stay, whatever the input holds", async () => {
  const sent = await sendUnkeyed({ ...BASE, instructions: "Mine.", input: [developer, user] });
  expect(sent.body).toEqual({ ...BASE, instructions: "Mine.", input: [developer, user] });
  expect(sent.changes).toEqual([]);
});

test.each(["system", "developer"])(
  "a %s message moves up into the instructions and out of the input",
  async (role) => {
    const sent = await sendUnkeyed({
      ...BASE,
      instructions: "",
      input: [{ role, content: "Be an agent." }, user],
    });
    expect(sent.body).toEqual({ ...BASE, instructions: "Be an agent.", input: [user] });
    expect(sent.changes).toEqual(["codex-instructions"]);
  },
);

test("only the first one moves, the next speaks as developer", async () => {
  const input = [
    user,
    {
      type: "message",
      role: "system",
      content: [
        { type: "input_text", text: "a" },
        { type: "input_text", text: "b" },
      ],
    },
    { role: "system", content: "c" },
  ];
  const sent = await send({ ...BASE, input });
  expect(sent.body.instructions).toBe("a\nb");
  expect(sent.body.input).toEqual([user, { role: "developer", content: "c" }]);
});

test("a prompt in parts that are called text, as in chat, moves up too", async () => {
  const parts = [
    { type: "text", text: "a" },
    { type: "input_text", text: "b" },
  ];
  const sent = await send({ ...BASE, input: [{ role: "developer", content: parts }, user] });
  expect(sent.body.instructions).toBe("a\nb");
  expect(sent.body.input).toEqual([user]);
});

test("of a prompt with pictures the text moves up and the pictures stay, with nothing put in beside it", async () => {
  const picture = { type: "input_image", image_url: "data:" };
  const source =
    '{"model":"gpt-5.5","input":[{"id":"msg_1","role":"system","content":[{"type":"input_text","text":"a"},' +
    '{"type":"input_image","image_url":"data:"},{"type":"text","text":"b"}]},{"role":"developer","content":"c"}]}';
  const sent = await send(source);
  expect(sent.body.instructions).toBe("a\nb");
  expect(sent.body.input).toEqual([
    { role: "developer", content: [picture] },
    { role: "developer", content: "c" },
  ]);
  expect(refusals(sent.body)).toEqual([]);
});

test("a prompt without any text stays where it is", async () => {
  const input = [
    { role: "developer", content: [{ type: "input_image", image_url: "data:" }] },
    { role: "developer", content: " \n" },
    { role: "developer", content: [] },
    user,
  ];
  const sent = await send({ ...BASE, input });
  expect(sent.body.instructions).toBe(FALLBACK);
  expect(sent.body.input).toEqual(input);
});

test.each(["", " \n\t"])("instructions of blanks, %j, count as none", async (instructions) => {
  const sent = await sendUnkeyed({ ...BASE, instructions, input: [developer, user] });
  expect(sent.body).toMatchObject({ instructions: "Be an agent.", input: [user] });
  expect(sent.changes).toEqual(["codex-instructions"]);
});

test.each([[["Be an agent."]], [{ text: "x" }], [7], [false]])(
  "instructions that are no text, %j, are refused in words and not replaced",
  async (instructions) => {
    for (const headers of [{}, LITE_HEADERS]) {
      await expect(
        send({ ...BASE, instructions, input: [{ type: "additional_tools" }, user] }, { headers }),
      ).rejects.toMatchObject({ code: "invalid_request", param: "instructions" });
    }
    await expect(send({ ...BASE, instructions, input: "hi" })).rejects.toMatchObject({
      code: "invalid_request",
    });
  },
);

test.each([{ input: "hi" }, { input: [user] }, { input: [user], instructions: null }])(
  "a client without any prompt gets a short default: %j",
  async (part) => {
    const sent = await send({ ...BASE, ...part });
    expect(sent.body.instructions).toBe(FALLBACK);
    expect(sent.changes).toContain("codex-instructions");
    expect(refusals(sent.body)).toEqual([]);
  },
);

const CLASSIC: JsonObject = {
  model: "gpt-5.5",
  instructions: "You are Codex.",
  input: [
    { type: "message", role: "developer", content: [{ type: "input_text", text: "<permissions>" }] },
    { type: "message", role: "user", content: [{ type: "input_text", text: "fix it" }] },
    { type: "reasoning", summary: [], content: null, encrypted_content: "AAA" },
    { type: "custom_tool_call", call_id: "call_1", name: "apply_patch", input: "*** Begin Patch" },
    { type: "custom_tool_call_output", call_id: "call_1", output: "done" },
  ],
  tools: [
    {
      type: "custom",
      name: "apply_patch",
      format: { type: "grammar", syntax: "lark", definition: "start: /x/" },
    },
  ],
  tool_choice: "auto",
  parallel_tool_calls: true,
  reasoning: { effort: "medium", summary: "auto" },
  store: false,
  stream: true,
  include: ["reasoning.encrypted_content"],
  prompt_cache_key: "0199-thread",
  text: { verbosity: "low" },
  client_metadata: { originator: "codex_cli_rs" },
};

test("a Codex CLI body goes through with nothing but its cache key changed", async () => {
  const source = JSON.stringify(CLASSIC, null, 2);
  const sent = await send(source, { headers: { "session-id": "0199-thread" } });
  expect(sent.changes).toEqual(["codex-cache-key"]);
  expect(sent.text).toBe(source.replace("0199-thread", String(sent.headers["session-id"])));
  expect(refusals(sent.body)).toEqual([]);
});

const LITE: JsonObject = {
  model: "gpt-6-sol",
  input: [
    { type: "additional_tools", id: "at_1", tools: [{ type: "namespace", name: "functions", tools: [] }] },
    { type: "message", role: "developer", content: [{ type: "input_text", text: "You are Codex." }] },
    { type: "message", role: "user", content: [{ type: "input_text", text: "fix it" }] },
    {
      type: "custom_tool_call",
      id: "ctc_1",
      call_id: "call_1",
      name: "exec",
      namespace: "functions",
      input: "ls",
    },
    { type: "custom_tool_call_output", call_id: "call_1", output: "a" },
  ],
  tool_choice: "auto",
  parallel_tool_calls: true,
  reasoning: { effort: "high" },
  store: false,
  stream: true,
  include: ["reasoning.encrypted_content"],
  prompt_cache_key: "0199-thread",
};

test("the newer Codex body stays whole, and its header travels with it", async () => {
  const source = JSON.stringify(LITE);
  const sent = await send(source, { headers: LITE_HEADERS });
  expect(sent.changes).toEqual(["codex-cache-key"]);
  expect(sent.text).toBe(source.replace("0199-thread", String(sent.headers["session-id"])));
  expect(sent.headers).toMatchObject(LITE_HEADERS);
});

test("the same body without its header is an ordinary one and gets instructions", async () => {
  const sent = await send(LITE);
  expect(sent.body.instructions).toBe("You are Codex.");
  expect(refusals(sent.body)).toEqual([]);
});

test("in the newer form too, what cannot work is taken out", async () => {
  const input = [
    ...(LITE.input as JsonObject[]),
    { type: "reasoning", id: "rs_1", summary: [] },
    { type: "item_reference", id: "msg_1" },
    { role: "system", content: "s" },
  ];
  const sent = await send({ ...LITE, input, temperature: 1 }, { headers: LITE_HEADERS });
  expect(sent.body.input).toEqual([...(LITE.input as JsonObject[]), { role: "developer", content: "s" }]);
  expect(sent.body).not.toHaveProperty("temperature");
});
