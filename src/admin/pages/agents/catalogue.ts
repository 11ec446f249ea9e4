/**
 * The agents that the page has a setup for: the protocols of each, and what to paste where
 * (clients.md §3 to §6; aider.chat/docs/llms, docs of LiteLLM for its variables; read in November 2026). Pure.
 */
import {
  type Agent,
  exported,
  isTranslated,
  KEY_VARIABLE,
  keyLine,
  modelsFor,
  modelsInFile,
  type Setup,
  SHELL,
} from "./agent.ts";
import { OPENCODE } from "./opencode.ts";
import { SDKS } from "./sdk.ts";

/** The tiers that Claude Code requests by its own model names: it uses Haiku for small tasks by itself. */
const TIERS = ["haiku", "sonnet", "opus"];

/** Overrides for each tier without a model under Anthropic's own name. */
function tierLines({ model, models }: Setup): string[] {
  const usable = modelsFor(CLAUDE_CODE, models);
  return TIERS.flatMap((tier) => {
    const fits = usable.filter(({ id }) => id.includes(`claude-${tier}`));
    if (fits.some(({ id }) => id.startsWith("claude-"))) return [];
    return [exported(`ANTHROPIC_DEFAULT_${tier.toUpperCase()}_MODEL`, (fits[0] ?? model).id)];
  });
}

/** What a prompt may fill, in tokens. */
function windowOf({ model: { entry } }: Pick<Setup, "model">): number {
  return entry.limit.input ?? entry.limit.context;
}

/** What Claude Code cannot know of a model that is not Anthropic's: its window, and that it takes an effort (2.1.330). */
function foreignLines({ model, protocol }: Setup): string[] {
  if (!isTranslated({ model, protocol })) return [];
  const window = String(windowOf({ model }));
  return [
    exported("CLAUDE_CODE_MAX_CONTEXT_TOKENS", window),
    exported("CLAUDE_CODE_AUTO_COMPACT_WINDOW", window),
    ...(model.entry.model.reasoning ? [exported("CLAUDE_CODE_ALWAYS_ENABLE_EFFORT", "1")] : []),
  ];
}

/** Variables that, if set in the owner's shell, would override the token or redirect requests. */
const BLANKED = [
  "ANTHROPIC_API_KEY",
  "CLAUDE_CODE_USE_BEDROCK",
  "CLAUDE_CODE_USE_VERTEX",
  "CLAUDE_CODE_USE_FOUNDRY",
];

const CLAUDE_CODE: Agent = {
  id: "claude-code",
  name: "Claude Code",
  protocols: ["messages"],
  prefers: /claude-(sonnet|opus)/,
  note: () =>
    "The base URL has no /v1. Keep the first line whole: with the address alone Claude Code sends its own login there, and a key or a cloud provider that your shell sets would override the token. With the last line Claude Code lists the models of this key in /model; leave it out to keep its own list.",
  snippets: (setup) => [
    {
      title: SHELL,
      text: [
        `export ANTHROPIC_BASE_URL=${setup.origin} ANTHROPIC_AUTH_TOKEN=${setup.key} ${BLANKED.map((name) => `${name}=`).join(" ")}`,
        exported("ANTHROPIC_MODEL", setup.model.id),
        ...tierLines(setup),
        ...foreignLines(setup),
        exported("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"),
        "claude",
      ].join("\n"),
    },
  ],
};

/** Where the key is kept for agents that run a command to read it. */
const KEY_FOLDER = "~/.config/kleis";
const KEY_FILE = `${KEY_FOLDER}/key`;

const CODEX: Agent = {
  id: "codex",
  name: "Codex CLI",
  protocols: ["responses"],
  prefers: /^gpt-\d/,
  note: () =>
    "In a config.toml that is there already, model and model_provider must stand at the top, above the first [table]. The key is read from its file, not from env_key: beside a ChatGPT login, a refused env_key makes Codex use up that login’s refresh token.",
  snippets: (setup) => [
    {
      title: "~/.codex/config.toml",
      text: [
        `model = ${JSON.stringify(setup.model.id)}`,
        'model_provider = "kleis"',
        // The CLI knows the windows of its own vendor's models alone.
        ...(isTranslated(setup) ? [`model_context_window = ${windowOf(setup)}`] : []),
        "",
        "[model_providers.kleis]",
        'name = "Kleis"',
        `base_url = "${setup.origin}/v1"`,
        'wire_api = "responses"',
        "",
        "[model_providers.kleis.auth]",
        'command = "sh"',
        `args = ["-c", "cat ${KEY_FILE}"]`,
      ].join("\n"),
    },
    {
      title: SHELL,
      text: [`mkdir -p ${KEY_FOLDER} && (umask 077 && printf %s ${setup.key} > ${KEY_FILE})`, "codex"].join(
        "\n",
      ),
    },
  ],
};

const PI_API = { responses: "openai-responses", messages: "anthropic-messages", chat: "openai-completions" };

const PI: Agent = {
  id: "pi",
  name: "pi",
  protocols: ["responses", "messages", "chat"],
  snippets: (setup) => {
    const { origin, model, models, protocol } = setup;
    // The file has one protocol for all of its models.
    const usable = models.filter(({ entry }) => entry.operations.includes(protocol));
    const kleis = {
      baseUrl: protocol === "messages" ? origin : `${origin}/v1`,
      api: PI_API[protocol],
      // A command in all versions; the bare name of a variable is sent as it stands since pi 1.0.
      apiKey: `!printenv ${KEY_VARIABLE}`,
      models: modelsInFile(model, usable).map(({ id, entry }) => ({
        id,
        ...(entry.model.reasoning ? { reasoning: true } : {}),
      })),
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
