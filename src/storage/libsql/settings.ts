/** Named values in libSQL: plain ones, in which no secret belongs, and sealed ones under names with a prefix. */
import { eq } from "drizzle-orm";
import type { SettingStore } from "../port.ts";
import type { Place, Sealer } from "../seal.ts";
import type { Database } from "./database.ts";
import { systemSettings } from "./schema.ts";

/** How the names of sealed values begin in the table. */
export const SEALED_PREFIX = "sealed:";

const placeOf = (name: string): Place => ({ table: "system_settings", column: "value", row: name });

export function settingStore(database: Database, sealer: Sealer): SettingStore {
  const read = (key: string) =>
    database.run("read a setting", async (orm) => {
      const [row] = await orm
        .select({ value: systemSettings.value })
        .from(systemSettings)
        .where(eq(systemSettings.key, key));
      return row?.value ?? null;
    });

  const write = (key: string, value: string, now: number) =>
    database.run("store a setting", async (orm) => {
      await orm
        .insert(systemSettings)
        .values({ key, value, updatedAt: now })
        .onConflictDoUpdate({ target: systemSettings.key, set: { value, updatedAt: now } });
    });

  return {
    get: read,
    set: write,

    async getSealed(key) {
      const name = SEALED_PREFIX + key;
      const sealed = await read(name);
      return sealed === null ? null : sealer.open(sealed, placeOf(name));
    },

    async setSealed(key, value, now) {
      const name = SEALED_PREFIX + key;
      await write(name, await sealer.seal(value, placeOf(name)), now);
    },
  };
}
