/** Issues a key: the secret that an agent is given, and the discovery token that only opens the key's model list. */

import { sha256Hex } from "../bytes.ts";
import type { Runtime } from "../runtime.ts";
import type { KeyRecord } from "../storage/port.ts";
import { randomId, randomSecret } from "./secret.ts";

/** What every issued key begins with, so that people and secret scanners recognise one. */
export const KEY_PREFIX = "kleis_";

/** The characters of a key that a list may show. */
const SHOWN = 10;

export interface KeyRequest {
  label?: string | undefined;
  /** Null or absent scopes mean "no limit". */
  providers?: string[] | null | undefined;
  models?: string[] | null | undefined;
  accounts?: string[] | null | undefined;
  /** `never`: its requests do not move to another account; null or absent follows the provider's policy. */
  failover?: "never" | null | undefined;
  /** Epoch ms; null or absent for a key without end. */
  expiresAt?: number | null | undefined;
}

export interface IssuedKey {
  record: KeyRecord;
  /** `kleis_` and 43 base64url characters. */
  key: string;
  /** 43 base64url characters; independent of the key, since it stands in URLs. */
  discoveryToken: string;
}

/** Makes and stores a key. The request is trusted: the caller has validated it. */
export async function issueKey(runtime: Runtime, request: KeyRequest): Promise<IssuedKey> {
  const key = KEY_PREFIX + randomSecret(runtime);
  const discoveryToken = randomSecret(runtime);
  const [hash, discoveryHash] = await Promise.all([sha256Hex(key), sha256Hex(discoveryToken)]);
  const record = await runtime.storage.keys.insert({
    id: randomId(runtime, "key_"),
    label: request.label ?? "Unnamed key",
    prefix: key.slice(0, SHOWN),
    providers: request.providers ?? null,
    models: request.models ?? null,
    accounts: request.accounts ?? null,
    failover: request.failover ?? null,
    expiresAt: request.expiresAt ?? null,
    now: runtime.clock.now(),
    hash,
    key,
    discoveryHash,
    discoveryToken,
  });
  return { record, key, discoveryToken };
}
