/** The issued key of a client request: the one value of a Kleis key's form in `Authorization` and `x-api-key`. */
import { KleisError } from "../errors.ts";
import { sentCredentials } from "../keys/extract.ts";
import { type KeyLookup, keyRefusal } from "../keys/lookup.ts";
import type { KeyRecord } from "../storage/port.ts";

/** Throws when the request carries no key, two different ones, or one that is not valid now. */
export async function requireKey(keys: KeyLookup, headers: Headers): Promise<KeyRecord> {
  const { keys: sent, foreign } = sentCredentials(headers);
  const [key, other] = sent;
  if (other !== undefined) {
    throw new KleisError(
      "invalid_api_key",
      "Authorization and x-api-key hold two different keys. Send the Kleis key in one of them, or the same key in both.",
    );
  }
  if (key === undefined && foreign.length > 0) throw keyRefusal("invalid_api_key");
  if (key === undefined) {
    throw new KleisError(
      "missing_api_key",
      "No API key. Send a Kleis key as Authorization: Bearer <key> or x-api-key: <key>; issue one on the admin page.",
    );
  }
  const found = await keys.find(key);
  if (!found.ok) throw keyRefusal(found.code);
  return found.key;
}
