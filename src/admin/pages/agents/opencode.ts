/** OpenCode, which takes its whole list of models from here; or keeps its own and adds one provider by hand. */

import type { Protocol } from "../../../protocols/protocol.ts";
import { type Agent, keyLine, modelsFor, modelsInFile, protocolFor, type Setup, SHELL } from "./agent.ts";

/** The package with which OpenCode speaks each protocol (clients.md §2). */
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
      ? "The address of the list belongs to this key: fill the key in to get it whole. To keep OpenCode’s other providers, use the file instead."
      : "The address of the list belongs to this key and shows the models that it may use. To keep OpenCode’s other providers, use the file instead.",
  snippets: (setup) => [
    { title: SHELL, text: registryLines(setup) },
    { title: "opencode.json, instead", text: JSON.stringify(providerOf(setup), null, 2) },
    { title: "Shell, for the file", text: [keyLine(setup), "opencode"].join("\n") },
  ],
};

function registryLines({ origin, key, discoveryToken }: Setup): string {
  return [
    `export OPENCODE_MODELS_URL=${origin}/models/${discoveryToken ?? "…"}`,
    `export KLEIS_API_KEY=${key}`,
    "opencode",
  ].join("\n");
}

/** The chosen model's package is the provider's; a model that needs another one names it. */
function providerOf({ origin, model: chosen, models, protocol }: Setup) {
  const described = modelsInFile(chosen, modelsFor(OPENCODE, models)).map((model) => {
    const { limit, operations } = model.entry;
    const own = operations.includes(protocol) ? protocol : protocolFor(OPENCODE, model);
    const npm = own === undefined || own === protocol ? {} : { provider: { npm: PACKAGE[own] } };
    return [model.id, { name: model.name, limit, ...npm }];
  });
  return {
    provider: {
      kleis: {
        npm: PACKAGE[protocol],
        name: "Kleis",
        options: { baseURL: `${origin}/v1`, apiKey: "{env:KLEIS_API_KEY}" },
        models: Object.fromEntries(described),
      },
    },
  };
}
