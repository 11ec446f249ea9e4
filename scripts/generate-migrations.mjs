/**
 * Turns `migrations/` (drizzle-kit's journal and SQL) into `src/storage/libsql/migrations.gen.ts`, for runtimes
 * without a file system. `--check` writes nothing and fails when the two differ.
 * Usage: node scripts/generate-migrations.mjs [--check] [<migrations folder> <output file>]
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");
const [folder = join(root, "migrations"), output = join(root, "src/storage/libsql/migrations.gen.ts")] =
  process.argv.slice(2).filter((argument) => argument !== "--check");

const { entries } = JSON.parse(readFileSync(join(folder, "meta/_journal.json"), "utf8"));
const migrations = entries
  .map(({ tag, when }) => {
    const source = readFileSync(join(folder, `${tag}.sql`), "utf8");
    return {
      tag,
      when,
      // Of the file as it is, which is what drizzle's own migrator notes.
      hash: createHash("sha256").update(source).digest("hex"),
      statements: source
        .split("--> statement-breakpoint")
        .map((statement) => statement.trim())
        .filter((statement) => statement !== ""),
    };
  })
  .sort((a, b) => a.when - b.when);

const text = `/** Generated from \`migrations/\` by \`scripts/generate-migrations.mjs\`. Do not edit. */
export const migrations = ${JSON.stringify(
  migrations.map(({ when, hash, statements }) => ({ when, hash, statements })),
  null,
  2,
)};
`;

if (!check) {
  writeFileSync(output, text);
} else if (readOrNothing(output) !== text) {
  process.stderr.write(`${output} differs from ${folder}: run npm run generate\n`);
  process.exitCode = 1;
}

function readOrNothing(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
