/** The AI SDK with its OpenAI, Anthropic and OpenAI-compatible providers, on every account and protocol of Kleis. */
import {
  APICallError,
  generateText,
  isStepCount,
  type ModelMessage,
  streamText,
  type TextStreamPart,
  type ToolSet,
  tool,
} from "ai";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { type Dict, objectsOf } from "../fakes/inspect.ts";
import { type Way, waysOf } from "./ai-sdk-ways.ts";
import { all, FORMS, OWN_AGENT, openScene, PIXEL, refusalOf } from "./scene.ts";

const scene = openScene();
const WAYS = waysOf(scene);

const tools = {
  read_file: tool({
    description: "Reads a file",
    inputSchema: z.object({ path: z.string() }),
    execute: async ({ path }) => `contents of ${path}`,
  }),
  bash: tool({
    description: "Runs a command",
    inputSchema: z.object({ command: z.string(), timeout: z.number().optional() }),
    execute: async ({ command }) => `output of ${command}`,
  }),
};

interface Question {
  messages: ModelMessage[];
  tools?: typeof tools;
}

const HELLO: Question = { messages: [{ role: "user", content: "Hello there" }] };

/** Both forms of one call, brought to the same facts. */
async function ask(way: Way, streams: boolean, question: Question, changed: Changed = {}) {
  const { model, wire } = open(way, changed);
  const call = {
    model,
    instructions: "Be brief.",
    maxRetries: 0,
    stopWhen: isStepCount(5),
    ...(way.options === undefined ? {} : { providerOptions: way.options }),
    ...question,
  };
  if (!streams) {
    const { text, finishReason, usage, steps, response } = await generateText(call);
    return { wire, text, finishReason, usage, steps, modelId: response.modelId };
  }
  const result = streamText({ ...call, onError: () => {} });
  const failed = (await all<TextStreamPart<typeof tools>>(result.stream)).find(
    ({ type }) => type === "error",
  );
  if (failed?.type === "error") throw failed.error;
  const { modelId } = await result.response;
  return {
    wire,
    text: await result.text,
    finishReason: await result.finishReason,
    usage: await result.usage,
    steps: await result.steps,
    modelId,
  };
}

interface Changed {
  key?: string;
  prefix?: string;
  id?: string;
}

function open(way: Way, { id = way.id, ...settings }: Changed = {}) {
  const { root, wire, common } = scene.settings(way.account, settings);
  return { wire, model: way.model(root, common.apiKey, wire, id) };
}

function fakeOf(way: Way) {
  return scene.fakes[
    way.account === "claudeKey" ? "claude" : way.account === "openaiKey" ? "codex" : way.account
  ];
}

/** The names of the declared tools, wherever the protocol keeps them. */
function declared(body: Dict): unknown[] {
  return objectsOf(body.tools).map((entry) => entry.name ?? (entry.function as Dict).name);
}

describe.each(WAYS)("the AI SDK with $name", (way) => {
  describe.each(FORMS)("$form", ({ streams }) => {
    test("reads text, usage and the model's id; the provider gets Kleis's headers only", async () => {
      const { wire, text, finishReason, usage, modelId } = await ask(way, streams, HELLO);
      expect(text).toBe(`The fake ${way.id} heard: Hello there`);
      expect(finishReason).toBe("stop");
      expect(modelId).toBe(way.id);
      expect(usage.outputTokens).toBeGreaterThan(0);
      const request = scene.only();
      expect(request.path).toBe(way.path);
      expect(request.headers).toEqual({
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": OWN_AGENT,
        ...way.headers(streams),
      });
      expect(wire.changes()).toEqual(way.changes(streams));
      expect(wire.last().headers.get("x-kleis-account")).toBe(scene.account(way.account).id);
      if (way.changes(streams)[0] === "none") expect(request.bytes.equals(wire.last().bytes)).toBe(true);
    });

    test("runs tools in parallel over several steps and sends their results back", async () => {
      fakeOf(way).script("parallel-tools", "text");
      const { steps, text } = await ask(way, streams, { ...HELLO, tools });
      expect(steps).toHaveLength(2);
      expect(steps[0]!.finishReason).toBe("tool-calls");
      expect(steps[0]!.toolResults).toMatchObject([
        { toolName: "read_file", input: { path: "path value" }, output: "contents of path value" },
        { toolName: "bash", input: { command: "command value" }, output: "output of command value" },
      ]);
      expect(text).not.toBe("");
      const [first, second] = scene.upstream();
      expect(declared(first!.body)).toEqual(way.tools);
      const replayed = JSON.stringify(second!.body.messages ?? second!.body.input);
      for (const name of way.tools) expect(replayed).toContain(`"name":"${name}"`);
      expect(replayed).toMatch(/contents of path value.*output of command value/);
      if (way.account === "copilot") {
        expect(first!.headers["x-initiator"]).toBe("user");
        expect(second!.headers["x-initiator"]).toBe("agent");
      }
    });

    test("sends an image", async () => {
      const image: ModelMessage = {
        role: "user",
        content: [
          { type: "file", mediaType: "image/png", data: PIXEL },
          { type: "text", text: "What is this?" },
        ],
      };
      const { text } = await ask(way, streams, { messages: [image] });
      expect(text).toContain("What is this?");
      expect(scene.only().bytes.toString()).toContain(PIXEL);
      expect(scene.only().headers["copilot-vision-request"]).toBe(
        way.account === "copilot" ? "true" : undefined,
      );
    });

    test("reads the prefixed id that it asked for, while the provider gets its own", async () => {
      const id = `${way.account.replace("Key", "").replace(/^openai$/, "codex")}/${way.id}`;
      const { modelId, wire } = await ask(way, streams, HELLO, { id, prefix: "" });
      expect(modelId).toBe(id);
      expect(scene.only().body.model).toBe(way.id);
      expect(wire.changes()[0]).toBe("model-prefix");
    });

    test("throws APICallError for a wrong key, an unknown model and a limit, and knows which to repeat", async () => {
      const stranger = await refusalOf(ask(way, streams, HELLO, { key: `kleis_${"x".repeat(43)}` }));
      expect(APICallError.isInstance(stranger) && [stranger.statusCode, stranger.isRetryable]).toEqual([
        401,
        false,
      ]);
      const missing = await refusalOf(
        ask(way, streams, HELLO, { id: "no-such-model", prefix: "", key: scene.key }),
      );
      expect(APICallError.isInstance(missing) && [missing.statusCode, missing.message]).toEqual([
        404,
        expect.stringContaining("no-such-model"),
      ]);
      expect(scene.upstream()).toEqual([]);

      fakeOf(way).script("error:429", "error:500");
      const limited = await refusalOf(ask(way, streams, HELLO));
      expect(APICallError.isInstance(limited) && limited.statusCode).toBe(429);
      await scene.uncool();
      const broken = await refusalOf(ask(way, streams, HELLO));
      expect(APICallError.isInstance(broken) && [broken.statusCode, broken.isRetryable]).toEqual([500, true]);
    });
  });

  test("learns of a stream that breaks off, and does not take the part for the whole", async () => {
    fakeOf(way).script({ scenario: "text", cutAfterEvents: 4 });
    const { model } = open(way);
    const result = streamText({ model, prompt: "Hello there", maxRetries: 0, onError: () => {} });
    const parts = await all<TextStreamPart<ToolSet>>(result.stream);
    expect(parts.some(({ type }) => type === "error")).toBe(true);
    expect(parts.find((part) => part.type === "finish")?.finishReason ?? "error").not.toBe("stop");
  });
});

const REASONING_WAYS = WAYS.flatMap((way) =>
  FORMS.flatMap((form) =>
    way.reasoning === null ? [] : [{ ...form, name: way.name, way, ...way.reasoning }],
  ),
);

test.each(REASONING_WAYS)(
  "the AI SDK with $name, $form, reasons and sends its reasoning back with what proves it",
  async ({ way, streams, play, text }) => {
    play();
    const { steps } = await ask(way, streams, { ...HELLO, tools });
    expect(steps[0]!.reasoningText).toBe(text);
    expect(steps).toHaveLength(2);
    const replayed = JSON.stringify(scene.upstream()[1]!.body.messages ?? scene.upstream()[1]!.body.input);
    expect(replayed).toContain(text);
    expect(replayed).toMatch(/"signature":"RmFrZVNpZ25hdHVyZQ|"encrypted_content":"Z0FBQUFB/);
  },
);

const KEEPING_WAYS = WAYS.flatMap(({ options, ...way }) => {
  const { account: provider, name } = way;
  if (options === undefined || (provider !== "codex" && provider !== "copilot")) return [];
  return FORMS.map((form) => ({ ...form, name, provider, way }));
});

test.each(KEEPING_WAYS)(
  "the AI SDK's default to keep items at OpenAI works with $name, which keeps none, $form",
  async ({ provider, way, streams }) => {
    scene.fakes[provider].script("reasoning-tool", "text");
    const { steps, wire } = await ask(way, streams, { ...HELLO, tools });
    expect(steps).toHaveLength(2);
    expect(JSON.stringify(wire.last().body.input)).toContain("item_reference");
    const [, second] = scene.upstream();
    expect(second!.body.store).toBe(false);
    const kinds = objectsOf(second!.body.input).map((item) => item.type ?? item.role);
    expect(kinds.filter((kind) => kind !== "developer")).toEqual([
      "user",
      "function_call",
      "function_call_output",
    ]);
    expect(wire.changes()).toEqual(expect.arrayContaining([`${provider}-store`, `${provider}-item-ids`]));
  },
);
