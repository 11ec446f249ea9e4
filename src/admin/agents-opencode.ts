/** OpenCode, which takes its whole list of models from here; or keeps its own and adds one provider by hand. */

import type { Protocol } from "../protocols/protocol.ts";
import type { Agent, Setup } from "./agents.ts";

/** The package with which OpenCode speaks each protocol (clients.md, "OpenCode"). */
const PACKAGE: Readonly<Record<Protocol, string>> = {
  messages: "@ai-sdk/anthropic",
  responses: "@ai-sdk/openai",
  chat: "@ai-sdk/openai-compatible",
};

export const OPENCODE: Agent = {
  id: "opencode",
  name: "OpenCode",
  protocols: ["messages", "responses", "chat"],
  prefers: /claude-(sonnet|opus)/,
  note: ({ discoveryToken }) =>
    discoveryToken === null
      ? "OpenCode asks for its list of models without a key, so it sees every model here; reveal the key to get the address of its own list. To keep OpenCode’s other providers, use the file instead."
      : "The address of the list belongs to this key and shows the models that it may use. To keep OpenCode’s other providers, use the file instead.",
  snippets: (setup) => [
    { title: "Shell", text: registryLines(setup) },
    { title: "opencode.json, instead", text: JSON.stringify(providerOf(setup), null, 2) },
  ],
};

function registryLines({ origin, key, discoveryToken }: Setup): string {
  const list = discoveryToken === null ? `${origin}/models` : `${origin}/models/${discoveryToken}`;
  return [`export OPENCODE_MODELS_URL=${list}`, `export KLEIS_API_KEY=${key}`, "opencode"].join("\n");
}

function providerOf({ origin, model, protocol }: Setup) {
  const { limit } = model.entry;
  return {
    provider: {
      kleis: {
        npm: PACKAGE[protocol],
        name: "Kleis",
        options: { baseURL: `${origin}/v1`, apiKey: "{env:KLEIS_API_KEY}" },
        models: { [model.id]: { name: model.name, limit } },
      },
    },
  };
}
