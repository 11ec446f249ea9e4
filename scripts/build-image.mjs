/**
 * Lays out what a container needs to run Kleis, and nothing else: the bundle that `npm start` runs, the public files,
 * and libSQL with what it depends on. Usage: node scripts/build-image.mjs <folder>
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForNode, LIBSQL, WITH_LIBSQL } from "./bundle.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
if (process.argv[2] === undefined) {
  process.stderr.write("usage: node scripts/build-image.mjs <folder>\n");
  process.exit(2);
}
const target = resolve(process.argv[2]);

mkdirSync(target, { recursive: true });
await bundleForNode({ server: "adapters/node/main.ts" }, join(target, "dist"), WITH_LIBSQL);
cpSync(join(ROOT, "public"), join(target, "public"), { recursive: true });
writeFileSync(join(target, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
const packages = withDependencies([LIBSQL]);
for (const name of packages) {
  cpSync(join(ROOT, "node_modules", name), join(target, "node_modules", name), { recursive: true });
}
process.stdout.write(`${target}: the server and ${packages.length} packages\n`);

/** The packages and everything that they ask for, as far as it is installed for this platform. */
function withDependencies(names) {
  const found = new Set();
  const visit = (name) => {
    const folder = join(ROOT, "node_modules", name);
    if (found.has(name) || !existsSync(folder)) return;
    found.add(name);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    for (const other of Object.keys({ ...dependencies, ...optionalDependencies })) visit(other);
  };
  for (const name of names) visit(name);
  return [...found].sort();
}
