/**
 * The coding agents: the npm package of each, and how it is started without a terminal, once per protocol that it can
 * speak to a gateway. Flags and settings were read from the versions in packages/package.json.
 */
import type { Protocol } from "../../src/protocols/protocol.ts";

export interface Target {
  /** Kleis, without `/v1`. */
  readonly root: string;
  readonly key: string;
  readonly model: string;
}

/** What is started, in an empty working folder under a fresh home. */
export interface Launch {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written before the start; paths are relative to the home, objects become JSON. */
  readonly files?: Readonly<Record<string, string | object>>;
}

export type Start = (target: Target, prompt: string, home: string) => Launch;

export interface Agent {
  readonly name: string;
  /** Its npm package. */
  readonly package: string;
  /** Its command in `node_modules/.bin`. */
  readonly program: string;
  /**
   * The package's own install script, relative to the package, where the program does not run without it: it puts the
   * platform's binary in place. npm runs no install scripts here.
   */
  readonly installScript?: string;
  readonly protocols: Readonly<Partial<Record<Protocol, Start>>>;
}

const v1 = ({ root }: Target) => `${root}/v1`;

/** OpenCode chooses the protocol by the npm package of the provider. */
function openCode(npm: string): Start {
  return (target, prompt) => {
    const model = `kleis/${target.model}`;
    return {
      args: ["run", "--model", model, prompt],
      env: { OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" },
      files: {
        ".config/opencode/opencode.json": {
          $schema: "https://opencode.ai/config.json",
          autoupdate: false,
          share: "disabled",
          small_model: model,
          provider: {
            kleis: {
              npm,
              name: "Kleis",
              options: { baseURL: v1(target), apiKey: target.key },
              models: {
                [target.model]: {
                  name: target.model,
                  reasoning: true,
                  tool_call: true,
                  limit: { context: 200_000, output: 32_000 },
                },
              },
            },
          },
        },
      },
    };
  };
}

function pi(api: string, baseUrl: (target: Target) => string): Start {
  return (target, prompt) => ({
    args: ["--offline", "--no-session", "--provider", "kleis", "--model", target.model, "-p", prompt],
    env: { PI_OFFLINE: "1", KLEIS_KEY: target.key },
    files: {
      ".pi/agent/models.json": {
        providers: {
          kleis: {
            baseUrl: baseUrl(target),
            api,
            apiKey: "$KLEIS_KEY",
            models: [
              {
                id: target.model,
                reasoning: true,
                input: ["text"],
                contextWindow: 200_000,
                maxTokens: 32_000,
              },
            ],
          },
        },
      },
    },
  });
}

function qwen(type: string, env: (target: Target) => Record<string, string>): Start {
  return (target, prompt) => ({
    args: ["--auth-type", type, "--approval-mode", "yolo", prompt],
    env: env(target),
  });
}

const qwenOpenAi = (target: Target) => ({
  OPENAI_BASE_URL: v1(target),
  OPENAI_API_KEY: target.key,
  OPENAI_MODEL: target.model,
});

function cline(provider: string): Start {
  return (target, prompt) => ({
    args: ["-P", provider, "-m", target.model, prompt],
    files: {
      ".cline/data/settings/providers.json": {
        version: 1,
        lastUsedProvider: provider,
        providers: {
          [provider]: {
            settings: { provider, apiKey: target.key, model: target.model, baseUrl: v1(target) },
            updatedAt: "2026-11-30T00:00:00.000Z",
            tokenSource: "manual",
          },
        },
      },
    },
  });
}

function continueCli(provider: string): Start {
  return (target, prompt, home) => ({
    args: ["--config", `${home}/continue.yaml`, "--auto", "-p", prompt],
    env: { CONTINUE_TELEMETRY_ENABLED: "0" },
    // JSON is YAML.
    files: {
      "continue.yaml": {
        name: "Kleis",
        version: "1.0.0",
        schema: "v1",
        models: [
          {
            name: target.model,
            provider,
            model: target.model,
            apiBase: v1(target),
            apiKey: target.key,
            roles: ["chat"],
          },
        ],
      },
    },
  });
}

export const AGENTS: readonly Agent[] = [
  {
    name: "opencode",
    package: "opencode-ai",
    program: "opencode",
    installScript: "postinstall.mjs",
    protocols: {
      messages: openCode("@ai-sdk/anthropic"),
      responses: openCode("@ai-sdk/openai"),
      chat: openCode("@ai-sdk/openai-compatible"),
    },
  },
  {
    name: "claude-code",
    package: "@anthropic-ai/claude-code",
    program: "claude",
    installScript: "install.cjs",
    protocols: {
      messages: (target, prompt) => ({
        args: ["-p", "--model", target.model, prompt],
        env: {
          ANTHROPIC_BASE_URL: target.root,
          ANTHROPIC_AUTH_TOKEN: target.key,
          ANTHROPIC_API_KEY: "",
          ANTHROPIC_DEFAULT_HAIKU_MODEL: target.model,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        },
      }),
    },
  },
  {
    name: "codex",
    package: "@openai/codex",
    program: "codex",
    protocols: {
      responses: (target, prompt) => ({
        // Its own sandbox is left off: it needs rights that a container may not have, and the lab has one of its own.
        args: ["exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", prompt],
        env: { KLEIS_KEY: target.key },
        files: {
          ".codex/config.toml": [
            `model = ${JSON.stringify(target.model)}`,
            `model_provider = "kleis"`,
            `model_reasoning_summary = "auto"`,
            "[model_providers.kleis]",
            `name = "Kleis"`,
            `base_url = ${JSON.stringify(v1(target))}`,
            `env_key = "KLEIS_KEY"`,
            `wire_api = "responses"`,
            "",
          ].join("\n"),
        },
      }),
    },
  },
  {
    name: "pi",
    package: "@earendil-works/pi-coding-agent",
    program: "pi",
    protocols: {
      messages: pi("anthropic-messages", ({ root }) => root),
      responses: pi("openai-responses", v1),
      chat: pi("openai-completions", v1),
    },
  },
  {
    name: "qwen-code",
    package: "@qwen-code/qwen-code",
    program: "qwen",
    protocols: {
      messages: qwen("anthropic", (target) => ({
        ANTHROPIC_BASE_URL: target.root,
        ANTHROPIC_API_KEY: target.key,
        ANTHROPIC_MODEL: target.model,
      })),
      responses: qwen("openai-responses", qwenOpenAi),
      chat: qwen("openai", qwenOpenAi),
    },
  },
  {
    name: "cline",
    package: "cline",
    program: "cline",
    protocols: {
      messages: cline("anthropic"),
      responses: cline("openai-native"),
      chat: cline("openai-compatible"),
    },
  },
  {
    name: "continue",
    package: "@continuedev/cli",
    program: "cn",
    protocols: { messages: continueCli("anthropic"), chat: continueCli("openai") },
  },
];
