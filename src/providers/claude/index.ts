/** Claude: an owner's Anthropic API key or Claude subscription, spoken to in the messages protocol (providers/claude.md). */
import type { Provider } from "../provider.ts";
import { CHECKS } from "./checks.ts";
import { facts } from "./facts.ts";
import { accountHeaders } from "./headers.ts";
import { isSame } from "./identity.ts";
import { importAccount, importFile } from "./import.ts";
import { extraUsage } from "./limits.ts";
import { modelList } from "./model-list.ts";
import { prepare } from "./prepare.ts";
import { FAILOVER_NOTICE, PROFILE, TERMS } from "./profile.ts";
import { refresh } from "./refresh.ts";
import { classify } from "./refusals.ts";
import { registry } from "./registry.ts";
import { signIn } from "./sign-in.ts";
import { traits } from "./traits.ts";
import { variables } from "./variables.ts";

export const claude: Provider = {
  id: "claude",
  name: "Claude",
  aliases: ["anthropic"],
  listPrefixed: false,
  source: "anthropic",
  terms: TERMS,
  failoverNotice: FAILOVER_NOTICE,
  variables,
  facts,
  liveChecks: { all: CHECKS, models: PROFILE.checked },
  kinds: ["oauth", "api_key"],

  ownership: (model) => (PROFILE.models.family.test(model) ? "own" : null),
  // Anthropic writes dashes in the ids of its own models; other ids are none of its spelling.
  spellings: (model) =>
    PROFILE.models.spelled.test(model)
      ? [...new Set([model, model.replace(PROFILE.models.dottedVersion, "-")])]
      : [model],
  serves: (model) =>
    model.tool_call &&
    model.modalities.output.includes("text") &&
    model.status !== "deprecated" &&
    model.limit.context > 0,
  modelLimits: (model) => model.limit,
  operations: () => ["messages", "count_tokens"],
  registry,
  modelList,
  origins: (_account, config) => [new URL(config.CLAUDE_API_URL).origin],
  prepare,
  traits,
  responseHeaders: PROFILE.responseHeaders,
  classify,
  extraUsage,

  signIn,
  identityOrigins: (_metadata, config) =>
    [config.CLAUDE_TOKEN_URL, config.CLAUDE_API_URL].map((url) => new URL(url).origin),
  rotates: true,
  refresh,
  isSame,
  importAccount,
  importFile,
  credentialFiles: PROFILE.credentialFiles,
  secretShapes: PROFILE.secretShapes,
  checkKey: (apiKey, config) => ({
    url: `${config.CLAUDE_API_URL}${PROFILE.models.path}?limit=1`,
    headers: accountHeaders({ kind: "api_key", token: apiKey }),
    origins: [new URL(config.CLAUDE_API_URL).origin],
  }),
};
