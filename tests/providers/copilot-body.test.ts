import { describe, expect, test } from "vitest";
import { applyEdits } from "../../src/protocols/json-edit.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import { prepared } from "./copilot-setup.ts";

/** The body as it goes upstream, and the changes declared. */
async function sent(operation: Operation, source: string): Promise<{ body: string; changes: string[] }> {
  const { edits } = await prepared(source, { operation });
  const bytes = applyEdits(new TextEncoder().encode(source), edits);
  return { body: new TextDecoder().decode(bytes), changes: [...new Set(edits.map((edit) => edit.change))] };
}

async function untouched(operation: Operation, source: string): Promise<void> {
  expect(await sent(operation, source)).toEqual({ body: source, changes: [] });
}

describe("a chat body", () => {
  test("asks for usage where a stream did not, and keeps every other byte", async () => {
    expect(
      await sent("chat", '{ "model":"grok-4.6",\n "messages":[{"content":"caf\\u00e9"}], "stream": true }'),
    ).toEqual({
      body: '{ "model":"grok-4.6",\n "messages":[{"content":"caf\\u00e9"}], "stream": true,"stream_options":{"include_usage":true} }',
      changes: ["copilot-usage"],
    });
  });

  test("keeps the stream options it has", async () => {
    expect((await sent("chat", '{"stream":true,"stream_options":{"include_obfuscation":false}}')).body).toBe(
      '{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}',
    );
    expect((await sent("chat", '{"stream":true,"stream_options":null}')).body).toBe(
      '{"stream":true,"stream_options":{"include_usage":true}}',
    );
  });

  test("passes as it came when nothing is missing", async () => {
    await untouched("chat", '{"stream":true,"stream_options":{"include_usage":true}}');
    await untouched("chat", '{"stream":true,"stream_options":{"include_usage":false}}');
    await untouched("chat", '{"stream":false,"messages":[]}');
    await untouched("chat", '{"messages":[],"service_tier":"auto","future_field":{"$schema":1}}');
  });
});

describe("a responses body", () => {
  const GOOD = '"store":false,"include":["reasoning.encrypted_content"]';

  test("passes as it came when the backend takes it", async () => {
    await untouched(
      "responses",
      `{"model":"gpt-5.6-sol","input":"hi",${GOOD},"stream":true,"max_output_tokens":32000}`,
    );
  });

  test("is not stored, and brings its reasoning along", async () => {
    expect(await sent("responses", '{"input":"hi"}')).toEqual({
      body: '{"input":"hi","store":false,"include":["reasoning.encrypted_content"]}',
      changes: ["copilot-store", "copilot-include"],
    });
    expect((await sent("responses", '{"store":true,"include":["x"]}')).body).toBe(
      '{"store":false,"include":["x","reasoning.encrypted_content"]}',
    );
  });

  test("loses the service tier", async () => {
    expect(await sent("responses", `{"service_tier":"priority",${GOOD}}`)).toEqual({
      body: `{${GOOD}}`,
      changes: ["copilot-fields"],
    });
  });

  test("loses hosted web search and keeps the other tools", async () => {
    const tool = '{"type":"function","name":"web_search"}';
    const choice = '"tool_choice":"auto"';
    expect(
      (
        await sent(
          "responses",
          `{${GOOD},"tools":[{"type":"web_search"},${tool},{"type":"web_search_preview_2025_03_11"}],${choice}}`,
        )
      ).body,
    ).toBe(`{${GOOD},"tools":[${tool}],${choice}}`);
    expect(
      (
        await sent(
          "responses",
          `{${GOOD},"tools":[{"type":"web_search"},${tool}],"tool_choice":{"type":"web_search"}}`,
        )
      ).body,
    ).toBe(`{${GOOD},"tools":[${tool}]}`);
    expect(
      (await sent("responses", `{${GOOD},"tools":[{"type":"web_search"}],"tool_choice":"required"}`)).body,
    ).toBe(`{${GOOD}}`);
  });

  test("loses the ids of replayed items, and only those", async () => {
    const input = (id: string, nullId: string) =>
      `[{"type":"reasoning",${id}"encrypted_content":"gAAAA","summary":[]},` +
      `{"type":"function_call",${id}"call_id":"call_1","name":"f","arguments":"{\\"id\\":1}"},` +
      `{"type":"function_call_output",${nullId}"call_id":"call_1","output":[{"id":"kept"}]},` +
      `{"role":"user","content":"hi"}]`;
    expect(await sent("responses", `{${GOOD},"input":${input('"id":"rs_1",', '"id":null,')}}`)).toEqual({
      body: `{${GOOD},"input":${input("", "")}}`,
      changes: ["copilot-item-ids"],
    });
  });

  test("loses references to items that nobody kept", async () => {
    const input = (...items: string[]) =>
      `{${GOOD},"input":[{"role":"user","content":"q"},${items.join("")}{"role":"user","content":"r"}]}`;
    const references = ['{"type":"item_reference","id":"msg_1"},', '{"id":"msg_2"},'];
    expect(await sent("responses", input(...references))).toEqual({
      body: input(),
      changes: ["copilot-item-ids"],
    });
  });

  test("is refused with the way out where a tool's answer has its call only referred to", async () => {
    const input = [
      null,
      { type: "item_reference", id: "fc_1" },
      { type: "function_call_output", call_id: "call_1", output: "x" },
    ];
    await expect(prepared({ input }, { operation: "responses" })).rejects.toMatchObject({
      code: "invalid_request",
      param: "input[2]",
      message: expect.stringMatching(/GitHub Copilot keeps no earlier items.*`store`/),
    });
    const call = { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" };
    await prepared({ input: [call, ...input] }, { operation: "responses" });
  });

  test("asks for images in a detail that the backend knows", async () => {
    const input = (first: string, second: string) =>
      `[{"role":"user","content":[{"type":"input_text","text":"see"},{"type":"input_image","detail":${first}},` +
      `{"type":"input_image","detail":"low"},{"type":"input_image"}]},` +
      `{"type":"function_call_output","output":[{"type":"input_image","detail":${second}}]}]`;
    expect(await sent("responses", `{${GOOD},"input":${input('"auto"', '"original"')}}`)).toEqual({
      body: `{${GOOD},"input":${input('"high"', '"high"')}}`,
      changes: ["copilot-images"],
    });
  });
});

describe.each<Operation>(["messages", "count_tokens"])("a %s body", (operation) => {
  test("loses the tool fields that the backend refuses, at the schema's top only", async () => {
    const tools = (schema: string, eager: string) =>
      `[{"name":"bash","input_schema":{${schema}"type":"object","properties":{"$schema":{"type":"string"}}}${eager}},` +
      `{"name":"read","input_schema":{"type":"object"}}]`;
    expect(
      await sent(
        operation,
        `{"tools":${tools('"$schema":"https://json-schema.org/draft/2020-12/schema",', ',"eager_input_streaming":true')}}`,
      ),
    ).toEqual({ body: `{"tools":${tools("", "")}}`, changes: ["copilot-fields"] });
  });

  test("passes as it came otherwise, thinking and cache marks included", async () => {
    await untouched(
      operation,
      '{"model":"claude-opus-4.8","stream":true,"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}],' +
        '"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"s"}]}],"tools":[]}',
    );
  });
});
