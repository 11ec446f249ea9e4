/** Claude: an owner's Anthropic API key or Claude subscription, spoken to in the messages protocol (providers/claude.md). */
import type { Provider } from "../provider.ts";
import { importAccount, importFile } from "./import.ts";
import { NOTICE } from "./notice.ts";
import { prepare } from "./prepare.ts";

export const claude: Provider = {
  id: "claude",
  name: "Claude",
  aliases: ["anthropic"],
  listPrefixed: false,
  source: "anthropic",
  notice: NOTICE,
  kinds: ["oauth", "api_key"],

  claims: (model) => (model.startsWith("claude-") ? "own" : null),
  spellings: (model) => [...new Set([model, model.replace(/(?<=\d)\.(?=\d)/g, "-")])],
  serves: (model) =>
    model.tool_call &&
    model.modalities.output.includes("text") &&
    model.status !== "deprecated" &&
    model.limit.context > 0,
  limits: (model) => model.limit,
  operations: () => ["messages", "count_tokens"],
  origins: (_account, config) => [new URL(config.CLAUDE_API_URL).origin],
  prepare,

  importAccount,
  importFile,
};
