/** The database's own clock, on which processes agree whose clocks differ. */
import { sql } from "drizzle-orm";

/** Epoch ms. */
export const NOW = sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
