/** The keys that a request brings: where they stand, and how to pass a request on without them. */

const BEARER = /^bearer +(\S+) *$/i;

/** From `Authorization: Bearer` and `x-api-key`; one when both hold the same. */
export function sentKeys(headers: Headers): string[] {
  // Another scheme is another's: a web server's own password, for example.
  const bearer = BEARER.exec(headers.get("authorization") ?? "")?.[1];
  const apiKey = headers.get("x-api-key")?.trim();
  return [...new Set([bearer, apiKey].flatMap((key) => key || []))];
}

/** The headers and the query (without `?`), less every header and every field that holds one of the keys. */
export function withoutKeys(headers: Headers, query: string): { headers: Headers; query: string } {
  const keys = sentKeys(headers);
  const holdsOne = (text: string) => keys.some((key) => text.includes(key));
  const kept = new Headers();
  headers.forEach((value, name) => {
    if (!holdsOne(value)) kept.append(name, value);
  });
  // As they came, but for what is left out: an upstream may tell one spelling from another.
  const fields = query.split("&").filter((field) => !holdsOne(String([...new URLSearchParams(field)])));
  return { headers: kept, query: fields.join("&") };
}
