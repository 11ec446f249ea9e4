/** The AI SDK, through each of its three provider packages, on models that are reached by translation only. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  generateText,
  isStepCount,
  type LanguageModel,
  type ModelMessage,
  Output,
  streamText,
  type TextStreamPart,
  type ToolSet,
  tool,
} from "ai";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { Protocol } from "../../src/protocols/protocol.ts";
import {
  answerSchema,
  expectReasoning,
  itemsOf,
  reasoningTurn,
  script,
  type Target,
  targetsOf,
} from "./foreign.ts";
import { all, FORMS, openScene, PIXEL, refusalOf } from "./scene.ts";

const scene = openScene();

interface Package {
  readonly name: string;
  readonly from: Protocol;
  open(settings: { baseURL: string; apiKey: string; fetch: typeof fetch }, id: string): LanguageModel;
  /** It sends back what proves the reasoning; the compatible package sends back its text alone. */
  readonly keepsProof: boolean;
}

const PACKAGES: readonly Package[] = [
  {
    name: "@ai-sdk/anthropic",
    from: "messages",
    open: (settings, id) => createAnthropic(settings)(id),
    keepsProof: true,
  },
  {
    name: "@ai-sdk/openai",
    from: "responses",
    open: (settings, id) => createOpenAI(settings)(id),
    keepsProof: true,
  },
  {
    name: "@ai-sdk/openai-compatible",
    from: "chat",
    open: (settings, id) =>
      createOpenAICompatible({
        name: "kleis",
        supportsStructuredOutputs: true,
        includeUsage: true,
        ...settings,
      })(id),
    keepsProof: false,
  },
];

const WAYS = PACKAGES.flatMap((sdk) =>
  targetsOf(sdk.from).map((target) => ({ title: `${sdk.name} on ${target.id}`, sdk, target })),
);

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

const HELLO: ModelMessage = {
  role: "user",
  content: [
    { type: "file", mediaType: "image/png", data: PIXEL },
    { type: "text", text: "Hello there" },
  ],
};

function open(sdk: Package, target: Target) {
  const { root, wire, common } = scene.settings(target.account);
  const model = sdk.open({ baseURL: `${root}/v1`, apiKey: common.apiKey, fetch: wire.fetch }, target.id);
  const providerOptions = {
    // Without it the package refers to items that it takes for kept at OpenAI.
    openai: { store: false },
    // Without it the package asks models that it does not know to call a tool for it.
    anthropic: { structuredOutputMode: "outputFormat" },
  };
  return {
    wire,
    call: { model, maxRetries: 0, maxOutputTokens: 2000, stopWhen: isStepCount(5), providerOptions },
  };
}

/** Both forms of one call, brought to the same facts. */
async function ask(sdk: Package, target: Target, streams: boolean, withTools = false) {
  const { wire, call } = open(sdk, target);
  const question = { instructions: "Be brief.", messages: [HELLO], ...(withTools ? { tools } : {}) };
  if (!streams) {
    const { text, finishReason, usage, steps, response } = await generateText({ ...call, ...question });
    return { wire, text, finishReason, tokens: usage.outputTokens, steps, modelId: response.modelId };
  }
  const result = streamText({ ...call, ...question, onError: () => {} });
  const failed = (await all<TextStreamPart<typeof tools>>(result.stream)).find(
    ({ type }) => type === "error",
  );
  if (failed?.type === "error") throw failed.error;
  return {
    wire,
    text: await result.text,
    finishReason: await result.finishReason,
    tokens: (await result.usage).outputTokens,
    steps: await result.steps,
    modelId: (await result.response).modelId,
  };
}

describe.each(WAYS)("$title", ({ sdk, target }) => {
  describe.each(FORMS)("$form", ({ streams }) => {
    test("reads text about an image, its end, its usage and the model's id", async () => {
      const { wire, ...heard } = await ask(sdk, target, streams);
      expect(heard).toMatchObject({
        text: `The fake ${target.id} heard: Hello there`,
        finishReason: "stop",
        modelId: target.id,
        tokens: expect.toSatisfy((count) => count > 0),
      });
      expect(wire.changes()[0]).toBe(`translated:${sdk.from}-${target.to}`);
      expect(scene.only().path).toBe(target.path);
      expect(scene.only().bytes.toString()).toContain(PIXEL);
    });

    test("runs tools in parallel, after reasoning, over three more steps with a history that stays", async () => {
      const sealed = ["Z0FBQUFBb25l", "Z0FBQUFBdHdv"];
      script(scene, target, "parallel-tools", ...sealed.map((proof) => reasoningTurn(target, proof)), "text");
      const { steps, text } = await ask(sdk, target, streams, true);
      expect(steps.map(({ finishReason }) => finishReason)).toEqual([
        "tool-calls",
        "tool-calls",
        "tool-calls",
        "stop",
      ]);
      expect(steps[0]!.toolResults).toMatchObject([
        { toolName: "read_file", input: { path: "path value" }, output: "contents of path value" },
        { toolName: "bash", input: { command: "command value" }, output: "output of command value" },
      ]);
      expect(steps[1]!.reasoningText).toBe(target.reasoning);
      expect(text).toContain("Hello there");
      const requests = scene.upstream();
      for (const [step, request] of requests.entries()) {
        expectReasoning(target, request, sdk.keepsProof ? sealed.slice(0, Math.max(0, step - 1)) : []);
        const before = itemsOf(requests[step - 1] ?? request);
        expect(itemsOf(request).slice(0, before.length)).toEqual(before);
      }
    });

    test("throws for too long a conversation, for an error inside the answer, and for a limit", async () => {
      script(scene, target, target.overflows, target.fails, "error:429");
      const refused = async (status: number) => {
        const refusal = await refusalOf(ask(sdk, target, streams));
        expect(APICallError.isInstance(refusal) && refusal.statusCode).toBe(status);
      };
      await refused(400);
      expect(await refusalOf(ask(sdk, target, streams))).toBeInstanceOf(Object);
      await refused(429);
    });
  });

  test("reads an answer by a schema", async () => {
    script(scene, target, { scenario: "text", text: '{"answer":42}' });
    const { call } = open(sdk, target);
    const schema = z.object({ answer: z.number() });
    const { output } = await generateText({ ...call, prompt: "Which?", output: Output.object({ schema }) });
    expect(output).toEqual({ answer: 42 });
    expect(answerSchema(scene.only())).toMatchObject({
      properties: { answer: { type: "number" } },
      required: ["answer"],
    });
  });

  test("learns of a stream that breaks off, and does not take the part for the whole", async () => {
    script(scene, target, { scenario: "text", cutAfterEvents: 7 });
    const result = streamText({ ...open(sdk, target).call, prompt: "Hello", onError: () => {} });
    const parts = await all<TextStreamPart<ToolSet>>(result.stream);
    expect(parts.some(({ type }) => type === "error")).toBe(true);
    expect(parts.find((part) => part.type === "finish")?.finishReason ?? "error").not.toBe("stop");
  });
});
