/**
 * Tells a wrong ENCRYPTION_KEY before anything else is done with it: one sealed value that every ring of this database
 * must open. Without the check a mistyped key would be noticed only once half of what is stored was written with it.
 */
import type { Client } from "@libsql/client";
import type { Clock } from "../../runtime.ts";
import { WrongKeyError } from "../port.ts";
import { type Place, SealError, type Sealer } from "../seal.ts";
import { retryWhileBusy } from "./busy.ts";
import { attempt, within } from "./failure.ts";

/** The setting under which the value is kept. */
export const KEY_CHECK = "encryption.check";

const PLACE: Place = { table: "system_settings", column: "value", row: KEY_CHECK };

/** The sealed text. It says nothing: opening it proves the key and no more. */
const PLAIN = "kleis";

export const READ_CHECK = { sql: "SELECT value FROM system_settings WHERE key = ?", args: [KEY_CHECK] };

/** Any sealed text of a database that was used before there was a check value. */
const SAMPLES = `
  SELECT 'api_keys' AS t, 'sealed_key' AS c, id, sealed_key AS v, NULL AS n FROM api_keys
  UNION ALL SELECT 'provider_accounts', 'access_token', id, access_token, token_version FROM provider_accounts
  UNION ALL SELECT 'provider_accounts', 'api_key', id, api_key, token_version FROM provider_accounts
  LIMIT 100`;

/**
 * Resolves when the ring opens what is stored; one read when all is well. The first ring on a database leaves its mark,
 * written by its first key. Rejects with `WrongKeyError`, or with `StorageError`.
 */
export function checkKeyRing(client: Client, clock: Clock, sealer: Sealer): Promise<void> {
  const { sleep } = clock;
  const work = async () => {
    let stored = await readCheck(client, sleep);
    if (stored === null) {
      if (!(await opensAny(client, sleep, sealer))) throw wrongKey();
      const sql =
        "INSERT INTO system_settings (key, value, updated_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
      const args = [KEY_CHECK, await sealer.seal(PLAIN, PLACE), clock.now()];
      await within(sleep, client.execute({ sql, args }));
      // Another process, with another key, may have been first.
      stored = await readCheck(client, sleep);
    }
    if (stored === null || !(await opensCheck(sealer, stored))) throw wrongKey();
  };
  return attempt("check the encryption key", () => retryWhileBusy(client, sleep, work));
}

/** Whether the ring is this database's, as `checkKeyRing` judges; writes nothing. Rejects with `StorageError`. */
export function fitsKeyRing(client: Client, sleep: Clock["sleep"], sealer: Sealer): Promise<boolean> {
  return attempt("check the encryption key", async () => {
    const stored = await readCheck(client, sleep);
    return stored === null ? opensAny(client, sleep, sealer) : opensCheck(sealer, stored);
  });
}

async function readCheck(client: Client, sleep: Clock["sleep"]): Promise<string | null> {
  const { rows } = await within(sleep, client.execute(READ_CHECK));
  return rows[0] === undefined ? null : String(rows[0][0]);
}

/** Whether the ring opens what `READ_CHECK` reads. */
export function opensCheck(sealer: Sealer, stored: string): Promise<boolean> {
  return opens(sealer, stored, PLACE);
}

/** True also when there is nothing to open. */
async function opensAny(client: Client, sleep: Clock["sleep"], sealer: Sealer): Promise<boolean> {
  const { rows } = await within(sleep, client.execute(SAMPLES));
  const sealed = rows.filter((row) => row.v !== null);
  for (const { t, c, id, v, n } of sealed) {
    const version = n === null ? {} : { version: Number(n) };
    const place = { table: String(t), column: String(c), row: String(id), ...version };
    if (await opens(sealer, String(v), place)) return true;
  }
  return sealed.length === 0;
}

async function opens(sealer: Sealer, sealed: string, place: Place): Promise<boolean> {
  try {
    await sealer.open(sealed, place);
    return true;
  } catch (error) {
    if (error instanceof SealError) return false;
    throw error;
  }
}

function wrongKey(): WrongKeyError {
  return new WrongKeyError(
    "ENCRYPTION_KEY does not open what this database holds. Set the key it was written with (a comma-separated list rotates: the first writes, all read). Without that key its accounts and keys cannot be opened: begin with an empty database then.",
  );
}
