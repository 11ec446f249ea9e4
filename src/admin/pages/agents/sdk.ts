/** The vendors' own libraries, for programs of the owner. */
import type { Agent, Setup, Snippet } from "./agent.ts";

const KEY = "process.env.KLEIS_API_KEY";

export const SDKS: Agent = {
  id: "sdk",
  name: "SDKs",
  protocols: ["responses", "messages", "chat"],
  note: ({ protocol }) =>
    protocol === "responses"
      ? "With the AI SDK’s OpenAI provider also set providerOptions: { openai: { store: false } }: a subscription keeps nothing that a later request could refer to."
      : "KLEIS_API_KEY holds the key.",
  snippets: (setup) => [
    { title: "Shell", text: `export KLEIS_API_KEY=${setup.key}` },
    ...(setup.protocol === "messages" ? anthropic(setup) : openai(setup)),
  ],
};

function anthropic({ origin, model }: Setup): Snippet[] {
  const name = JSON.stringify(model.id);
  return [
    {
      title: "TypeScript, @anthropic-ai/sdk",
      text: `import Anthropic from "@anthropic-ai/sdk";

const anthropic = new Anthropic({ baseURL: "${origin}", authToken: ${KEY} });
const message = await anthropic.messages.create({
  model: ${name},
  max_tokens: 1000,
  messages: [{ role: "user", content: "Say pong." }],
});`,
    },
    {
      title: "Python, anthropic",
      text: `import os
from anthropic import Anthropic

client = Anthropic(base_url="${origin}", auth_token=os.environ["KLEIS_API_KEY"])
message = client.messages.create(
    model=${name},
    max_tokens=1000,
    messages=[{"role": "user", "content": "Say pong."}],
)`,
    },
    {
      title: "TypeScript, AI SDK",
      text: `import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText } from "ai";

const kleis = createAnthropic({ baseURL: "${origin}/v1", apiKey: ${KEY} });
const { text } = await generateText({ model: kleis(${name}), prompt: "Say pong." });`,
    },
  ];
}

function openai({ origin, model, protocol }: Setup): Snippet[] {
  const name = JSON.stringify(model.id);
  const isChat = protocol === "chat";
  const create = isChat
    ? `openai.chat.completions.create({
  model: ${name},
  messages: [{ role: "user", content: "Say pong." }],
});`
    : `openai.responses.create({ model: ${name}, input: "Say pong." });`;
  const pythonCreate = isChat
    ? `client.chat.completions.create(
    model=${name},
    messages=[{"role": "user", "content": "Say pong."}],
)`
    : `client.responses.create(model=${name}, input="Say pong.")`;
  return [
    {
      title: "TypeScript, openai",
      text: `import OpenAI from "openai";

const openai = new OpenAI({ baseURL: "${origin}/v1", apiKey: ${KEY} });
const answer = await ${create}`,
    },
    {
      title: "Python, openai",
      text: `import os
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ["KLEIS_API_KEY"])
answer = ${pythonCreate}`,
    },
    {
      title: "TypeScript, AI SDK",
      text: isChat
        ? `import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const kleis = createOpenAICompatible({ name: "kleis", baseURL: "${origin}/v1", apiKey: ${KEY} });
const { text } = await generateText({ model: kleis(${name}), prompt: "Say pong." });`
        : `import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";

const kleis = createOpenAI({ baseURL: "${origin}/v1", apiKey: ${KEY} });
const { text } = await generateText({
  model: kleis(${name}),
  prompt: "Say pong.",
  providerOptions: { openai: { store: false } },
});`,
    },
  ];
}
