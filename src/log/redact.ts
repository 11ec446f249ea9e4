/**
 * The last safeguard of the log: redacts values known to be secret, texts that look like a credential, and fields whose name
 * suggests one, and bounds every text. Code that logs must not rely on it.
 */
import type { LogFields, Logger } from "../runtime.ts";

export interface Redactor {
  /** Registers a value to redact; the oldest are forgotten. */
  hold(secret: string | null | undefined): void;
  redact(text: string): string;
  wrap(logger: Logger): Logger;
}

/** How many values are kept. */
const CAPACITY = 2_000;
/** Shorter values would match by chance. */
const SHORTEST = 8;
/** The longest text that is logged, characters; model names and reasons come from outside. */
const LONGEST_TEXT = 400;

const HIDDEN = "[hidden]";

/** Fields whose value is never logged. Kleis logs none of them; later code might. */
const SECRET_NAME =
  /token|secret|password|passwd|authorization|cookie|api_?key|verifier|device_code|user_code|credential|assertion/i;

/** Issued keys, JSON web tokens, the providers' own shapes, and bearer headers. */
const SECRET_SHAPE =
  /kleis_[\w-]{20,}|kadm_[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|sk-[\w-]{16,}|gh[opsur]_\w{16,}|[a-z]+_pat_\w{16,}|v1\.[\w-]{8}\.[\w-]{16}\.[\w-]{22,}|bearer +[^\s"',]{8,}/gi;

export function createRedactor(): Redactor {
  const secrets = new Set<string>();

  function hold(secret: string | null | undefined): void {
    if (secret === null || secret === undefined || secret.length < SHORTEST) return;
    secrets.delete(secret);
    secrets.add(secret);
    if (secrets.size > CAPACITY) secrets.delete(secrets.values().next().value ?? secret);
  }

  function redact(text: string): string {
    if (text.length < SHORTEST) return text;
    let shown = text;
    for (const secret of secrets) if (shown.includes(secret)) shown = shown.replaceAll(secret, HIDDEN);
    shown = shown.replace(SECRET_SHAPE, HIDDEN);
    return shown.length <= LONGEST_TEXT ? shown : `${shown.slice(0, LONGEST_TEXT)}…`;
  }

  function clean(fields: LogFields): LogFields {
    const shown: LogFields = {};
    for (const name in fields) {
      const value = fields[name];
      if (typeof value !== "string") shown[name] = value;
      else shown[name] = SECRET_NAME.test(name) ? HIDDEN : redact(value);
    }
    return shown;
  }

  const wrap = (logger: Logger): Logger => ({
    debug: (event, fields) => logger.debug(redact(event), fields && clean(fields)),
    info: (event, fields) => logger.info(redact(event), fields && clean(fields)),
    warn: (event, fields) => logger.warn(redact(event), fields && clean(fields)),
    error: (event, fields) => logger.error(redact(event), fields && clean(fields)),
  });

  return { hold, redact, wrap };
}
