/** The environment, decoded once. A provider's own facts are defaults from its profile; every other default stands here. */
import * as z from "zod/mini";
import { fromBase64 } from "./bytes.ts";
import { publicHostOf } from "./host-name.ts";
import { PROFILE as claude } from "./providers/claude/profile.ts";
import { DEFAULTS as codex } from "./providers/codex/profile.ts";
import { DEFAULTS as copilot } from "./providers/copilot/profile.ts";
import { flawOf, isSendable, plainValue } from "./variables.ts";
import { isWeakKey, isWeakText } from "./weak-secret.ts";
import "./zod-locale.ts";

/** What every variable begins with: its plain form, refused where that cannot be what was meant. */
const plain = z.string().check(
  z.overwrite(plainValue),
  z.check<string>(({ value, issues }) => {
    const message = flawOf(value);
    if (message !== null) issues.push({ code: "custom", message, input: value });
  }),
);

const origin = (fallback: string, read: (value: string) => string = withoutSpareSlashes) =>
  z._default(
    z
      .pipe(
        plain,
        z.transform((value) => read(value === "" ? fallback : value)),
      )
      .check(
        z.refine(
          isUpstreamUrl,
          "must be an https:// address (http:// only on loopback), without user info, query or fragment",
        ),
      ),
    fallback,
  );

const optional = (isFine: (value: string) => boolean, refusal: string) =>
  z._default(
    z
      .pipe(plain, z.transform(withoutSpareSlashes))
      .check(z.refine((value) => value === "" || isFine(value), refusal)),
    "",
  );

const optionalOrigin = optional(
  isUpstreamUrl,
  "must be empty or an https:// address (http:// only on loopback)",
);

/** An identifier that is sent to a provider. */
const named = (fallback: string) =>
  z._default(
    z.pipe(
      plain.check(z.refine(isSendable, "must be plain ASCII without blanks")),
      z.transform((value) => value || fallback),
    ),
    fallback,
  );

/** A number, written as `pattern` allows; unset or empty means the default. */
const number = (pattern: RegExp, fallback: number, refusal: string) =>
  z._default(
    z.pipe(
      plain.check(z.regex(pattern, refusal)),
      z.transform((value) => (value === "" ? fallback : Number(value))),
    ),
    fallback,
  );

/** One of some words, in whatever case; unset or empty means the default. */
const word = <Word extends string>(words: readonly Word[], fallback: Word) =>
  z._default(
    z.pipe(
      z.pipe(
        plain,
        z.transform((value) => value.toLowerCase() || fallback),
      ),
      z.enum(words),
    ),
    fallback,
  );

/** A duration in ms. */
const milliseconds = (fallback: number) =>
  number(/^([1-9]\d{0,8})?$/, fallback, "must be a whole number of milliseconds from 1 to 999999999");

/** A number of things that are allowed at once. */
const count = (fallback: number) =>
  number(/^([1-9]\d{0,5})?$/, fallback, "must be a whole number from 1 to 999999");

/** An amount of memory in bytes; the default in MiB. */
const bytes = (fallback: number) =>
  number(/^([1-9]\d{6,11})?$/, fallback * 1024 * 1024, "must be a whole number of bytes, 1000000 or more");

const partsOf = (value: string) => value.split(",").map((part) => part.trim());

/** Names of public hosts, in lower case. */
const hosts = z._default(
  z.pipe(
    plain.check(
      z.refine(
        (value) => value === "" || partsOf(value).every((part) => part === "" || publicHostOf(part) !== null),
        "must be public host names such as git.company.com, separated by commas, without wildcard, port and path",
      ),
    ),
    z.transform((value) => partsOf(value).flatMap((part) => publicHostOf(part) ?? [])),
  ),
  [],
);

const variables = z.object({
  ADMIN_TOKEN: plain.check(
    z.minLength(24, { error: "must have at least 24 characters", abort: true }),
    z.refine(isSendable, {
      error:
        "holds a blank or a character beyond ASCII, which no header can carry: choose another one (openssl rand -base64 33)",
      abort: true,
    }),
    z.refine(
      (value) => !/^kleis_[\w-]{43}$/.test(value),
      "has the form of an issued key: choose another one (openssl rand -base64 33)",
    ),
    z.refine(
      (value) => !isWeakText(value),
      "is a placeholder or a pattern: choose a random one (openssl rand -base64 33)",
    ),
  ),
  ENCRYPTION_KEY: z.pipe(plain, z.transform(partsOf)).check(
    z.refine((keys) => keys.every(isKey), {
      error: "must be 32 bytes in base64 (a comma-separated list rotates; the first one writes)",
      abort: true,
    }),
    // Only the one that writes: what was sealed with a weak one must still open, to be sealed anew.
    z.refine(
      ([first = ""]) => !isWeakKey(fromBase64(first)),
      "is a pattern: put a random one in front (openssl rand -base64 32)",
    ),
  ),
  // The operator's own, which in his own network may be without TLS.
  PUBLIC_URL: optional(
    isPublicUrl,
    "must be empty or the http:// or https:// address that Kleis is opened at, without user and query; a path must not be one of Kleis's own, such as /admin, /v1 or /models",
  ),
  CLAUDE_API_URL: origin(claude.defaults.CLAUDE_API_URL, withoutVersion),
  CLAUDE_AUTHORIZE_URL: origin(claude.defaults.CLAUDE_AUTHORIZE_URL),
  CLAUDE_CONSOLE_AUTHORIZE_URL: origin(claude.defaults.CLAUDE_CONSOLE_AUTHORIZE_URL),
  CLAUDE_TOKEN_URL: origin(claude.defaults.CLAUDE_TOKEN_URL),
  /** Undefined: the name in Claude's profile; empty: Kleis's own. */
  CLAUDE_USER_AGENT: z.optional(plain.check(z.regex(/^[\x20-\x7e]*$/, "must be plain ASCII"))),
  CLAUDE_CLIENT_ID: named(claude.defaults.CLAUDE_CLIENT_ID),
  /** Undefined: the version in Codex's profile, or a newer one that Codex clients name. */
  CODEX_CLIENT_VERSION: z.optional(
    z.pipe(
      plain.check(z.regex(/^(\d{1,4}\.\d{1,4}\.\d{1,4})?$/, "must be a version such as 0.169.0")),
      z.transform((value) => value || undefined),
    ),
  ),
  CODEX_API_URL: origin(codex.CODEX_API_URL),
  CODEX_AUTH_URL: origin(codex.CODEX_AUTH_URL),
  CODEX_CLIENT_ID: named(codex.CODEX_CLIENT_ID),
  OPENAI_API_URL: origin(codex.OPENAI_API_URL, withoutVersion),
  COPILOT_API_URL: optionalOrigin,
  GITHUB_URL: origin(copilot.GITHUB_URL),
  GITHUB_API_URL: origin(copilot.GITHUB_API_URL),
  COPILOT_CLIENT_ID: named(copilot.COPILOT_CLIENT_ID),
  COPILOT_ENTERPRISE_HOSTS: hosts,
  MODELS_DEV_URL: z._default(optionalOrigin, "https://models.dev/api.json"),
  KLEIS_HEADER_TIMEOUT_MS: milliseconds(600_000),
  KLEIS_IDLE_TIMEOUT_MS: milliseconds(900_000),
  KLEIS_CLIENT_STALL_MS: number(
    /^([1-9]\d{3,8})?$/,
    300_000,
    "must be a whole number of milliseconds, at least 1000",
  ),
  KLEIS_MAX_STREAMS_PER_KEY: count(512),
  KLEIS_MAX_STREAMS: count(1024),
  KLEIS_MAX_BYTES_IN_FLIGHT_PER_KEY: bytes(112),
  KLEIS_MAX_BYTES_IN_FLIGHT: bytes(160),
  KLEIS_NATIVE_STREAMS: word(["off", "on"], "off"),
  KLEIS_OPEN_REGISTRY: word(["on", "off"], "on"),
  LOG_LEVEL: word(["debug", "info", "warn", "error", "silent"], "info"),
});

const schema = variables.check(
  z.refine(({ ADMIN_TOKEN, ENCRYPTION_KEY }) => !ENCRYPTION_KEY.some((key) => sameKey(key, ADMIN_TOKEN)), {
    path: ["ADMIN_TOKEN"],
    error: "must not be the same as ENCRYPTION_KEY: choose another one",
  }),
);

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

/** As the URL parser writes it (ASCII, lower-case host), without a slash at the end and without empty segments. */
function withoutSpareSlashes(value: string): string {
  const url = isPlainUrl(value) ? new URL(value).href : value;
  return url.replace(/(?<!^https?:)\/{2,}/gi, "/").replace(/\/$/, "");
}

/** The address under which `/v1` stands: vendors' SDKs are configured with it or without. */
function withoutVersion(url: string): string {
  return withoutSpareSlashes(url).replace(/(\/v1)+$/, "");
}

/** What the paths of Kleis are written behind. Its own path may not begin as one of them does: both are answered. */
function isPublicUrl(value: string): boolean {
  return (
    isPlainUrl(value) &&
    !/\/(admin|v1)$/.test(value) &&
    !/^\/(admin|api|claude|codex|copilot|healthz|metrics|models|setup|v1)(\/|$)/.test(new URL(value).pathname)
  );
}

function isUpstreamUrl(value: string): boolean {
  if (!isPlainUrl(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === "https:" || isLoopback(hostname);
}

/** Over HTTP, to a port that can be connected to, and nothing in it but an address. */
function isPlainUrl(value: string): boolean {
  if (!/^https?:\/\/[^\s\\?#]+$/i.test(value) || !URL.canParse(value)) return false;
  const { username, password, port } = new URL(value);
  return username === "" && password === "" && port !== "0";
}

/** True for the host names that never leave this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function isKey(value: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(value) || /^[A-Za-z0-9_-]{43}=?$/.test(value);
}

/** Whether two texts are the same key, in either alphabet. */
function sameKey(a: string, b: string): boolean {
  return plainBase64(a) === plainBase64(b);
}

/** Without padding, in base64's first alphabet. */
function plainBase64(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
}
