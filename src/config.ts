/** The environment, decoded once. Every default of Kleis's own stands here; a provider's variables are in its folder. */
import * as z from "zod/mini";
import { fromBase64 } from "./bytes.ts";
import {
  bytes,
  count,
  isPlainUrl,
  milliseconds,
  number,
  optional,
  optionalOrigin,
  partsOf,
  plain,
  word,
} from "./variable-kinds.ts";
import { isSendable } from "./variables.ts";
import { isWeakKey, isWeakText } from "./weak-secret.ts";

export { isLoopback } from "./host-name.ts";

const coreVariables = {
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
    // Only the one that writes: what was sealed with a weak one must still open, to be sealed again.
    z.refine(
      ([first = ""]) => !isWeakKey(fromBase64(first)),
      "is a pattern: put a random one in front (openssl rand -base64 32)",
    ),
  ),
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
  KLEIS_CHAT_NATIVE: word(["off", "on"], "off"),
  KLEIS_OPEN_REGISTRY: word(["on", "off"], "on"),
  LOG_LEVEL: word(["debug", "info", "warn", "error", "silent"], "info"),
};

/** Variables by name, each with its kind (`variable-kinds.ts`). */
export type VariableKinds = Readonly<Record<string, z.core.$ZodType>>;

/** What the configuration needs of a provider: the first segment of its routes, and its variables. */
export interface ConfiguredProvider {
  readonly id: string;
  readonly variables: VariableKinds;
}

/** The first segments of Kleis's own paths, besides the providers'. */
const OWN_PATHS = ["admin", "api", "healthz", "metrics", "models", "setup", "v1"];

function schemaOf(providers: readonly ConfiguredProvider[]) {
  const paths = [...OWN_PATHS, ...providers.map(({ id }) => id)];
  // The operator's own address, which may be without TLS in a private network.
  const PUBLIC_URL = optional(
    (value) => isPublicUrl(value, paths),
    "must be empty or the http:// or https:// address that Kleis is opened at, without user and query; a path must not be one of Kleis's own, such as /admin, /v1 or /models",
  );
  const ofProviders: VariableKinds = Object.assign({}, ...providers.map(({ variables }) => variables));
  return z.object({ ...ofProviders, ...coreVariables, PUBLIC_URL }).check(
    z.refine(({ ADMIN_TOKEN, ENCRYPTION_KEY }) => !ENCRYPTION_KEY.some((key) => sameKey(key, ADMIN_TOKEN)), {
      path: ["ADMIN_TOKEN"],
      error: "must not be the same as ENCRYPTION_KEY: choose another one",
    }),
  );
}

type CoreVariables = {
  readonly [Name in keyof typeof coreVariables]: z.output<(typeof coreVariables)[Name]>;
};

/**
 * The decoded environment. URLs have no trailing slash; `ENCRYPTION_KEY` is a ring of base64 keys. Each provider's folder
 * adds its own variables to this interface (`providers/<id>/variables.ts`).
 */
export interface Config extends CoreVariables {
  readonly PUBLIC_URL: string;
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; problems: string[] };

/** Decodes an environment. `problems` name the variable and what to do; they never repeat its value. */
export function decodeConfig(
  environment: Record<string, string | undefined>,
  providers: readonly ConfiguredProvider[],
): ConfigResult {
  const result = schemaOf(providers).safeParse(environment);
  // Each provider declares in Config what its variables decode to.
  if (result.success) return { ok: true, config: result.data as unknown as Config };
  return {
    ok: false,
    problems: result.error.issues.map((issue) => {
      const name = issue.path.join(".");
      return environment[name] === undefined ? `${name} is not set` : `${name} ${issue.message}`;
    }),
  };
}

/** The address before each of Kleis's paths. Its own path may not begin like one of them: both are served. */
function isPublicUrl(value: string, paths: readonly string[]): boolean {
  if (!isPlainUrl(value) || /\/(admin|v1)$/.test(value)) return false;
  const [, first = ""] = new URL(value).pathname.split("/");
  return !paths.includes(first);
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
