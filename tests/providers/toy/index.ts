/** Toy: a made-up provider, written as docs/adding-a-provider.md says. It speaks chat, signs in by a code, and has a list. */
import { isObject, text } from "../../../src/json.ts";
import { accountTag } from "../../../src/protocols/translate/carriers/carrier.ts";
import { factsFrom } from "../../../src/providers/fact.ts";
import type { ImportedAccount, Provider } from "../../../src/providers/provider.ts";
import { BETWEEN, classified, REST } from "../../../src/providers/refusal-table.ts";
import type { RegistryModel } from "../../../src/providers/registry-model.ts";
import { API, CLIENT_ID, TERMS } from "./profile.ts";
import { variables } from "./variables.ts";

const FAMILY = /^toy-/;

const described = (id: string): RegistryModel => ({
  id,
  name: `Model ${id}`,
  reasoning: false,
  tool_call: true,
  release_date: "2026-11-01",
  modalities: { input: ["text"], output: ["text"] },
  limit: { context: 8000, output: 1000 },
});

function accountOf(token: string, user: string | undefined, label?: string): ImportedAccount {
  return {
    provider: "toy",
    kind: "oauth",
    ...(user === undefined ? {} : { externalId: user }),
    ...(label === undefined ? {} : { label }),
    metadata: { ...(user === undefined ? {} : { login: user }), playground: "north", hidden: "never shown" },
    expiresAt: null,
    accessToken: token,
    refreshToken: null,
    idToken: null,
    apiKey: null,
  };
}

export const toy: Provider = {
  id: "toy",
  name: "Toy",
  aliases: ["toys"],
  listPrefixed: false,
  source: "toy",
  terms: TERMS,
  failoverNotice: "Toys may take turns.",
  variables,
  facts: (config) =>
    factsFrom(
      { date: "2026-12", source: "1", confidence: "high" },
      { id: "api", what: "Address of the API", value: config.TOY_API_URL ?? API, variable: "TOY_API_URL" },
    ),
  liveChecks: { all: [], models: [] },
  kinds: ["oauth"],
  shownMetadata: ["playground"],
  ownership: (model) => (FAMILY.test(model) ? "own" : null),
  spellings: (model) => [model],
  serves: () => true,
  modelLimits: ({ limit }) => limit,
  operations: () => ["chat"],
  registry: { name: "Kleis Toy", npm: "@ai-sdk/openai-compatible", shape: (model) => model },
  modelList: {
    kinds: ["oauth"],
    request: (_account, { token }, config) => ({
      url: `${config.TOY_API_URL}/models`,
      headers: new Headers({ authorization: `Bearer ${token}` }),
    }),
    decode: (body) =>
      isObject(body) && Array.isArray(body.toys)
        ? body.toys.map((id) => ({
            id: String(id),
            operations: ["chat"],
            limit: {},
            model: described(String(id)),
          }))
        : null,
  },
  origins: (_account, config) => [new URL(config.TOY_API_URL ?? API).origin],
  prepare: ({ body, credential, config }) => ({
    url: `${config.TOY_API_URL}/chat`,
    headers: new Headers({ authorization: `Bearer ${credential.token}`, "content-type": "application/json" }),
    edits: "logprobs" in body.value ? [{ change: "toy-fields", op: "remove", path: ["logprobs"] }] : [],
    streams: body.value.stream === true,
    response: {},
  }),
  traits: ({ model, account, described }) => ({
    model,
    owner: { provider: "toy", tag: accountTag(account.id), scope: model },
    maxOutput: described?.limit.output,
    reasoning: { style: "none", levels: [], off: true, byDefault: false },
    sampling: "free",
    webSearch: undefined,
    forcedToolChoice: true,
    cacheMarks: false,
    cacheKey: false,
    priority: false,
    customTools: false,
    messages: undefined,
  }),
  responseHeaders: { passed: ["x-toy-"], requestIds: ["x-toybox-id"] },
  classify: (refused) => classified([...BETWEEN, ...REST], refused, { endOf: () => null }),
  signIn: {
    modes: [
      { id: "page", name: "My Toy plan", hint: "Forbidden on rainy days.", againstTerms: true },
      { id: "friend", name: "A friend’s toy", hint: "Always allowed." },
    ],
    callbackInput: { label: "Paste the toy code", hint: "It is on the lid." },
    start: async ({ state, config }) => ({
      method: "paste",
      url: `https://toy.example/sign-in?client=${config.TOY_CLIENT_ID ?? CLIENT_ID}&state=${state}`,
      secret: {},
    }),
    async complete({ code = "", config }, identity) {
      const url = `${config.TOY_API_URL}/token`;
      const response = await identity.fetch(url, { method: "POST", headers: new Headers(), body: code });
      const { token, user } = (await response.json()) as { token: string; user: string };
      return { status: "connected", account: accountOf(token, user) };
    },
  },
  identityOrigins: (_metadata, config) => [new URL(config.TOY_API_URL ?? API).origin],
  importAccount: (input) =>
    accountOf((input.kind === "oauth" ? input.accessToken : undefined) ?? "", undefined, input.label),
  importFile: ({ toy: entry }) =>
    isObject(entry) && text(entry.token) !== undefined
      ? [{ name: "toy", read: () => accountOf(text(entry.token) ?? "", text(entry.user)) }]
      : [],
  credentialFiles: [{ agent: "Toy CLI", path: "~/.toy/box.json", keychainCommand: "toybox --open" }],
  secretShapes: [{ prefix: "toy_", kind: "access_token", name: "a toy token" }],
};
