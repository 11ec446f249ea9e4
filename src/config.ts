/** The environment, decoded once. Every default that is not a provider's own fact stands here (design §2). */
import * as z from "zod/mini";
import "./zod-words.ts";

/** Words that only a token copied from an example is made of. */
const PLACEHOLDER =
  /^(a|admin|at|be|bytes|change|changeme|characters|default|example|generate|here|insert|key|kleis|least|long|me|my|of|placeholder|please|put|random|replace|secret|set|string|strong|the|this|to|token|value|with|your|x|0|24|32)+$/;

const trimmed = z.string().check(z.trim());

const origin = (fallback: string) =>
  z._default(
    z
      .pipe(
        trimmed,
        z.transform((value) => (value === "" ? fallback : value).replace(/\/+$/, "")),
      )
      .check(
        z.refine(
          isUpstreamUrl,
          "must be an https:// address (http:// only on loopback), without user info, query or fragment",
        ),
      ),
    fallback,
  );

const optionalOrigin = z._default(
  z
    .pipe(
      trimmed,
      z.transform((value) => value.replace(/\/+$/, "")),
    )
    .check(
      z.refine(
        (value) => value === "" || isUpstreamUrl(value),
        "must be empty or an https:// address (http:// only on loopback)",
      ),
    ),
  "",
);

const named = (fallback: string) =>
  z._default(
    z.pipe(
      trimmed,
      z.transform((value) => value || fallback),
    ),
    fallback,
  );

/** A number, written as `pattern` allows; unset or empty means the default. */
const number = (pattern: RegExp, fallback: number, refusal: string) =>
  z._default(
    z.pipe(
      trimmed.check(z.regex(pattern, refusal)),
      z.transform((value) => (value === "" ? fallback : Number(value))),
    ),
    fallback,
  );

/** A duration in ms. */
const milliseconds = (fallback: number) =>
  number(/^\d{0,9}$/, fallback, "must be a whole number of milliseconds");

/** A number of things that are allowed at once. */
const count = (fallback: number) =>
  number(/^([1-9]\d{0,5})?$/, fallback, "must be a whole number from 1 to 999999");

const list = z.pipe(
  z._default(z.string(), ""),
  z.transform((value) =>
    value
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ),
);

const schema = z.object({
  ADMIN_TOKEN: trimmed.check(
    z.minLength(24, "must have at least 24 characters"),
    z.refine((value) => !isPlaceholder(value), "is a placeholder: choose a random one"),
  ),
  ENCRYPTION_KEY: z
    .pipe(
      z.string(),
      z.transform((value) => value.split(",").map((part) => part.trim())),
    )
    .check(
      z.refine(
        (keys) => keys.every(isKey),
        "must be 32 bytes in base64 (a comma-separated list rotates; the first one writes)",
      ),
    ),
  PUBLIC_URL: optionalOrigin,
  CLAUDE_API_URL: origin("https://api.anthropic.com"),
  CLAUDE_AUTHORIZE_URL: origin("https://claude.ai/oauth/authorize"),
  CLAUDE_CONSOLE_AUTHORIZE_URL: origin("https://platform.claude.com/oauth/authorize"),
  CLAUDE_TOKEN_URL: origin("https://platform.claude.com/v1/oauth/token"),
  CLAUDE_CLIENT_ID: named("9d1c250a-e61b-44d9-88ed-5944d1962f5e"),
  CODEX_API_URL: origin("https://chatgpt.com/backend-api"),
  CODEX_AUTH_URL: origin("https://auth.openai.com"),
  CODEX_CLIENT_ID: named("app_EMoamEEZ73f0CkXaXp7hrann"),
  OPENAI_API_URL: origin("https://api.openai.com"),
  COPILOT_API_URL: optionalOrigin,
  GITHUB_URL: origin("https://github.com"),
  GITHUB_API_URL: origin("https://api.github.com"),
  COPILOT_CLIENT_ID: named("Ov23li8tweQw6odWQebz"),
  COPILOT_ENTERPRISE_HOSTS: list,
  MODELS_DEV_URL: z._default(optionalOrigin, "https://models.dev/api.json"),
  KLEIS_HEADER_TIMEOUT_MS: milliseconds(600_000),
  KLEIS_IDLE_TIMEOUT_MS: milliseconds(900_000),
  KLEIS_MAX_STREAMS_PER_KEY: count(512),
  KLEIS_MAX_STREAMS: count(1024),
  KLEIS_NATIVE_STREAMS: z._default(z.enum(["off", "on"]), "off"),
  LOG_LEVEL: z._default(z.enum(["debug", "info", "warn", "error", "silent"]), "info"),
});

/** The decoded environment. URLs have no trailing slash; `ENCRYPTION_KEY` is a ring of base64 keys. */
export type Config = z.output<typeof schema>;

export type ConfigResult = { ok: true; config: Config } | { ok: false; problems: string[] };

/** Decodes an environment. `problems` name the variable and what to do; they never repeat its value. */
export function readConfig(environment: Record<string, string | undefined>): ConfigResult {
  const result = schema.safeParse(environment);
  if (result.success) return { ok: true, config: result.data };
  return {
    ok: false,
    problems: result.error.issues.map((issue) => {
      const name = issue.path.join(".");
      return environment[name] === undefined ? `${name} is not set` : `${name} ${issue.message}`;
    }),
  };
}

function isPlaceholder(value: string): boolean {
  return new Set(value).size < 4 || PLACEHOLDER.test(value.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

function isUpstreamUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

/** True for the host names that never leave this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function isKey(value: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(value) || /^[A-Za-z0-9_-]{43}=?$/.test(value);
}
