/** Anthropic's facts that may change, with date and source (providers/claude.md). The values stand in `profile.ts`. */
import type { Config } from "../../config.ts";
import { EFFORTS } from "../efforts.ts";
import { type Fact, factsFrom } from "../fact.ts";
import { planAgent } from "./headers.ts";
import { PROFILE, TERMS } from "./profile.ts";

export function facts(config: Config): Fact[] {
  const { signIn, tools, claudeCode, paths, productName } = PROFILE;
  return [
    ...factsFrom(
      { date: "2026-10", source: "0", confidence: "high" },
      { id: "position", what: "What Anthropic allows", value: TERMS },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.1", confidence: "high" },
      {
        id: "client-id",
        check: "sign-in",
        what: "Client id of the sign-in",
        value: config.CLAUDE_CLIENT_ID,
        variable: "CLAUDE_CLIENT_ID",
      },
      {
        id: "authorize-address",
        check: "sign-in",
        what: "Sign-in page of a plan",
        value: config.CLAUDE_AUTHORIZE_URL,
        variable: "CLAUDE_AUTHORIZE_URL",
      },
      {
        id: "console-authorize-address",
        what: "Sign-in page of the Console",
        value: config.CLAUDE_CONSOLE_AUTHORIZE_URL,
        variable: "CLAUDE_CONSOLE_AUTHORIZE_URL",
      },
      {
        id: "token-address",
        check: "sign-in",
        what: "Token endpoint",
        value: config.CLAUDE_TOKEN_URL,
        variable: "CLAUDE_TOKEN_URL",
      },
      { id: "redirect-address", what: "Redirect address", value: signIn.redirectUri },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.2", confidence: "high" },
      { id: "scope", what: "Scopes of a plan's sign-in", value: signIn.scope },
      { id: "console-scope", what: "Scopes of a sign-in that makes an API key", value: signIn.consoleScope },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.3", confidence: "high" },
      {
        id: "authorize-fields",
        what: "Fields of the sign-in page beside the standard's",
        value: Object.entries(signIn.authorizeFields).map(([name, value]) => `${name}=${value}`),
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.5", confidence: "high" },
      {
        id: "assumed-lifetime",
        what: "Lifetime of a token that names none, s",
        value: signIn.assumedLifetime,
      },
      {
        id: "secret-prefixes",
        what: "Beginnings of keys and tokens",
        value: PROFILE.secretShapes.map(({ prefix }) => prefix),
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "1.7", confidence: "high" },
      {
        id: "token-wait",
        what: "Shortest and longest wait after a 429 of the token endpoint, ms",
        value: [signIn.waitAtLeast, signIn.waitAtMost],
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.8", confidence: "high" },
      { id: "mint-path", what: "Path that makes an API key", value: signIn.mintPath },
    ),
    ...factsFrom(
      { date: "2026-09", source: "1.9", confidence: "medium" },
      {
        id: "profile-path",
        check: "account",
        what: "Path that tells whose the sign-in is",
        value: signIn.profilePath,
      },
    ),
    ...factsFrom(
      { date: "2026-07", source: "1.9", confidence: "high" },
      {
        id: "usage-path",
        check: "account",
        what: "Path that tells a plan's usage",
        value: PROFILE.usagePath,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "2.1", confidence: "high" },
      {
        id: "api-address",
        what: "Address of the API",
        value: config.CLAUDE_API_URL,
        variable: "CLAUDE_API_URL",
      },
      { id: "paths", check: "count-tokens", what: "Paths of the API", value: Object.values(paths) },
      {
        id: "beta-query",
        check: "tool-call",
        what: "Query of a plan's requests",
        value: `${PROFILE.betaQuery.name}=${PROFILE.betaQuery.value}`,
      },
      {
        id: "version",
        check: "tool-call",
        what: "anthropic-version where the client names none",
        value: PROFILE.defaultVersion,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "2.1", confidence: "medium" },
      {
        id: "user-agent",
        check: "tool-call",
        what: "User-agent of a plan's requests",
        value: planAgent(config),
        variable: "CLAUDE_USER_AGENT",
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.2", confidence: "high" },
      {
        id: "oauth-beta",
        check: "tool-call",
        what: "Beta that a plan's token needs",
        value: PROFILE.oauthBeta,
      },
      { id: "betas", check: "tool-call", what: "Betas of a plan's messages", value: PROFILE.messagesBetas },
      { id: "count-betas", what: "Betas of a plan's token counts", value: PROFILE.countTokensBetas },
    ),
    ...factsFrom(
      { date: "2026-11", source: "2.3", confidence: "high" },
      {
        id: "identity",
        check: "tool-call",
        what: "First system block of a plan's requests",
        value: PROFILE.identity,
      },
      {
        id: "headless-identities",
        what: "First system text of Claude Code without a terminal",
        value: claudeCode.headless,
      },
      {
        id: "claude-code-marks",
        what: "How Claude Code is known by its attribution block, its user-agent and its own headers",
        value: [claudeCode.attribution, claudeCode.userAgent, ...claudeCode.headers],
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "2.4", confidence: "high" },
      {
        id: "product-name",
        what: "Product name that is replaced in system text",
        value: productName.pattern,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "2.5", confidence: "high" },
      { id: "tool-names", what: "Tool names that are sent in this casing", value: tools.canonical },
      {
        id: "tool-prefix",
        check: "tool-call",
        what: "What other tool names begin with",
        value: tools.prefix,
      },
      { id: "tool-pattern", what: "Form of tool names", value: tools.pattern },
      { id: "context-edit", what: "Context edit that holds tool names", value: tools.contextEdit },
    ),
    ...factsFrom(
      { date: "2026-02", source: "2.5", confidence: "medium" },
      { id: "tool-length", what: "Longest tool name in a reference, characters", value: tools.maxLength },
    ),
    ...factsFrom(
      { date: "2026-08", source: "3.1", confidence: "high" },
      { id: "image-input", check: "image", what: "How an image is sent", value: PROFILE.image },
    ),
    ...factsFrom(
      { date: "2026-08", source: "3.2", confidence: "high" },
      {
        id: "cached-tokens",
        check: "cache",
        what: "Where cached tokens are counted",
        value: PROFILE.cachedTokens,
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "3.5", confidence: "high" },
      {
        id: "limit-headers",
        check: "tool-call",
        what: "Beginning of headers on limits",
        value: PROFILE.limitHeaders,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.6", confidence: "medium" },
      { id: "efforts", check: "effort", what: "Efforts that a list may name", value: EFFORTS },
      {
        id: "limits",
        check: "models",
        what: "Source of the models' limits where the list names none",
        value: config.MODELS_DEV_URL || "the models built into Kleis",
        variable: "MODELS_DEV_URL",
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.6", confidence: "medium" },
      { id: "models-path", check: "models", what: "Path of the list of models", value: PROFILE.models.path },
      {
        id: "models-page",
        what: "Models that a page of the list is asked for",
        value: PROFILE.models.perPage,
      },
      { id: "model-family", check: "models", what: "Ids of Claude models", value: PROFILE.models.family },
      {
        id: "model-date",
        what: "Date at the end of an id, which the alias lacks",
        value: PROFILE.models.date,
      },
    ),
  ];
}
