/** The credentials that a request brings: which of them are Kleis keys, and how to pass a request on without any. */
import { KEY_PREFIX } from "./issue.ts";

/** Kleis keys inside any text. */
const KEYS = new RegExp(`(?<![\\w-])${KEY_PREFIX}[A-Za-z0-9_-]{43}(?![\\w-])`, "g");

const CREDENTIAL_HEADERS = ["authorization", "x-api-key"] as const;

/** Shorter ones (`dummy`, `none`) are no secrets, and may stand in other headers by chance. */
const SECRET_LENGTH = 16;

/** Whether a text as a whole has the form of a Kleis key. */
export function hasKeyForm(text: string): boolean {
  return text.match(KEYS)?.[0] === text;
}

export interface SentCredentials {
  /** Each value of a Kleis key's form, once. */
  readonly keys: readonly string[];
  /** Everything else: a provider's own key, another scheme's password, a placeholder. */
  readonly foreign: readonly string[];
}

/**
 * Reads `Authorization` and `x-api-key`. Agents send other credentials beside the Kleis key, double a header line
 * (joined by a comma) or the scheme, or leave the scheme out: only the form of a value tells whether it is a Kleis key.
 */
export function sentCredentials(headers: Headers): SentCredentials {
  const words = CREDENTIAL_HEADERS.flatMap((name) => (headers.get(name) ?? "").split(/[\s,]+/)).filter(
    (word) => word !== "" && !/^bearer$/i.test(word),
  );
  const distinct = [...new Set(words)];
  return { keys: distinct.filter(hasKeyForm), foreign: distinct.filter((word) => !hasKeyForm(word)) };
}

/**
 * The headers and the query (without `?`) that a provider may be told of: without the credential headers, and without
 * every other header and field that repeats one of their secrets or holds a Kleis key.
 */
export function withoutCredentials(headers: Headers, query: string): { headers: Headers; query: string } {
  const secrets = sentCredentials(headers).foreign.filter(({ length }) => length >= SECRET_LENGTH);
  const holdsOne = (text: string) =>
    text.search(KEYS) >= 0 || secrets.some((secret) => text.includes(secret));
  const kept = new Headers();
  headers.forEach((value, name) => {
    if (!CREDENTIAL_HEADERS.some((header) => header === name) && !holdsOne(value)) kept.append(name, value);
  });
  // As they came, but for what is left out: an upstream may tell one spelling from another.
  const fields = query.split("&").filter((field) => !holdsOne(String([...new URLSearchParams(field)])));
  return { headers: kept, query: fields.join("&") };
}
