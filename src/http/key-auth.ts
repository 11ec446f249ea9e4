/** The issued key of a client request: from `Authorization: Bearer` or `x-api-key`, or both when they are equal. */
import { KleisError } from "../errors.ts";
import { type KeyLookup, keyRefusal } from "../keys/lookup.ts";
import type { KeyRecord } from "../storage/port.ts";

const BEARER = /^bearer +(\S+) *$/i;

/** Throws the refusal in words when the request brings no key, two different ones, or one that is not valid now. */
export async function requireKey(keys: KeyLookup, headers: Headers): Promise<KeyRecord> {
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? null : (BEARER.exec(authorization)?.[1] ?? "");
  const apiKey = headers.get("x-api-key")?.trim() || null;
  if (bearer !== null && apiKey !== null && bearer !== apiKey) {
    throw new KleisError(
      "invalid_api_key",
      "Authorization and x-api-key hold two different keys. Send the Kleis key in one of them, or the same key in both.",
    );
  }
  const sent = bearer ?? apiKey;
  if (sent === null || sent === "") {
    throw new KleisError(
      "missing_api_key",
      "No API key. Send a Kleis key as Authorization: Bearer <key> or x-api-key: <key>; issue one on the admin page.",
    );
  }
  const found = await keys.find(sent);
  if (!found.ok) throw keyRefusal(found.code);
  return found.key;
}
