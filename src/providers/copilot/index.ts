/** GitHub Copilot as a provider: the GitHub token itself is the bearer (providers/copilot.md, model A). */
import type { Provider } from "../provider.ts";
import { carries, operationsOf, spellingsOf } from "./endpoints.ts";
import { apiBase } from "./host.ts";
import { importAccount, importFile } from "./import.ts";
import { prepare } from "./prepare.ts";
import { NOTICE } from "./profile.ts";

export const copilot: Provider = {
  id: "copilot",
  name: "GitHub Copilot",
  aliases: ["github-copilot"],
  listPrefixed: true,
  source: "github-copilot",
  notice: NOTICE,
  kinds: ["oauth"],

  claims: (model) => (carries(model) ? "carried" : null),
  spellings: spellingsOf,
  serves(model, kind) {
    if (kind !== "oauth" || model.status === "deprecated" || !model.tool_call) return false;
    if (!model.modalities.output.includes("text") || !(model.limit.context > 0)) return false;
    return operationsOf(model.id).length > 0;
  },
  limits: (model) => model.limit,
  operations: (model, kind) => (kind === "oauth" ? operationsOf(model) : []),
  origins: (account, config) => [new URL(apiBase(account, config)).origin],
  prepare,
  importAccount,
  importFile,
};
