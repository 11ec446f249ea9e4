/**
 * Lays out what a container needs to run Kleis, and nothing else: the bundle that `npm start` runs, the doctor and the
 * rotation of keys, the public files, and libSQL with what it depends on. Usage: node scripts/build-image.mjs <folder>
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForNode, DOCTOR, LIBSQL, ROTATION, SERVER, WITH_LIBSQL } from "./bundle.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
if (process.argv[2] === undefined) {
  process.stderr.write("usage: node scripts/build-image.mjs <folder>\n");
  process.exit(2);
}
const target = resolve(process.argv[2]);

mkdirSync(target, { recursive: true });
await bundleForNode({ ...SERVER, ...DOCTOR, ...ROTATION }, join(target, "dist"), WITH_LIBSQL);
cpSync(join(ROOT, "public"), join(target, "public"), { recursive: true });
writeFileSync(join(target, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
const packages = withDependencies([LIBSQL]);
for (const name of packages) {
  cpSync(join(ROOT, "node_modules", name), join(target, "node_modules", name), { recursive: true });
}
process.stdout.write(`${target}: the server and ${packages.length} packages\n`);

/** The packages and everything that they ask for to run, as far as it is installed for this platform. */
function withDependencies(names) {
  const isMusl = process.report.getReport().header.glibcVersionRuntime === undefined;
  const found = new Set();
  const visit = (name) => {
    const folder = join(ROOT, "node_modules", name);
    if (found.has(name) || name.startsWith("@types/") || !existsSync(folder)) return;
    const {
      dependencies = {},
      optionalDependencies = {},
      neon,
    } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    // npm installs the native parts for both C libraries of Linux.
    if (neon?.platform === "linux" && neon.abi.startsWith("musl") !== isMusl) return;
    found.add(name);
    for (const other of Object.keys({ ...dependencies, ...optionalDependencies })) visit(other);
  };
  for (const name of names) visit(name);
  return [...found].sort();
}
