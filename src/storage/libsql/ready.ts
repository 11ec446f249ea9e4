/** Whether a database needs nothing before it is used: what almost every start of a function or a Worker finds. */
import type { Client, ResultSet } from "@libsql/client";
import type { Clock } from "../../runtime.ts";
import type { Sealer } from "../seal.ts";
import { attempt, within } from "./failure.ts";
import { opensCheck, READ_CHECK } from "./key-check.ts";
import { isNoSuchTable, READ_NEWEST } from "./migrate.ts";
import { migrations } from "./migrations.gen.ts";

/**
 * True when the schema is the newest and the key ring is the right one; asks both in one round trip. False says only that
 * `migrate` and `checkKeyRing` have something to do, or to refuse. Rejects with `StorageError`.
 */
export function isReady(client: Client, sleep: Clock["sleep"], sealer: Sealer): Promise<boolean> {
  return attempt("look at the database", async () => {
    let found: ResultSet[];
    try {
      found = await within(sleep, client.batch([READ_NEWEST, READ_CHECK], "read"));
    } catch (error) {
      if (isNoSuchTable(error)) return false;
      throw error;
    }
    const [newest, check] = found.map(({ rows }) => rows[0]?.[0]);
    const last = migrations.at(-1)?.when ?? 0;
    return Number(newest ?? 0) >= last && check != null && opensCheck(sealer, String(check));
  });
}
