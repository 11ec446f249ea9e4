/** Whether the database responds, and whether its tables are those of this version. Changes nothing. */
import type { Client } from "@libsql/client";
import type { Clock } from "../../src/runtime.ts";
import { attempt, within } from "../../src/storage/libsql/failure.ts";
import { fitsKeyRing } from "../../src/storage/libsql/key-check.ts";
import { migrations } from "../../src/storage/libsql/migrations.gen.ts";
import { StorageError } from "../../src/storage/port.ts";
import type { Sealer } from "../../src/storage/seal.ts";
import type { Finding } from "./finding.ts";

const WRONG_KEY: Finding = {
  area: "database",
  level: "problem",
  text: "ENCRYPTION_KEY does not open what it holds: Kleis does not start with it.",
  advice:
    "Set the key that it was written with; the line on the variables says where the present one comes from. A comma-separated list may hold both.",
};

/** `usable`: the tables can be read. */
export async function lookAtDatabase(
  client: Client,
  sleep: Clock["sleep"],
  sealer: Sealer,
): Promise<{ findings: Finding[]; usable: boolean }> {
  const area = "database";
  try {
    await attempt("reach the database", () => within(sleep, client.execute("select 1")));
  } catch (error) {
    const text = error instanceof StorageError ? error.message : "cannot reach the database";
    const advice = "Check TURSO_DATABASE_URL and TURSO_AUTH_TOKEN, and that the database runs.";
    return { findings: [{ area, level: "problem", text, advice }], usable: false };
  }
  const newest = await newestMigration(client);
  const unwritable = await writeProblem(client, sleep);
  const key = newest === 0 || (await fitsKeyRing(client, sleep, sealer)) ? [] : [WRONG_KEY];
  const wanted = migrations.at(-1)?.when ?? 0;
  if (newest === wanted) {
    const text = "It responds, and its tables are those of this version.";
    return { findings: [{ area, level: "ok", text }, ...key, ...unwritable], usable: true };
  }
  if (newest > wanted) {
    const text =
      "It was used by a newer version of Kleis than this one. Tables are only ever added to, so this one works.";
    const advice = "Upgrade again once the problem you downgraded for is fixed.";
    return { findings: [{ area, level: "note", text, advice }, ...key, ...unwritable], usable: true };
  }
  const text =
    newest === 0 ? "It responds, and is empty." : "It responds; its tables are those of an older version.";
  const advice = "The next start (or the first request to a deployment) brings them up to date.";
  return { findings: [{ area, level: "note", text, advice }, ...key, ...unwritable], usable: false };
}

/** Why nothing can be written to a file, as far as taking its lock tells; that is given back with nothing changed. */
async function writeProblem(client: Client, sleep: Clock["sleep"]): Promise<Finding[]> {
  if (client.protocol !== "file") return [];
  try {
    await attempt("write to the database", async () => {
      const transaction = await within(sleep, client.transaction("write"));
      await transaction.rollback();
    });
    return [];
  } catch (error) {
    const text = error instanceof StorageError ? error.message : "cannot write to the database";
    return [{ area: "database", level: "problem", text }];
  }
}

/** Epoch ms of the newest one; 0 for a database without Kleis's tables. */
async function newestMigration(client: Client): Promise<number> {
  try {
    const { rows } = await client.execute("select max(created_at) from __drizzle_migrations");
    return Number(rows[0]?.[0] ?? 0);
  } catch {
    return 0;
  }
}
