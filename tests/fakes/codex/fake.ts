/** A strict local stand-in for chatgpt.com's Codex backend, auth.openai.com and api.openai.com. */
import { randomUUID } from "node:crypto";
import { CHAT, createInference, type Inference, RESPONSES } from "../inference.ts";
import { askOfChat, type ChatScenario } from "../scenarios/chat.ts";
import { askOfResponses, type ResponsesScenario } from "../scenarios/responses.ts";
import { browse, type FakeOptions, type Listener, listen, type Reply, type Routes } from "../server.ts";
import { createTokenBook, secret, type TokenBook } from "../tokens.ts";
import { createPromptCache } from "./cache.ts";
import { drifted, type ListDrift } from "./drift.ts";
import { CODEX_ERRORS, type CodexError } from "./errors.ts";
import { listedFor } from "./models.ts";
import { type CodexIdentity, createCodexIdentity } from "./oauth.ts";
import { authenticateKey, checkPublic, OPENAI_MODELS } from "./openai.ts";
import { authenticate, type BackendRules, checkCompact, checkResponses, turnState } from "./rules.ts";

export type CodexScenario = ResponsesScenario | ChatScenario | CodexError;

export interface FakeCodex extends Listener, Inference<CodexScenario>, Omit<CodexIdentity, "routes"> {
  readonly tokens: TokenBook;
  readonly rules: BackendRules;
  readonly drift: ListDrift;
  issueApiKey(): string;
  revoke(token: string): void;
  expire(token: string): void;
  /** What the usage endpoint answers next; null for the standard body. */
  usage: { reply: Reply | null };
  /** What the list of models is; null for the backend's own. */
  models: { list: object | null };
  readonly env: Record<string, string>;
}

export async function startFakeCodex({ now = Date.now }: FakeOptions = {}): Promise<FakeCodex> {
  const account = "00000000-0000-4000-8000-00000000c0de";
  const tokens = createTokenBook(now, account);
  let violate: (what: string) => void = () => {};
  const { routes: identityRoutes, ...identity } = createCodexIdentity(tokens, now, account, (what) =>
    violate(what),
  );
  const names = [...new Set([...RESPONSES.names, ...CHAT.names])];
  const stage = createInference<CodexScenario>(names, CODEX_ERRORS, now);
  const rules: BackendRules = { strictIds: true, withheld: new Set() };
  const drift: ListDrift = { newModel: null, contextWindow: null };
  const usage: { reply: Reply | null } = { reply: null };
  const cache = createPromptCache(now);
  const models: { list: object | null } = { list: null };

  const routes: Routes = {
    ...identityRoutes,
    "POST /backend-api/codex/responses": (request, res) => {
      const body = checkResponses(request, tokens, rules);
      const headers = {
        ...planHeaders(now()),
        "x-codex-turn-state": `${turnState(request.headers["chatgpt-account-id"] ?? "")}${secret(6)}`,
        "openai-model": String(body.model),
      };
      const ask = { ...askOfResponses(body), cachedTokens: cache.cachedTokens(request, body) };
      return stage.answer(RESPONSES, ask, request, res, headers);
    },
    "POST /backend-api/codex/responses/compact": (request) => {
      checkCompact(request, tokens, rules);
      return { status: 200, body: { output: [{ type: "compaction", encrypted_content: secret(24) }] } };
    },
    "GET /backend-api/codex/models": (request) => {
      authenticate(request, tokens);
      const body = models.list ?? { models: drifted(listedFor(request), request, drift) };
      return { status: 200, headers: { etag: 'W/"fake-1"' }, body };
    },
    "GET /backend-api/wham/usage": (request) => {
      authenticate(request, tokens);
      return usage.reply ?? { status: 200, body: usageBody(now()) };
    },
    "POST /v1/responses": (request, res) => {
      const ask = askOfResponses(checkPublic(request, tokens, "input"));
      return stage.answer(RESPONSES, ask, request, res, publicHeaders());
    },
    "POST /v1/chat/completions": (request, res) => {
      const ask = askOfChat(checkPublic(request, tokens, "messages"));
      return stage.answer(CHAT, ask, request, res, publicHeaders());
    },
    "GET /v1/models": (request) => {
      authenticateKey(request, tokens);
      const data = OPENAI_MODELS.map((id) => ({
        id,
        object: "model",
        created: 1790000000,
        owned_by: "openai",
      }));
      return { status: 200, body: { object: "list", data } };
    },
  };
  const listener = await listen({ name: "codex", now, routes });
  violate = listener.violate;
  const { url } = listener;

  return {
    ...listener,
    ...stage,
    ...identity,
    authorize: (address, options) => browse(listener, address, () => identity.authorize(address, options)),
    tokens,
    rules,
    drift,
    usage,
    models,
    issueApiKey() {
      const key = `sk-proj-${secret(48)}`;
      tokens.add({ token: key, kind: "api_key" });
      return key;
    },
    revoke: (token) => tokens.revoke(token),
    expire: (token) => tokens.expire(token),
    env: { CODEX_API_URL: `${url}/backend-api`, CODEX_AUTH_URL: url, OPENAI_API_URL: url },
  };
}

function publicHeaders(): Record<string, string> {
  return {
    "x-request-id": `req_${randomUUID()}`,
    "x-ratelimit-remaining-requests": "99",
    "openai-processing-ms": "12",
  };
}

function planHeaders(now: number): Record<string, string> {
  const at = Math.floor(now / 1000);
  return {
    "x-request-id": randomUUID(),
    "x-codex-plan-type": "plus",
    "x-codex-primary-used-percent": "12",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": String(at + 900),
    "x-codex-primary-reset-after-seconds": "900",
    "x-codex-secondary-used-percent": "40",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-at": String(at + 9000),
    "x-codex-secondary-reset-after-seconds": "9000",
    "x-codex-credits-has-credits": "False",
    "x-codex-promo-message": "",
  };
}

function usageBody(now: number): object {
  const reset_at = Math.floor(now / 1000) + 900;
  return {
    plan_type: "plus",
    email: "owner@example.org",
    rate_limit: {
      allowed: true,
      limit_reached: false,
      primary_window: { used_percent: 12, limit_window_seconds: 18000, reset_after_seconds: 900, reset_at },
      secondary_window: null,
    },
    credits: { has_credits: false, unlimited: false, balance: "0" },
    spend_control: null,
    additional_rate_limits: null,
    rate_limit_reached_type: null,
  };
}
