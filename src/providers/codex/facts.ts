/** OpenAI's facts that may change, with date and source (providers/codex.md). The values stand in `profile.ts`. */
import type { Config } from "../../config.ts";
import { EFFORTS } from "../efforts.ts";
import { type Fact, factsFrom } from "../fact.ts";
import * as profile from "./profile.ts";

export function facts(config: Config): Fact[] {
  const { FIELDS, HEADERS, MODELS, PLAN_ACCESS, SESSION, SIGN_IN } = profile;
  return [
    ...factsFrom(
      { date: "2026-08", source: "1.1", confidence: "high" },
      {
        id: "issuer",
        check: "sign-in",
        what: "Address of the sign-in",
        value: config.CODEX_AUTH_URL,
        variable: "CODEX_AUTH_URL",
      },
      {
        id: "client-id",
        check: "sign-in",
        what: "Client id of the sign-in",
        value: config.CODEX_CLIENT_ID,
        variable: "CODEX_CLIENT_ID",
      },
      {
        id: "sign-in-paths",
        check: "sign-in",
        what: "Paths of the sign-in page and the token endpoint",
        value: [SIGN_IN.authorizePath, SIGN_IN.tokenPath],
      },
      { id: "redirect-address", what: "Redirect address, to the letter", value: SIGN_IN.redirectUri },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.2", confidence: "high" },
      { id: "scope", what: "Scopes of the sign-in", value: SIGN_IN.scope },
    ),
    ...factsFrom(
      { date: "2026-09", source: "1.2", confidence: "medium" },
      {
        id: "authorize-fields",
        check: "sign-in",
        what: "Fields of the sign-in page beside the standard's",
        value: Object.entries(SIGN_IN.authorizeFields).map(([name, value]) => `${name}=${value}`),
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.3", confidence: "medium" },
      {
        id: "not-entitled",
        what: "Word for a workspace without Codex",
        value: SIGN_IN.notEntitled,
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.4", confidence: "high" },
      {
        id: "assumed-lifetime",
        what: "Lifetime of a token that names none, s",
        value: SIGN_IN.assumedLifetime,
      },
      { id: "dead-codes", what: "Codes that end a sign-in", value: [...SIGN_IN.dead] },
      {
        id: "secret-prefixes",
        what: "Beginnings of keys and tokens",
        value: profile.SECRET_SHAPES.map(({ prefix }) => prefix),
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.5", confidence: "high" },
      {
        id: "claims",
        what: "Claims of the tokens that hold the account",
        value: [profile.AUTH_CLAIM, profile.PROFILE_CLAIM],
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "1.6", confidence: "high" },
      {
        id: "device-paths",
        check: "sign-in",
        what: "Paths of the device sign-in: code, poll, page, redirect",
        value: [
          SIGN_IN.device.userCodePath,
          SIGN_IN.device.pollPath,
          SIGN_IN.device.page,
          SIGN_IN.device.redirectPath,
        ],
      },
      {
        id: "device-times",
        what: "Device sign-in: lifetime of a code, ms; pause between polls, s; longer by, s",
        value: [SIGN_IN.device.lifetime, SIGN_IN.device.interval, SIGN_IN.device.tooManyAttempts],
      },
      { id: "device-over", what: "Codes that end a device sign-in", value: [...SIGN_IN.device.over] },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2", confidence: "high" },
      {
        id: "api-address",
        what: "Address of the plan's backend",
        value: config.CODEX_API_URL,
        variable: "CODEX_API_URL",
      },
      { id: "responses-path", check: "tool-call", what: "Path of responses", value: profile.RESPONSES_PATH },
    ),
    ...factsFrom(
      { date: "2026-08-31", source: "2.1", confidence: "medium" },
      {
        id: "originator",
        check: "tool-call",
        what: "Kleis's name in the originator header",
        value: profile.ORIGINATOR,
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.1", confidence: "high" },
      { id: "headers", what: "Headers that Kleis sets", value: Object.values(HEADERS) },
      {
        id: "forwarded-headers",
        what: "Headers of the client that travel",
        value: [...new Set([...profile.FORWARDED_HEADERS.plan, ...profile.FORWARDED_HEADERS.api])],
      },
      { id: "turn-state-header", what: "Header that clients send back", value: profile.TURN_STATE_HEADER },
      {
        id: "session-headers",
        what: "Headers that hold a client's session",
        value: SESSION.headers,
      },
    ),
    ...factsFrom(
      { date: "2026-05", source: "2.1", confidence: "low" },
      {
        id: "session-times",
        what: "Times that the cache takes in a session's UUIDv7: earliest, furthest ahead in ms",
        value: [new Date(SESSION.earliest).toISOString(), SESSION.aheadMs],
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "2.1", confidence: "medium" },
      { id: "lite-header", what: "Header of bodies with tools in the input", value: profile.LITE_HEADER },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.2", confidence: "high" },
      {
        id: "accepted-fields",
        check: "tool-call",
        what: "Fields that the backend takes",
        value: [...FIELDS.accepted],
      },
      {
        id: "dropped-fields",
        what: "Fields that the backend refuses and that only tune",
        value: [...FIELDS.tuning],
      },
      {
        id: "refused-fields",
        what: "Fields that the backend lacks and that change the question",
        value: [...FIELDS.state.keys()],
      },
      { id: "stream-option", what: "Member of stream_options that passes", value: profile.STREAM_OPTION },
      {
        id: "encrypted-reasoning",
        what: "What include must hold",
        value: profile.ENCRYPTED_REASONING,
      },
      { id: "cache-breakpoint", what: "Cache hint that is refused", value: profile.CACHE_BREAKPOINT },
      {
        id: "default-instructions",
        what: "Instructions where a client sends none",
        value: profile.DEFAULT_INSTRUCTIONS,
      },
      {
        id: "hosted-tools",
        what: "Hosted tools that the backend runs",
        value: [...profile.HOSTED_TOOLS.all],
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.2", confidence: "medium" },
      { id: "spark", what: "Model for text only", value: profile.SPARK.model },
      {
        id: "spark-tools",
        what: "Hosted tools of that model",
        value: [...profile.HOSTED_TOOLS.spark],
      },
      {
        id: "web-search",
        what: "Older and present name of web search",
        value: [profile.WEB_SEARCH.older, profile.WEB_SEARCH.name],
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "2.2", confidence: "medium" },
      {
        id: "service-tiers",
        what: "What a service tier is sent as",
        value: [...profile.SERVICE_TIERS].map(([asked, sent]) => `${asked}=${sent}`),
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.3", confidence: "high" },
      { id: "older-end", what: "Older name of a stream's last event", value: profile.OLDER_END },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.6", confidence: "high" },
      { id: "models-path", check: "models", what: "Path of the plan's list of models", value: MODELS.path },
      {
        id: "unknown-limits",
        what: "Input and output tokens of a model that nothing describes",
        value: [MODELS.unknown.input, MODELS.unknown.output],
      },
    ),
    ...factsFrom(
      { date: "2026-11", source: "2.6", confidence: "high" },
      {
        id: "client-version",
        check: "models",
        what: "Codex version that the list of models is asked with",
        value: config.CODEX_CLIENT_VERSION ?? profile.CLIENT_VERSION,
        variable: "CODEX_CLIENT_VERSION",
      },
      {
        id: "client-agent",
        what: "User-agents of Codex clients, with the version",
        value: profile.CODEX_AGENT,
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.7", confidence: "high" },
      { id: "usage-path", check: "usage", what: "Path that tells a plan's usage", value: profile.USAGE_PATH },
      {
        id: "limit-headers",
        check: "tool-call",
        what: "Beginning of headers on limits",
        value: [...profile.LIMIT_HEADERS.plan, ...profile.LIMIT_HEADERS.api],
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.1", confidence: "medium" },
      {
        id: "cached-tokens",
        check: "cache",
        what: "Where cached tokens are counted",
        value: profile.CACHED_TOKENS,
      },
    ),
    ...factsFrom(
      { date: "2026-08", source: "2.2", confidence: "high" },
      {
        id: "image-input",
        check: "image",
        what: "Part of a message that holds an image",
        value: profile.IMAGE_PART,
      },
    ),
    ...factsFrom(
      { date: "2026-09", source: "5.3", confidence: "medium" },
      { id: "efforts", check: "effort", what: "Efforts that a list may name", value: EFFORTS },
    ),
    ...factsFrom(
      { date: "2026-11", source: "3", confidence: "high" },
      {
        id: "public-address",
        what: "Address of OpenAI's API",
        value: config.OPENAI_API_URL,
        variable: "OPENAI_API_URL",
      },
      {
        id: "public-paths",
        check: "tool-call",
        what: "Paths of OpenAI's API",
        value: Object.values(profile.API_PATHS),
      },
      {
        id: "key-check-path",
        check: "api-models",
        what: "Path that tries an API key",
        value: profile.KEY_CHECK_PATH,
      },
    ),
    ...factsFrom(
      { date: "2026-09-28", source: "5.3", confidence: "medium" },
      { id: "family", what: "Ids of GPT models", value: profile.FAMILY },
      { id: "not-for-agents", what: "Ids of models that do not talk", value: profile.NOT_FOR_AGENTS },
      { id: "model-version", what: "Version in a model's id", value: profile.MODEL_VERSION },
      {
        id: "plan-models",
        check: "models",
        what: "Models of a plan, and the version above which all are",
        value: [...PLAN_ACCESS.ids, `> ${PLAN_ACCESS.above.major}.${PLAN_ACCESS.above.minor}`],
      },
      {
        id: "not-plan-models",
        what: "Models that a plan lacks",
        value: [...PLAN_ACCESS.without, String(PLAN_ACCESS.apiOnlyVariants)],
      },
      {
        id: "plan-cost",
        what: "Cost of a plan's models, USD per million tokens",
        value: Object.values(profile.PLAN_COST),
      },
      { id: "modes-without-plan", what: "Modes that a plan lacks", value: [...profile.MODES_WITHOUT_PLAN] },
    ),
    ...factsFrom(
      { date: "2026-09", source: "5.3", confidence: "medium" },
      {
        id: "plan-limits",
        check: "models",
        what: "Tokens of a plan's models, and the windows of some",
        value: planLimits(),
      },
    ),
    ...factsFrom(
      { date: "2026-11-22", source: "7", confidence: "medium" },
      { id: "position", what: "What OpenAI has said", value: profile.TERMS },
    ),
  ];
}

function planLimits(): string[] {
  const { contexts, limit } = profile.PLAN_LIMITS;
  return [
    ...Object.entries(limit).map(([name, tokens]) => `${name} ${tokens}`),
    ...contexts.map(({ models, context }) => `${models} context ${context}`),
  ];
}
