/**
 * `npm run generate`: writes everything in the repository that is made from something else. The admin page's script and
 * style from `src/admin/browser`, migrations from `src/storage/libsql/schema.ts`, the tables at the end of
 * `docs/providers/*.md` from each provider's facts. Tests fail where it was forgotten.
 */
import { run } from "./child.mjs";
import { install, toolOf } from "./setup.mjs";

const node = install("all");
run(node, ["scripts/generate-admin-assets.mjs"]);
run(node, [toolOf("drizzle-kit"), "generate"]);
run(node, ["scripts/generate-migrations.mjs"]);
run(node, ["--import", "tsx", "scripts/fact-tables.ts"]);
