/** A strict local stand-in for claude.ai, platform.claude.com and api.anthropic.com. */
import { randomUUID } from "node:crypto";
import { createInference, type Inference, MESSAGES } from "../inference.ts";
import { bearerOf } from "../leaks.ts";
import { askOfMessages, type MessagesScenario } from "../scenarios/messages.ts";
import { browse, type FakeOptions, type Listener, listen, type Routes, refuse } from "../server.ts";
import { createTokenBook, type TokenBook } from "../tokens.ts";
import { CLAUDE_ERRORS, type ClaudeError, claudeError, healthyLimits, keyLimits } from "./errors.ts";
import { type ClaudeIdentity, createClaudeIdentity } from "./identity.ts";
import { authenticate, type ClaudeRules, checkMessages, refuseLeaks } from "./rules.ts";

export type ClaudeScenario = MessagesScenario | ClaudeError;

export interface FakeClaude extends Listener, Inference<ClaudeScenario>, Omit<ClaudeIdentity, "routes"> {
  readonly tokens: TokenBook;
  readonly rules: ClaudeRules;
  revoke(token: string): void;
  expire(token: string): void;
  readonly env: Record<string, string>;
}

const MODELS = [
  ["claude-opus-4-8", "Claude Opus 4.8"],
  ["claude-sonnet-5", "Claude Sonnet 5"],
  ["claude-sonnet-4-6", "Claude Sonnet 4.6"],
  ["claude-haiku-4-5", "Claude Haiku 4.5"],
] as const;

export async function startFakeClaude({ now = Date.now }: FakeOptions = {}): Promise<FakeClaude> {
  const account = "00000000-0000-4000-8000-00000000c1a0";
  const tokens = createTokenBook(now, account);
  const { routes: identityRoutes, ...identity } = createClaudeIdentity(tokens, now, account);
  const stage = createInference<ClaudeScenario>(MESSAGES.names, CLAUDE_ERRORS, now);

  const rules: ClaudeRules = { refusedAgent: null };

  const routes: Routes = {
    ...identityRoutes,
    "POST /v1/messages": (request, res) => {
      const body = checkMessages(request, tokens, false, rules);
      const limits = bearerOf(request) === null ? keyLimits(now(), 49) : healthyLimits(now());
      const headers = {
        ...limits,
        "request-id": `req_${randomUUID()}`,
        "anthropic-organization-id": "org-fake-1",
      };
      return stage.answer(MESSAGES, askOfMessages(body), request, res, headers);
    },
    "POST /v1/messages/count_tokens": (request) => {
      const { system, tools, messages } = checkMessages(request, tokens, true, rules);
      const size = JSON.stringify([system, tools, messages]).length;
      return {
        status: 200,
        headers: { "request-id": "req_fake" },
        body: { input_tokens: Math.ceil(size / 4) },
      };
    },
    "GET /v1/models": (request) => {
      refuseLeaks(request);
      authenticate(request, tokens);
      if (request.headers["anthropic-version"] === undefined) {
        refuse(
          "no anthropic-version",
          claudeError(400, "invalid_request_error", "anthropic-version: header is required"),
        );
      }
      const data = MODELS.map(([id, display_name]) => ({
        type: "model",
        id,
        display_name,
        created_at: "2026-02-17T00:00:00Z",
        max_input_tokens: id.includes("haiku") ? 200_000 : 1_000_000,
        max_tokens: 64000,
        capabilities: null,
      }));
      return {
        status: 200,
        body: { data, has_more: false, first_id: data[0]?.id, last_id: data.at(-1)?.id },
      };
    },
  };
  const listener = await listen({ name: "claude", now, routes });
  const { url } = listener;

  return {
    ...listener,
    ...stage,
    ...identity,
    authorize: (address, options) => browse(listener, address, () => identity.authorize(address, options)),
    tokens,
    rules,
    revoke: (token) => tokens.revoke(token),
    expire: (token) => tokens.expire(token),
    env: {
      CLAUDE_API_URL: url,
      CLAUDE_AUTHORIZE_URL: `${url}/oauth/authorize`,
      CLAUDE_CONSOLE_AUTHORIZE_URL: `${url}/console/oauth/authorize`,
      CLAUDE_TOKEN_URL: `${url}/v1/oauth/token`,
    },
  };
}
