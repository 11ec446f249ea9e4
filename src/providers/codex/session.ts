/** The session a request belongs to, as the backend sees it: its prompt cache follows this id (providers/codex.md §2.1, §6.3). */
import { type JsonObject, text } from "../../json.ts";
import type { PrepareInput } from "../provider.ts";
import { Fingerprint } from "./fingerprint.ts";
import { addOpening } from "./opening.ts";
import { SESSION } from "./profile.ts";
import { uuidV7, uuidV7Time } from "./uuid.ts";

/**
 * The id that goes upstream, a UUIDv7: the same for every request of one session, and different for every issued key and
 * account, so that neither tenants nor accounts share a cache. Its time is the one in the client's own id where that is a
 * UUIDv7, else the key's; all other bits are hashed from key, account and session. A client that names no session has one
 * by how its conversation begins.
 */
export async function upstreamSession(input: PrepareInput): Promise<string> {
  const { keyId, keyCreatedAt, account, body, headers, now } = input;
  const named = clientSession(body.value, headers);
  const fingerprint = new Fingerprint();
  fingerprint.add(keyId);
  fingerprint.add(account.id);
  fingerprint.add(named === undefined ? "opening" : "named");
  if (named === undefined) addOpening(body.value, fingerprint);
  else fingerprint.add(named);
  const times = [named === undefined ? null : uuidV7Time(named), keyCreatedAt];
  const time = times.find((each) => each !== null && isPlausible(each, now)) ?? SESSION.otherwise;
  return uuidV7(time, await fingerprint.digest());
}

/** The client's own session id: the body's cache key, else a header; undefined when it names none. */
function clientSession(body: JsonObject, headers: Headers): string | undefined {
  const named = text(body.prompt_cache_key);
  if (named !== undefined) return named;
  for (const name of SESSION.headers) {
    const value = headers.get(name);
    if (value) return value;
  }
  return undefined;
}

/** A clock that was wrong when a session or a key was made must not spoil its cache. */
function isPlausible(time: number, now: number): boolean {
  return time >= SESSION.earliest && time <= now + SESSION.aheadMs;
}
