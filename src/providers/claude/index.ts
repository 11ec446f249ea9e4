/** Claude: an owner's Anthropic API key or Claude subscription, spoken to in the messages protocol (providers/claude.md). */
import { USER_AGENT } from "../../version.ts";
import type { Provider } from "../provider.ts";
import { isSame } from "./identity.ts";
import { importAccount, importFile } from "./import.ts";
import { NOTICE } from "./notice.ts";
import { prepare } from "./prepare.ts";
import { PROFILE } from "./profile.ts";
import { refresh } from "./refresh.ts";
import { classify } from "./refusals.ts";
import { registry } from "./registry.ts";
import { signIn } from "./sign-in.ts";

export const claude: Provider = {
  id: "claude",
  name: "Claude",
  aliases: ["anthropic"],
  listPrefixed: false,
  source: "anthropic",
  notice: NOTICE,
  kinds: ["oauth", "api_key"],

  claims: (model) => (model.startsWith("claude-") ? "own" : null),
  // Anthropic writes dashes in the ids of its own models; other ids are none of its spelling.
  spellings: (model) =>
    /^claude/i.test(model) ? [...new Set([model, model.replace(/(?<=\d)\.(?=\d)/g, "-")])] : [model],
  serves: (model) =>
    model.tool_call &&
    model.modalities.output.includes("text") &&
    model.status !== "deprecated" &&
    model.limit.context > 0,
  limits: (model) => model.limit,
  operations: () => ["messages", "count_tokens"],
  registry,
  origins: (_account, config) => [new URL(config.CLAUDE_API_URL).origin],
  prepare,
  classify,

  signIn,
  identityOrigins: (_metadata, config) =>
    [config.CLAUDE_TOKEN_URL, config.CLAUDE_API_URL].map((url) => new URL(url).origin),
  rotates: true,
  refresh,
  isSame,
  importAccount,
  importFile,
  secretShapes: PROFILE.secretShapes,
  checkKey: (apiKey, config) => ({
    url: `${config.CLAUDE_API_URL}${PROFILE.modelsPath}?limit=1`,
    headers: new Headers({
      accept: "application/json",
      "accept-encoding": "identity",
      "anthropic-version": PROFILE.defaultVersion,
      "user-agent": USER_AGENT,
      "x-api-key": apiKey,
    }),
    origins: [new URL(config.CLAUDE_API_URL).origin],
  }),
};
