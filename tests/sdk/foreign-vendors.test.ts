/** The vendors' SDKs on models that their protocol reaches by translation only. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { Protocol } from "../../src/protocols/protocol.ts";
import * as anthropic from "./anthropic-talk.ts";
import { answerSchema, expectReasoning, itemsOf, reasoningTurn, script, targetsOf } from "./foreign.ts";
import * as openai from "./openai-talk.ts";
import { FORMS, openScene, PIXEL, refusalOf, type Settings } from "./scene.ts";

const scene = openScene();

/** What a user sees of one answer. */
interface Heard {
  readonly text: string;
  readonly calls: readonly (readonly [name: string, input: unknown])[];
  readonly stop: unknown;
  readonly model: string;
  readonly tokens: number | undefined;
}

interface Question {
  readonly model: string;
  readonly tools?: boolean;
  readonly image?: boolean;
  readonly schema?: Record<string, unknown>;
}

/** A conversation that the client keeps: each call asks, runs the tools that the answer calls, and remembers both. */
type Talk = (streams: boolean) => Promise<Heard>;

interface Sdk {
  readonly name: string;
  readonly from: Protocol;
  /** How it names the end of a turn, and a turn that calls tools. */
  readonly stops: readonly [end: string, tools: string];
  readonly errors: { readonly limit: unknown; readonly any: new (...args: never[]) => Error };
  /** What makes its agents compact. */
  readonly tooLong: RegExp;
  talk(settings: Settings, question: Question): Talk;
}

const HELLO = "Hello there";
const DATA_URL = `data:image/png;base64,${PIXEL}`;

function talkMessages({ root, common }: Settings, question: Question): Talk {
  const client = new Anthropic({ ...common, authToken: null, baseURL: root });
  const image: Anthropic.ImageBlockParam = {
    type: "image",
    source: { type: "base64", media_type: "image/png", data: PIXEL },
  };
  let params: anthropic.Params = {
    model: question.model,
    max_tokens: 2000,
    system: "Be brief.",
    messages: [anthropic.user(question.image ? [image, { type: "text", text: HELLO }] : HELLO)],
    ...(question.tools ? { tools: anthropic.TOOLS } : {}),
    ...(question.schema === undefined
      ? {}
      : { output_config: { format: { type: "json_schema", schema: question.schema } } }),
  };
  return async (streams) => {
    const message = await anthropic.ask(client, streams, params);
    params = anthropic.answered(params, message, anthropic.runTools(message));
    return {
      text: anthropic.textOf(message),
      calls: anthropic.callsOf(message).map(({ name, input }) => [name, input]),
      stop: message.stop_reason,
      model: message.model,
      tokens: message.usage.output_tokens,
    };
  };
}

function talkResponses({ root, common }: Settings, question: Question): Talk {
  const client = new OpenAI({ ...common, baseURL: `${root}/v1` });
  const { schema } = question;
  let params: openai.Params = {
    model: question.model,
    instructions: "Be brief.",
    store: false,
    include: ["reasoning.encrypted_content"],
    input: [
      question.image
        ? {
            role: "user",
            content: [
              { type: "input_image", image_url: DATA_URL, detail: "auto" },
              { type: "input_text", text: HELLO },
            ],
          }
        : openai.user(HELLO),
    ],
    ...(question.tools ? { tools: openai.TOOLS } : {}),
    ...(schema === undefined ? {} : { text: { format: { type: "json_schema", name: "fact", schema } } }),
  };
  return async (streams) => {
    const response = await openai.ask(client, streams, params);
    params = openai.answered(params, response);
    return {
      text: response.output
        .flatMap((item) => (item.type === "message" ? item.content : []))
        .map((part) => (part.type === "output_text" ? part.text : ""))
        .join(""),
      calls: openai.callsOf(response).map(({ name, arguments: json }) => [name, JSON.parse(json)]),
      stop: response.status,
      model: response.model,
      tokens: response.usage?.output_tokens,
    };
  };
}

function talkChat({ root, common }: Settings, question: Question): Talk {
  const client = new OpenAI({ ...common, baseURL: `${root}/v1` });
  const { schema } = question;
  let params: openai.ChatParams = {
    model: question.model,
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: question.image
          ? [
              { type: "image_url", image_url: { url: DATA_URL } },
              { type: "text", text: HELLO },
            ]
          : HELLO,
      },
    ],
    ...(question.tools ? { tools: openai.CHAT_TOOLS } : {}),
    ...(schema === undefined
      ? {}
      : { response_format: { type: "json_schema", json_schema: { name: "fact", schema } } }),
  };
  return async (streams) => {
    // Usage is the client's choice in a stream.
    const usage = streams ? { stream_options: { include_usage: true } } : {};
    const completion = await openai.chat(client, streams, { ...params, ...usage });
    const message = openai.messageOf(completion);
    params = openai.chatAnswered(params, message);
    return {
      text: message.content ?? "",
      calls: openai.chatCallsOf(message).map(([, name, json]) => [name, JSON.parse(json)]),
      stop: completion.choices[0]?.finish_reason,
      model: completion.model,
      tokens: completion.usage?.completion_tokens,
    };
  };
}

const SDKS: readonly Sdk[] = [
  {
    name: "Anthropic's SDK",
    from: "messages",
    stops: ["end_turn", "tool_use"],
    errors: { limit: Anthropic.RateLimitError, any: Anthropic.AnthropicError },
    tooLong: /prompt is too long/,
    talk: talkMessages,
  },
  {
    name: "OpenAI's SDK in responses",
    from: "responses",
    stops: ["completed", "completed"],
    errors: { limit: OpenAI.RateLimitError, any: Error },
    tooLong: /context_length_exceeded|context window/,
    talk: talkResponses,
  },
  {
    name: "OpenAI's SDK in chat",
    from: "chat",
    stops: ["stop", "tool_calls"],
    errors: { limit: OpenAI.RateLimitError, any: OpenAI.OpenAIError },
    tooLong: /context_length_exceeded|context length|context window/,
    talk: talkChat,
  },
];

const WAYS = SDKS.flatMap((sdk) =>
  targetsOf(sdk.from).map((target) => ({ title: `${sdk.name} on ${target.id}`, sdk, target })),
);

const SCHEMA = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};

describe.each(WAYS)("$title", ({ sdk, target }) => {
  const open = (question: Omit<Question, "model"> = {}) => {
    const settings = scene.settings(target.account);
    return { wire: settings.wire, ask: sdk.talk(settings, { model: target.id, ...question }) };
  };

  describe.each(FORMS)("$form", ({ streams }) => {
    test("reads text about an image, its end, its usage and the model's id", async () => {
      const { wire, ask } = open({ image: true });
      expect(await ask(streams)).toEqual({
        text: `The fake ${target.id} heard: ${HELLO}`,
        calls: [],
        stop: sdk.stops[0],
        model: target.id,
        tokens: expect.toSatisfy((count) => count > 0),
      });
      expect(wire.changes()[0]).toBe(`translated:${sdk.from}-${target.to}`);
      expect(scene.only().path).toBe(target.path);
      expect(scene.only().bytes.toString()).toContain(PIXEL);
    });

    test("runs tools in parallel and sends their results back", async () => {
      script(scene, target, "parallel-tools", "text");
      const { ask } = open({ tools: true });
      const called = await ask(streams);
      expect(called.stop).toBe(sdk.stops[1]);
      expect(called.calls).toEqual([
        ["read_file", { path: "path value" }],
        ["bash", { command: "command value" }],
      ]);
      expect((await ask(streams)).text).toContain(HELLO);
      const [first, second] = scene.upstream().map(itemsOf);
      expect(second!.slice(0, first!.length)).toEqual(first);
      expect(second!.join()).toMatch(/contents of path value.*output of command value/);
    });

    test("asks for an answer by a schema", async () => {
      script(scene, target, { scenario: "text", text: '{"answer":42}' });
      const { ask } = open({ schema: SCHEMA });
      expect(JSON.parse((await ask(streams)).text)).toEqual({ answer: 42 });
      expect(answerSchema(scene.only())).toEqual(SCHEMA);
    });

    test("gives all reasoning back over three turns, after a history that stays as it was", async () => {
      const sealed = ["Z0FBQUFBb25l", "Z0FBQUFBdHdv"];
      script(scene, target, ...sealed.map((proof) => reasoningTurn(target, proof)), "text");
      const { ask } = open({ tools: true });
      expect((await ask(streams)).calls).toHaveLength(1);
      expect((await ask(streams)).calls).toHaveLength(1);
      expect((await ask(streams)).text).toContain(HELLO);
      const requests = scene.upstream();
      for (const [turn, request] of requests.entries())
        expectReasoning(target, request, sealed.slice(0, turn));
      const [first, second, third] = requests.map(itemsOf);
      expect(second!.slice(0, first!.length)).toEqual(first);
      expect(third!.slice(0, second!.length)).toEqual(second);
    });

    test("throws for too long a conversation, for an error inside the answer, and for a limit", async () => {
      script(scene, target, target.overflows, target.fails, "error:429");
      const tooLong = await refusalOf(open().ask(streams));
      expect(tooLong).toMatchObject({ status: 400 });
      expect(`${String(tooLong)} ${JSON.stringify(tooLong)}`).toMatch(sdk.tooLong);
      expect(await refusalOf(open().ask(streams))).toBeInstanceOf(sdk.errors.any);
      expect(await refusalOf(open().ask(streams))).toBeInstanceOf(sdk.errors.limit);
    });
  });

  test("throws for a stream that breaks off", async () => {
    script(scene, target, { scenario: "text", cutAfterEvents: 7 });
    expect(await refusalOf(open().ask(true))).toBeInstanceOf(sdk.errors.any);
  });
});
