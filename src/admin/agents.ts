/**
 * The agents that the page has a setup for: which protocols each speaks, and what to paste where
 * (clients.md; aider.chat/docs/llms, docs of LiteLLM for its variables; read in November 2026). Pure.
 */
import type { ListedModel } from "../models/list.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { OPENCODE } from "./agents-opencode.ts";
import { SDKS } from "./agents-sdk.ts";

/** What a setup is filled with. */
export interface Setup {
  /** The root address, without `/v1`. */
  readonly origin: string;
  /** The key's text, or its first characters and `…` while it is not revealed. */
  readonly key: string;
  /** Opens the key's own model list; null while the key is not revealed. */
  readonly discoveryToken: string | null;
  readonly model: ListedModel;
  /** The protocol in which the agent will ask for the model. */
  readonly protocol: Protocol;
  /** All models that the key may use. */
  readonly models: readonly ListedModel[];
}

export interface Snippet {
  /** Where it goes: a shell, or a file by its path. */
  readonly title: string;
  readonly text: string;
}

export interface Agent {
  readonly id: string;
  readonly name: string;
  /** What it can speak, best first. */
  readonly protocols: readonly Protocol[];
  /** Models to offer first, by id. */
  readonly prefers?: RegExp;
  /** What to know beside the snippets. */
  readonly note?: (setup: Setup) => string;
  readonly snippets: (setup: Setup) => Snippet[];
}

/** The variable in which every setup keeps the key. */
export const KEY_VARIABLE = "KLEIS_API_KEY";

export const SHELL = "Shell";

const exported = (name: string, value: string) => `export ${name}=${value}`;

export const keyLine = ({ key }: Setup) => exported(KEY_VARIABLE, key);

const CLAUDE_CODE: Agent = {
  id: "claude-code",
  name: "Claude Code",
  protocols: ["messages"],
  prefers: /claude-(sonnet|opus)/,
  note: () =>
    "The base URL has no /v1. With the last line Claude Code lists the models of this key in /model; leave it out to keep its own list.",
  snippets: ({ origin, key, model }) => [
    {
      title: SHELL,
      text: [
        exported("ANTHROPIC_BASE_URL", origin),
        exported("ANTHROPIC_AUTH_TOKEN", key),
        exported("ANTHROPIC_MODEL", model.id),
        exported("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"),
        "claude",
      ].join("\n"),
    },
  ],
};

const CODEX: Agent = {
  id: "codex",
  name: "Codex CLI",
  protocols: ["responses"],
  prefers: /^gpt-\d/,
  snippets: (setup) => [
    {
      title: "~/.codex/config.toml",
      text: [
        `model = ${JSON.stringify(setup.model.id)}`,
        'model_provider = "kleis"',
        "",
        "[model_providers.kleis]",
        'name = "Kleis"',
        `base_url = "${setup.origin}/v1"`,
        `env_key = "${KEY_VARIABLE}"`,
        'wire_api = "responses"',
      ].join("\n"),
    },
    { title: SHELL, text: [keyLine(setup), "codex"].join("\n") },
  ],
};

const PI_API = { responses: "openai-responses", messages: "anthropic-messages", chat: "openai-completions" };

const PI: Agent = {
  id: "pi",
  name: "pi",
  protocols: ["responses", "messages", "chat"],
  snippets: (setup) => {
    const { origin, model, protocol } = setup;
    const { reasoning } = model.entry.model;
    const kleis = {
      baseUrl: protocol === "messages" ? origin : `${origin}/v1`,
      api: PI_API[protocol],
      apiKey: KEY_VARIABLE,
      models: [{ id: model.id, ...(reasoning ? { reasoning } : {}) }],
    };
    return [
      { title: "~/.pi/agent/models.json", text: JSON.stringify({ providers: { kleis } }, null, 2) },
      { title: SHELL, text: [keyLine(setup), `pi --provider kleis --model ${model.id}`].join("\n") },
    ];
  },
};

const CLINE: Agent = {
  id: "cline",
  name: "Cline",
  protocols: ["chat", "responses"],
  note: ({ protocol }) =>
    protocol === "chat"
      ? "In the editor choose the API provider “OpenAI Compatible” and enter the same address, key and model."
      : "This model speaks the responses protocol, which Cline’s provider openai-native uses.",
  snippets: ({ origin, key, model, protocol }) => [
    {
      title: SHELL,
      text: `cline auth -p ${protocol === "chat" ? "openai-compatible" : "openai-native"} -k ${key} -m ${model.id} -b ${origin}/v1`,
    },
  ],
};

const AIDER: Agent = {
  id: "aider",
  name: "aider",
  protocols: ["chat", "messages"],
  snippets: ({ origin, key, model, protocol }) => [
    {
      title: SHELL,
      text:
        protocol === "chat"
          ? [
              exported("OPENAI_API_BASE", `${origin}/v1`),
              exported("OPENAI_API_KEY", key),
              `aider --model openai/${model.id}`,
            ].join("\n")
          : [
              exported("ANTHROPIC_API_BASE", origin),
              exported("ANTHROPIC_API_KEY", key),
              `aider --model anthropic/${model.id}`,
            ].join("\n"),
    },
  ],
};

const CURSOR: Agent = {
  id: "cursor",
  name: "Cursor",
  protocols: ["chat"],
  note: ({ origin }) =>
    `Cursor Settings → Models: enter the key as OpenAI API key, switch on “Override OpenAI Base URL”, and add the model by its name. ${
      /^https:\/\//.test(origin)
        ? "Cursor’s own servers call this address."
        : "Cursor’s own servers call this address, so it must be a public https one: this deployment’s is not."
    }`,
  snippets: ({ origin, key, model }) => [
    { title: "Override OpenAI Base URL", text: `${origin}/v1` },
    { title: "OpenAI API key", text: key },
    { title: "Model", text: model.id },
  ],
};

export const AGENTS: readonly Agent[] = [OPENCODE, CLAUDE_CODE, CODEX, PI, CLINE, AIDER, CURSOR, SDKS];

/** The protocol in which the agent would ask for this model; undefined when they have none in common. */
export function commonProtocol(agent: Agent, model: ListedModel): Protocol | undefined {
  return agent.protocols.find((protocol) => model.entry.operations.includes(protocol));
}

/** The models that the agent can use, those it prefers first; the order is otherwise kept. */
export function modelsFor(agent: Agent, models: readonly ListedModel[]): ListedModel[] {
  const able = models.filter((model) => commonProtocol(agent, model) !== undefined);
  const { prefers } = agent;
  if (prefers === undefined) return able;
  return [...able.filter(({ id }) => prefers.test(id)), ...able.filter(({ id }) => !prefers.test(id))];
}
