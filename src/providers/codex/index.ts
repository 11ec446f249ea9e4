/** The Codex provider: a ChatGPT plan through the backend of OpenAI's Codex, or an OpenAI API key. */
import { USER_AGENT } from "../../version.ts";
import type { Provider } from "../provider.ts";
import { CHECKS } from "./checks.ts";
import { facts } from "./facts.ts";
import { importAccount, importFile } from "./import.ts";
import { modelLimits, ownership, serves } from "./model-access.ts";
import { modelList } from "./model-list.ts";
import { prepare } from "./prepare.ts";
import {
  CHECKED_MODELS,
  CREDENTIAL_FILES,
  FAILOVER_NOTICE,
  KEY_CHECK_PATH,
  RESPONSE_HEADERS,
  SECRET_SHAPES,
  TERMS,
} from "./profile.ts";
import { refresh } from "./refresh.ts";
import { classify } from "./refusals.ts";
import { registry } from "./registry.ts";
import { signIn } from "./sign-in.ts";
import { instead, traits } from "./traits.ts";
import { variables } from "./variables.ts";

export const codex: Provider = {
  id: "codex",
  name: "Codex",
  aliases: ["openai", "openai-codex"],
  listPrefixed: false,
  source: "openai",
  terms: TERMS,
  failoverNotice: FAILOVER_NOTICE,
  variables,
  facts,
  liveChecks: { all: CHECKS, models: CHECKED_MODELS },
  kinds: ["oauth", "api_key"],
  ownership,
  spellings: (model) => [model],
  serves,
  modelLimits,
  operations: (_model, kind) => (kind === "oauth" ? ["responses"] : ["responses", "chat"]),
  registry,
  modelList,
  origins: (account, config) => [
    new URL(account.kind === "oauth" ? config.CODEX_API_URL : config.OPENAI_API_URL).origin,
  ],
  prepare,
  traits,
  instead,
  responseHeaders: RESPONSE_HEADERS,
  classify,
  signIn,
  identityOrigins: (_metadata, config) => [new URL(config.CODEX_AUTH_URL).origin],
  rotates: true,
  refresh,
  importAccount,
  importFile,
  credentialFiles: CREDENTIAL_FILES,
  secretShapes: SECRET_SHAPES,
  checkKey: (apiKey, config) => ({
    url: config.OPENAI_API_URL + KEY_CHECK_PATH,
    headers: new Headers({
      accept: "application/json",
      "accept-encoding": "identity",
      authorization: `Bearer ${apiKey}`,
      "user-agent": USER_AGENT,
    }),
    origins: [new URL(config.OPENAI_API_URL).origin],
  }),
};
