/** GitHub Copilot as a provider: the GitHub token itself is the bearer (providers/copilot.md, model A). */
import type { Provider } from "../provider.ts";
import { CHECKS } from "./checks.ts";
import { carries, operationsOf, spellingsOf } from "./endpoints.ts";
import { facts } from "./facts.ts";
import { apiBase, apiCandidates, githubOf } from "./host.ts";
import { isSame } from "./identity.ts";
import { importAccount, importFile } from "./import.ts";
import { modelList } from "./model-list.ts";
import { prepare } from "./prepare.ts";
import { CHECKED_MODELS, FAILOVER_NOTICE, PLANS, RESPONSE_HEADERS, SECRET_SHAPES, TERMS } from "./profile.ts";
import { refresh } from "./refresh.ts";
import { classify } from "./refusals.ts";
import { registry } from "./registry.ts";
import { signIn } from "./sign-in.ts";
import { traits } from "./traits.ts";
import { variables } from "./variables.ts";

export const copilot: Provider = {
  id: "copilot",
  name: "GitHub Copilot",
  aliases: ["github-copilot"],
  listPrefixed: true,
  source: "github-copilot",
  terms: TERMS,
  failoverNotice: FAILOVER_NOTICE,
  variables,
  facts,
  liveChecks: { all: CHECKS, models: CHECKED_MODELS },
  kinds: ["oauth"],
  shownMetadata: ["host", "api_host"],
  plans: PLANS,

  ownership: (model) => (carries(model) ? "carried" : null),
  spellings: spellingsOf,
  serves(model, kind) {
    if (kind !== "oauth" || model.status === "deprecated" || !model.tool_call) return false;
    if (!model.modalities.output.includes("text") || !(model.limit.context > 0)) return false;
    return operationsOf(model.id).length > 0;
  },
  modelLimits: (model) => model.limit,
  operations: (model, kind) => (kind === "oauth" ? operationsOf(model) : []),
  registry,
  modelList,
  origins: (account, config) => [new URL(apiBase(account, config)).origin],
  prepare,
  traits,
  responseHeaders: RESPONSE_HEADERS,
  classify,
  signIn,
  identityOrigins(metadata, config) {
    const { web, api } = githubOf(metadata, config);
    return [web, api, ...apiCandidates(metadata, config)].map((url) => new URL(url).origin);
  },
  refresh,
  isSame,
  importAccount,
  importFile,
  secretShapes: SECRET_SHAPES,
};
