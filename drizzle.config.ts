/** For `drizzle-kit generate`, which writes `migrations/`; run `scripts/generate-migrations.mjs` after it. */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./src/storage/libsql/schema.ts",
  out: "./migrations",
});
