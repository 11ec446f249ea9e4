/** For `drizzle-kit generate`, which writes `migrations/`; part of `npm run generate`. */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./src/storage/libsql/schema.ts",
  out: "./migrations",
});
