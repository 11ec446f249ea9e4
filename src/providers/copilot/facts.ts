/** GitHub Copilot's facts that may change, with date and source (providers/copilot.md). The values stand in `profile.ts`. */
import type { Config } from "../../config.ts";
import { EFFORTS } from "../efforts.ts";
import { type Fact, factsFrom } from "../fact.ts";
import * as profile from "./profile.ts";

export function facts(config: Config): Fact[] {
  const { PATHS, SIGN_IN } = profile;
  return [
    ...factsFrom(
      { date: "2026-09", source: "1.1", confidence: "high" },
      {
        id: "client-id",
        check: "sign-in",
        what: "Client id of the sign-in",
        value: config.COPILOT_CLIENT_ID,
        variable: "COPILOT_CLIENT_ID",
      },
      { id: "scope", check: "sign-in", what: "Scope of the sign-in", value: SIGN_IN.scope },
    ),
    ...factsFrom(
      { date: "2026-09", source: "1.2", confidence: "high" },
      {
        id: "github-address",
        what: "Address of the sign-in",
        value: config.GITHUB_URL,
        variable: "GITHUB_URL",
      },
      {
        id: "github-api-address",
        what: "Address of GitHub's API",
        value: config.GITHUB_API_URL,
        variable: "GITHUB_API_URL",
      },
      {
        id: "sign-in-paths",
        check: "sign-in",
        what: "Paths of the sign-in: code, token, page",
        value: [SIGN_IN.deviceCodePath, SIGN_IN.tokenPath, SIGN_IN.devicePage],
      },
      {
        id: "sign-in-times",
        what: "Lifetime of a code, ms; pause between polls, s; longer by, s",
        value: [SIGN_IN.lifetime, SIGN_IN.interval, SIGN_IN.tooManyAttempts],
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "1.4", confidence: "high" },
      {
        id: "user-path",
        check: "account",
        what: "Path that tells whose the token is",
        value: SIGN_IN.userPath,
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "1.5", confidence: "high" },
      { id: "public-hosts", what: "Names of github.com itself", value: profile.PUBLIC_HOSTS },
      {
        id: "enterprise-host",
        what: "Domains of enterprises",
        value: [String(profile.ENTERPRISE_HOST), ...config.COPILOT_ENTERPRISE_HOSTS],
        variable: "COPILOT_ENTERPRISE_HOSTS",
      },
      {
        id: "enterprise-prefixes",
        what: "An enterprise's Copilot and GitHub API, before its domain",
        value: [profile.ENTERPRISE_API_PREFIX, profile.ENTERPRISE_REST_PREFIX],
      },
      { id: "api-host", check: "account", what: "API hosts that GitHub may name", value: profile.API_HOST },
    ),
    ...factsFrom(
      { date: "2026-09", source: "2.1", confidence: "high" },
      {
        id: "api-address",
        check: "models",
        what: "Address of the API",
        value: config.COPILOT_API_URL || profile.DEFAULT_API,
        variable: "COPILOT_API_URL",
      },
      { id: "models-path", check: "models", what: "Path of the list of models", value: profile.MODELS_PATH },
      {
        id: "discovery-path",
        check: "account",
        what: "Path that tells the plan and its host",
        value: SIGN_IN.discoveryPath,
      },
      {
        id: "discovery-version",
        what: "X-GitHub-Api-Version of that path",
        value: SIGN_IN.discoveryVersion,
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "2.1", confidence: "medium" },
      { id: "plan-hosts", what: "API hosts of the plans", value: profile.PLAN_APIS },
      {
        id: "secret-prefixes",
        what: "Beginnings of tokens, those that no account can be made of last",
        value: [
          ...new Set([
            ...profile.SECRET_SHAPES.map(({ prefix }) => prefix),
            profile.CLASSIC_PAT,
            profile.APP_REFRESH_TOKEN,
            profile.EXCHANGED_TOKEN,
          ]),
        ],
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "3.1", confidence: "high" },
      {
        id: "paths",
        check: "tool-call",
        what: "Paths of the API",
        value: [PATHS.chat, PATHS.responses, PATHS.messages],
      },
      {
        id: "anthropic-version",
        what: "anthropic-version where the client names none",
        value: profile.ANTHROPIC_VERSION,
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "3.1", confidence: "low" },
      { id: "count-path", check: "count-tokens", what: "Path that counts tokens", value: PATHS.count_tokens },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.4", confidence: "high" },
      {
        id: "vision-header",
        check: "image",
        what: "Header of a request with an image",
        value: profile.HEADERS.vision,
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "3.6", confidence: "medium" },
      { id: "efforts", check: "effort", what: "Efforts that a list may name", value: EFFORTS },
    ),
    ...factsFrom(
      { date: "2026-09", source: "4.4", confidence: "medium" },
      {
        id: "limit-headers",
        check: "tool-call",
        what: "Beginning of headers on limits",
        value: profile.LIMIT_HEADERS,
      },
      {
        id: "cached-tokens",
        check: "cache",
        what: "Where cached tokens are counted",
        value: profile.CACHED_TOKENS,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.2", confidence: "medium" },
      {
        id: "api-version",
        check: "models",
        what: "X-GitHub-Api-Version of completions",
        value: profile.API_VERSION,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.2", confidence: "high" },
      { id: "headers", what: "Headers that Kleis sets", value: Object.values(profile.HEADERS) },
      { id: "intent", check: "tool-call", what: "Openai-Intent of completions", value: profile.INTENT },
    ),
    ...factsFrom(
      { date: "2026-06", source: "3.2", confidence: "medium" },
      { id: "default-beta", what: "Beta of all messages", value: profile.INTERLEAVED_THINKING },
      {
        id: "betas",
        what: "Betas of the client that travel",
        value: profile.BETAS.filter(({ taken }) => taken).map(({ family }) => family),
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.2", confidence: "medium" },
      { id: "beta-fields", what: "Fields that leave with their beta", value: betaFields() },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.3", confidence: "medium" },
      {
        id: "agent-marks",
        what: "Headers by which a request is an agent's",
        value: profile.AGENT_MARKS.map(({ name }) => name),
      },
      {
        id: "agent-prompts",
        what: "Prompts by which a request is an agent's",
        value: [...profile.AGENT_PROMPTS.system, ...profile.AGENT_PROMPTS.last].map(String),
      },
      {
        id: "agent-texts",
        what: "Texts that agents add to a user's message",
        value: [profile.TOOL_MEDIA_LEAD, profile.REMINDER],
      },
    ),
    ...factsFrom(
      { date: "2026-08-18", source: "3.4", confidence: "medium" },
      {
        id: "image-details",
        what: "Details of an image that are replaced, and by which",
        value: [...[...profile.IMAGE_DETAIL.replaced].map(String), profile.IMAGE_DETAIL.by],
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "3.5", confidence: "high" },
      {
        id: "endpoints",
        check: "models",
        what: "Endpoints, best first",
        value: profile.ENDPOINT_OPERATIONS.map(({ endpoint }) => endpoint),
      },
      {
        id: "default-endpoints",
        what: "Endpoints of a model that names none",
        value: profile.DEFAULT_ENDPOINTS,
      },
      {
        id: "operations",
        check: "models",
        what: "What a model answers on without a list",
        value: profile.OPERATIONS.map(({ models, operations }) => `${models} ${operations.join("+")}`),
      },
      { id: "claude-spelling", what: "Ids of Claude models", value: claudeSpelling() },
      {
        id: "families",
        check: "models",
        what: "Ids of the models that Copilot carries",
        value: profile.FAMILIES,
      },
      { id: "not-language", what: "Ids of models that do not talk", value: profile.NOT_LANGUAGE },
      { id: "encrypted-reasoning", what: "What include must hold", value: profile.ENCRYPTED_REASONING },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3.5", confidence: "low" },
      {
        id: "hosted-tools",
        what: "Hosted tools that responses and messages run",
        value: [...profile.HOSTED_TOOLS.responses, ...profile.HOSTED_TOOLS.messages],
      },
      {
        id: "server-tools",
        what: "Beginnings of the types of hosted tools on messages",
        value: profile.SERVER_TOOLS,
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "4.6", confidence: "high" },
      {
        id: "plans",
        check: "account",
        what: "Plans, by GitHub's names for them",
        value: [...profile.PLANS].map(([name, sold]) => `${name} = ${sold}`),
      },
      { id: "free-sku", what: "Sign of the free plan", value: SIGN_IN.freeSku },
    ),
    ...factsFrom(
      { date: "2026-09", source: "6", confidence: "medium" },
      { id: "position", what: "What GitHub has said", value: profile.TERMS },
    ),
  ];
}

function betaFields(): string[] {
  return profile.BETAS.flatMap(({ family, fields }) =>
    fields.map(({ path, only }) => `${family}: ${path.join(".")}${only === undefined ? "" : `=${only}`}`),
  );
}

function claudeSpelling(): string[] {
  const { date, version, dotted } = profile.CLAUDE_SPELLING;
  return [`without ${date}`, `${version} as ${dotted}`];
}
