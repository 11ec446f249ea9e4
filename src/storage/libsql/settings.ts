/** Named plain values in libSQL. Not sealed: no secret belongs here. */
import { eq } from "drizzle-orm";
import type { SettingStore } from "../port.ts";
import type { Database } from "./database.ts";
import { systemSettings } from "./schema.ts";

export function settingStore(database: Database): SettingStore {
  return {
    get: (key) =>
      database.run("read a setting", async (orm) => {
        const [row] = await orm
          .select({ value: systemSettings.value })
          .from(systemSettings)
          .where(eq(systemSettings.key, key));
        return row?.value ?? null;
      }),

    set: (key, value, now) =>
      database.run("store a setting", async (orm) => {
        await orm
          .insert(systemSettings)
          .values({ key, value, updatedAt: now })
          .onConflictDoUpdate({ target: systemSettings.key, set: { value, updatedAt: now } });
      }),
  };
}
