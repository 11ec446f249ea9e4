/** All three providers at once, the environment that points Kleis at them, and credential files as they lie on disk. */
import { type FakeClaude, startFakeClaude } from "./claude/fake.ts";
import { type FakeCodex, startFakeCodex } from "./codex/fake.ts";
import { type FakeCopilot, startFakeCopilot } from "./copilot/fake.ts";
import type { FakeOptions } from "./server.ts";

export { type ClaudeScenario, type FakeClaude, startFakeClaude } from "./claude/fake.ts";
export { type CodexScenario, type FakeCodex, startFakeCodex } from "./codex/fake.ts";
export { type CopilotScenario, type FakeCopilot, startFakeCopilot } from "./copilot/fake.ts";
export { renderEvents, type SseEvent } from "./delivery.ts";
export { chatWire, messagesWire } from "./inference.ts";
export { type ChatEvent, type ChatScenario, chatEvents, completionOf } from "./scenarios/chat.ts";
export { type MessagesScenario, messageOf, messagesEvents } from "./scenarios/messages.ts";
export { type ResponsesScenario, responseOf, responsesEvents, withFreshIds } from "./scenarios/responses.ts";
export type { RecordedRequest, Reply } from "./server.ts";

/** Credential files of agents, each with a fresh login of its own. */
export interface CredentialFiles {
  /** OpenCode's `auth.json`, signed in to all three. */
  opencode: {
    anthropic: { type: "oauth"; refresh: string; access: string; expires: number };
    openai: { type: "oauth"; refresh: string; access: string; expires: number; accountId: string };
    "github-copilot": { type: "oauth"; refresh: string; access: string; expires: number };
  };
  /** The Codex CLI's `auth.json`. */
  codex: {
    OPENAI_API_KEY: null;
    tokens: { id_token: string; access_token: string; refresh_token: string; account_id: string };
    last_refresh: string;
  };
  /** Claude Code's `.credentials.json`. */
  claude: {
    claudeAiOauth: {
      accessToken: string;
      refreshToken: string;
      expiresAt: number;
      scopes: string[];
      subscriptionType: string;
    };
  };
}

export interface Fakes {
  readonly claude: FakeClaude;
  readonly codex: FakeCodex;
  readonly copilot: FakeCopilot;
  /** Points Kleis at the fakes and at no model registry. */
  readonly env: Record<string, string>;
  files(): CredentialFiles;
  /** What any of the three blames its caller for. */
  violations(): string[];
  close(): Promise<void>;
}

export async function startFakes(options: FakeOptions = {}): Promise<Fakes> {
  const [claude, codex, copilot] = await Promise.all([
    startFakeClaude(options),
    startFakeCodex(options),
    startFakeCopilot(options),
  ]);
  const now = options.now ?? Date.now;
  const all = [claude, codex, copilot];
  return {
    claude,
    codex,
    copilot,
    env: { ...claude.env, ...codex.env, ...copilot.env, MODELS_DEV_URL: "" },
    files: () => credentialFiles(claude, codex, copilot, now()),
    violations: () => all.flatMap((fake) => fake.violations),
    async close() {
      await Promise.all(all.map((fake) => fake.close()));
    },
  };
}

function credentialFiles(
  claude: FakeClaude,
  codex: FakeCodex,
  copilot: FakeCopilot,
  now: number,
): CredentialFiles {
  const viaOpenCode = {
    claude: claude.issueTokens(),
    codex: codex.issueTokens(),
    copilot: copilot.issueTokens(),
  };
  const login = claude.issueTokens();
  const chatgpt = codex.issueTokens();
  return {
    opencode: {
      anthropic: {
        type: "oauth",
        refresh: viaOpenCode.claude.refreshToken,
        access: viaOpenCode.claude.accessToken,
        expires: viaOpenCode.claude.expiresAt,
      },
      openai: {
        type: "oauth",
        refresh: viaOpenCode.codex.refreshToken,
        access: viaOpenCode.codex.accessToken,
        expires: viaOpenCode.codex.expiresAt,
        accountId: viaOpenCode.codex.accountId,
      },
      "github-copilot": {
        type: "oauth",
        refresh: viaOpenCode.copilot.accessToken,
        access: viaOpenCode.copilot.accessToken,
        expires: 0,
      },
    },
    codex: {
      OPENAI_API_KEY: null,
      tokens: {
        id_token: chatgpt.idToken,
        access_token: chatgpt.accessToken,
        refresh_token: chatgpt.refreshToken,
        account_id: chatgpt.accountId,
      },
      last_refresh: new Date(now).toISOString(),
    },
    claude: {
      claudeAiOauth: {
        accessToken: login.accessToken,
        refreshToken: login.refreshToken,
        expiresAt: login.expiresAt,
        scopes: login.scopes,
        subscriptionType: "max",
      },
    },
  };
}
