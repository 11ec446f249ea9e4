/** A strict local stand-in for the Copilot API, github.com and api.github.com. */
import { randomUUID } from "node:crypto";
import {
  CHAT,
  createInference,
  type Dialect,
  type Inference,
  MESSAGES,
  RESPONSES_FRESH_IDS,
} from "../inference.ts";
import type { Dict } from "../inspect.ts";
import type { Ask } from "../scenarios/ask.ts";
import { askOfChat, type ChatScenario } from "../scenarios/chat.ts";
import { askOfMessages, type MessagesScenario } from "../scenarios/messages.ts";
import { askOfResponses, type ResponsesScenario } from "../scenarios/responses.ts";
import { type FakeOptions, type Listener, listen, type Route, type Routes, refuse } from "../server.ts";
import { createTokenBook, type TokenBook } from "../tokens.ts";
import { COPILOT_ERRORS, type CopilotError, plain } from "./errors.ts";
import { type CopilotIdentity, createGitHub } from "./github.ts";
import { type CopilotPath, catalogue } from "./models.ts";
import { API_VERSION, authenticate, type CopilotRules, checkInference } from "./rules.ts";

export type CopilotScenario = ChatScenario | ResponsesScenario | MessagesScenario | CopilotError;

export interface FakeCopilot extends Listener, Inference<CopilotScenario>, Omit<CopilotIdentity, "routes"> {
  readonly tokens: TokenBook;
  readonly rules: CopilotRules;
  revoke(token: string): void;
  expire(token: string): void;
  readonly env: Record<string, string>;
}

export async function startFakeCopilot({ now = Date.now }: FakeOptions = {}): Promise<FakeCopilot> {
  const tokens = createTokenBook(now, "4242");
  let violate: (what: string) => void = () => {};
  const { routes: githubRoutes, ...identity } = createGitHub(tokens, now, (what) => violate(what));
  const names = [...new Set([...CHAT.names, ...RESPONSES_FRESH_IDS.names, ...MESSAGES.names])];
  const stage = createInference<CopilotScenario>(names, COPILOT_ERRORS, now);
  const rules: CopilotRules = {
    host: null,
    withheld: new Set(),
    countTokens: false,
    apiVersion: API_VERSION,
  };

  const generate =
    (path: CopilotPath, dialect: Dialect, askOf: (body: Dict) => Ask): Route =>
    (request, res) =>
      stage.answer(
        dialect,
        askOf(checkInference(request, tokens, rules, path)),
        request,
        res,
        quotaHeaders(),
      );
  const noVersion: Route = () => refuse("there is no /v1 here", plain(404, "404 page not found\n"));

  const routes: Routes = {
    ...githubRoutes,
    "POST /chat/completions": generate("/chat/completions", CHAT, askOfChat),
    "POST /responses": generate("/responses", RESPONSES_FRESH_IDS, askOfResponses),
    "POST /v1/messages": generate("/v1/messages", MESSAGES, askOfMessages),
    "POST /v1/messages/count_tokens": (request) => {
      authenticate(request, tokens, rules);
      if (rules.countTokens)
        return { status: 200, body: { input_tokens: Math.ceil(request.body.length / 4) } };
      return plain(404, "404 page not found\n");
    },
    "POST /v1/chat/completions": noVersion,
    "POST /v1/responses": noVersion,
    "GET /models": (request) => {
      authenticate(request, tokens, rules);
      return { status: 200, headers: { etag: 'W/"fake-models"' }, body: catalogue() };
    },
  };
  const listener = await listen({ name: "copilot", now, routes });
  violate = listener.violate;
  const { url } = listener;

  return {
    ...listener,
    ...stage,
    ...identity,
    tokens,
    rules,
    revoke: (token) => tokens.revoke(token),
    expire: (token) => tokens.expire(token),
    env: { COPILOT_API_URL: url, GITHUB_URL: url, GITHUB_API_URL: url },
  };
}

function quotaHeaders(): Record<string, string> {
  return {
    "x-request-id": randomUUID(),
    "x-github-request-id": "FAKE:1234",
    "x-quota-snapshot-premium_interactions":
      "ent=300&ov=0.0&ovPerm=false&rem=29.7&rst=2026-12-01T00%3A00%3A00Z",
  };
}
