/**
 * Honest lists: whatever id any list shows any key, a request for it reaches the provider it was listed for and is
 * answered by its strict fake; and every list tells the same limits. Over genuine registry data.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { SAMPLE } from "../../harness/models-dev.ts";
import type { KeyRequest } from "../../src/keys/issue.ts";
import { listModels } from "../../src/models/catalogue/list.ts";
import { createModelSource } from "../../src/models/catalogue/source.ts";
import { accessOf } from "../../src/models/resolve/access.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { MODELS_DEV } from "./context.ts";
import { ORIGIN, type RegistryKleis, startRegistryKleis } from "./kleis.ts";
import type { Registry } from "./schema.ts";

interface Listed {
  id: string;
  owned_by: string;
  context_length: number;
  max_input_tokens: number;
  max_tokens: number;
}

let fakes: Fakes;
beforeAll(async () => {
  fakes = await startFakes();
});
afterAll(() => fakes.close());

/** With `live` the providers' own lists are had; without, only what the registry knows. */
async function prepared({ live }: { live: boolean }): Promise<RegistryKleis> {
  const { MODELS_DEV_URL: _off, ...env } = fakes.env;
  const kleis = await startRegistryKleis(env);
  // The fakes live by the system's clock.
  kleis.clock.ms = Date.now();
  kleis.network = async (url, init) => {
    if (url === MODELS_DEV) return new Response(SAMPLE);
    if (!live && init.method === "GET") return new Response("no list", { status: 404 });
    return nodeFetch(url, init);
  };
  return kleis;
}

async function connect(kleis: RegistryKleis, ...accounts: string[]): Promise<void> {
  const { claude, codex, copilot } = fakes;
  const oauth = (tokens: { accessToken: string; refreshToken: string; expiresAt: number }) => ({
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    expiresAt: tokens.expiresAt,
  });
  for (const account of accounts) {
    if (account === "claude") await kleis.account("claude", oauth(claude.issueTokens()));
    if (account === "codex") {
      const tokens = codex.issueTokens();
      await kleis.account("codex", {
        ...oauth(tokens),
        externalId: tokens.accountId,
        metadata: { account_id: tokens.accountId },
      });
    }
    if (account === "codex:key") {
      await kleis.account("codex", { kind: "api_key", apiKey: codex.issueApiKey() });
    }
    if (account === "copilot") {
      await kleis.account("copilot", { accessToken: copilot.issueTokens().accessToken, refreshToken: null });
    }
  }
}

/** What each AI SDK package calls, below an entry's `api`. */
const ROUTES: Record<string, string> = {
  "@ai-sdk/openai": "/responses",
  "@ai-sdk/anthropic": "/messages",
  "@ai-sdk/openai-compatible": "/chat/completions",
  "@ai-sdk/github-copilot": "/chat/completions",
};

function bodyFor(route: string, model: string): object {
  const messages = [{ role: "user", content: "hi" }];
  if (route === "/responses") return { model, input: messages, stream: true };
  return { model, messages, max_tokens: 16, stream: true };
}

async function ask(kleis: RegistryKleis, key: string, base: string, route: string, model: string) {
  const response = await kleis.app.fetch(
    new Request(base + route, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(bodyFor(route, model)),
    }),
  );
  const text = await response.text();
  return {
    said: response.status === 200 ? "200" : `${response.status} ${text}`,
    provider: response.headers.get("x-kleis-provider"),
  };
}

async function modelsOf(kleis: RegistryKleis, key: string, path: string): Promise<Listed[]> {
  const response = await kleis.get(path, { authorization: `Bearer ${key}` });
  expect(response.status).toBe(200);
  const { data }: { data: Listed[] } = await response.json();
  return data;
}

const SCOPES: [string, KeyRequest][] = [
  ["no scope", {}],
  ["one provider", { providers: ["copilot"] }],
  ["two providers", { providers: ["codex", "claude"] }],
  ["one account", { accounts: ["acc_1"] }],
  ["some models", { models: ["gpt-5.4", "claude-opus-4-8", "copilot/gpt-5-mini", "nothing"] }],
  ["a model at one provider only", { models: ["copilot/claude-sonnet-5"], providers: ["copilot", "claude"] }],
];

/** With how many models a key without scopes finds at least. */
const WORLDS: [string, { live: boolean; models: number }, string[]][] = [
  ["three accounts with lists of their own", { live: true, models: 36 }, ["codex", "claude", "copilot"]],
  ["three accounts without lists", { live: false, models: 58 }, ["codex", "claude", "copilot"]],
  ["Copilot alone", { live: true, models: 11 }, ["copilot"]],
  ["a key and a plan of OpenAI", { live: true, models: 14 }, ["codex", "codex:key", "copilot"]],
];

/** Another name, and new descriptions of models under their own, bare and prefixed, by what a provider lists them as. */
const CUSTOM: [provider: string, listed: string, id: string, model: string][] = [
  ["copilot", "team/fast", "team/fast", "gpt-5-mini"],
  ["copilot", "gpt-5-mini", "gpt-5-mini", "gpt-5-mini"],
  ["copilot", "claude-opus-4.8", "github-copilot/claude-opus-4.8", "claude-opus-4.8"],
  ["codex", "gpt-5.5", "gpt-5.5", "gpt-5.5"],
  ["codex", "gpt-5.4", "codex/gpt-5.4", "gpt-5.4"],
  ["claude", "claude-sonnet-5", "claude-sonnet-5", "claude-sonnet-5"],
];
const limitOf = (at: number) => ({ context: 5000 + at, output: 500 });
const definitions = CUSTOM.map(([provider, _listed, id, model], at) => ({
  id,
  provider,
  model,
  limit: limitOf(at),
}));

describe.each(WORLDS)("with %s", (_name, options, accounts) => {
  test.each(SCOPES)("every list for a key with %s keeps its word", async (scope, request) => {
    const kleis = await prepared(options);
    await connect(kleis, ...accounts);
    const { key, discoveryToken } = await kleis.key(request);
    await kleis.runtime.storage.settings.set("models.custom", JSON.stringify(definitions), 1);
    // What the accounts tell of themselves may come after the first answer.
    await modelsOf(kleis, key, "/v1/models");
    await kleis.settled();
    const registry: Registry = await kleis.registry(`/models/${discoveryToken}/api.json`);
    const ours = PROVIDERS.flatMap(({ id }) => {
      const entry = registry[`kleis-${id}`];
      return entry === undefined ? [] : [{ provider: id, entry }];
    });
    const all = await modelsOf(kleis, key, "/v1/models");
    const resolver = await anotherProcess(kleis, request);
    let asked = 0;

    for (const { provider, entry } of ours) {
      const forced = await modelsOf(kleis, key, `/${provider}/v1/models`);
      expect(forced.map(({ id }) => id).sort()).toEqual(Object.keys(entry.models).sort());
      const known = listModels({ ...resolver, forced: provider });
      expect(known.map(({ id }) => id).sort()).toEqual(Object.keys(entry.models).sort());
      for (const [id, model] of Object.entries(entry.models)) {
        const limits = {
          context_length: model.limit.context,
          max_input_tokens: model.limit.input ?? model.limit.context,
          max_tokens: model.limit.output,
        };
        expect(forced.find((each) => each.id === id)).toMatchObject(limits);
        expect(known.find((each) => each.id === id)?.entry.limit).toEqual(model.limit);
        const at = CUSTOM.findIndex(([of, listed]) => of === provider && listed === id);
        if (at >= 0) expect(model.limit).toEqual(limitOf(at));
        const route = ROUTES[model.provider?.npm ?? entry.npm];
        if (route === undefined) throw new Error(`nobody knows ${model.provider?.npm ?? entry.npm}`);
        expect({ id, ...(await ask(kleis, key, entry.api ?? "", route, id)) }).toEqual({
          id,
          said: "200",
          provider,
        });
        asked++;

        // The same model in the list of all, under whatever id it has there.
        const named = all.filter(
          (each) => each.owned_by === provider && [id, `${provider}/${id}`].includes(each.id),
        );
        expect(named).toHaveLength(1);
        expect(named[0]).toMatchObject(limits);
        const plain = await ask(kleis, key, `${ORIGIN}/v1`, route, named[0]?.id ?? "");
        expect({ id: named[0]?.id, ...plain }).toEqual({ id: named[0]?.id, said: "200", provider });
      }
    }
    expect(all).toHaveLength(asked);
    if (scope === "no scope") expect(asked).toBeGreaterThanOrEqual(options.models);
    const response = await kleis.get("/v1/models?client_version=0.150.0", { authorization: `Bearer ${key}` });
    const forCodex: { models: { slug: string; context_window: number; visibility: string }[] } =
      await response.json();
    for (const { slug, context_window, visibility } of forCodex.models) {
      if (visibility === "hide") {
        // It stands in no other list, and answers by its name.
        expect(all.map(({ id }) => id)).not.toContain(slug);
        expect(await ask(kleis, key, `${ORIGIN}/v1`, "/responses", slug)).toEqual({
          said: "200",
          provider: "codex",
        });
        continue;
      }
      expect({ slug, window: all.find(({ id }) => id === slug)?.max_input_tokens }).toEqual({
        slug,
        window: context_window,
      });
    }
    expect(fakes.violations()).toEqual([]);
  });
});

/** What a process that starts now would list, from what this one has stored. */
async function anotherProcess(kleis: RegistryKleis, request: KeyRequest) {
  await kleis.settled();
  const credentials = { fresh: () => Promise.reject(new Error("no list is asked for here")) };
  const source = createModelSource({ runtime: kleis.runtime, providers: PROVIDERS, credentials });
  const accounts = await kleis.runtime.storage.accounts.list();
  const { providers = null, models = null, accounts: some = null } = request;
  return {
    providers: PROVIDERS,
    catalogue: await source.current(accounts),
    access: accessOf(accounts, { providers, models, accounts: some }),
  };
}
