/** A strict local stand-in for claude.ai, platform.claude.com and api.anthropic.com. */
import { randomUUID } from "node:crypto";
import { createInference, type Inference, MESSAGES } from "../inference.ts";
import { bearerOf } from "../leaks.ts";
import { askOfMessages, type MessagesScenario } from "../scenarios/messages.ts";
import { browse, type FakeOptions, type Listener, listen, type Routes, refuse } from "../server.ts";
import { createTokenBook, type TokenBook } from "../tokens.ts";
import { CLAUDE_ERRORS, type ClaudeError, claudeError, healthyLimits, keyLimits } from "./errors.ts";
import { type ClaudeIdentity, createClaudeIdentity } from "./identity.ts";
import { answerModels, type ClaudeModels, createClaudeModels, isModelList } from "./models.ts";
import { authenticate, type ClaudeRules, checkMessages, refuseLeaks } from "./rules.ts";

export type ClaudeScenario = MessagesScenario | ClaudeError;

export interface FakeClaude extends Listener, Inference<ClaudeScenario>, Omit<ClaudeIdentity, "routes"> {
  readonly tokens: TokenBook;
  readonly rules: ClaudeRules;
  /** What `GET /v1/models` gives. */
  readonly models: ClaudeModels;
  revoke(token: string): void;
  expire(token: string): void;
  readonly env: Record<string, string>;
}

export async function startFakeClaude({ now = Date.now }: FakeOptions = {}): Promise<FakeClaude> {
  const account = "00000000-0000-4000-8000-00000000c1a0";
  const tokens = createTokenBook(now, account);
  const { routes: identityRoutes, ...identity } = createClaudeIdentity(tokens, now, account);
  const stage = createInference<ClaudeScenario>(MESSAGES.names, CLAUDE_ERRORS, now);
  const models = createClaudeModels();

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
      return answerModels(models, request);
    },
  };
  const listener = await listen({ name: "claude", now, routes, isBackground: isModelList });
  const { url } = listener;

  return {
    ...listener,
    ...stage,
    ...identity,
    authorize: (address, options) => browse(listener, address, () => identity.authorize(address, options)),
    tokens,
    rules,
    models,
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
