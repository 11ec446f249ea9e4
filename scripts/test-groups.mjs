/**
 * Which test file belongs to which group. Read from what a file imports, its own helpers included, so that no list has to
 * be kept and every file is in exactly one.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./child.mjs";

/**
 * `browser` opens pages in a browser. `doors` starts processes (Kleis as it is built for each runtime, databases, scripts)
 * or runs long. `unit` is everything else, and shares one process between files.
 */
export const GROUPS = ["unit", "browser", "doors"];

/** In one process, but long: generated cases, simulations, large inputs, many connections. Files, and whole folders. */
const LONG = [
  "tests/limits/simulator.test.ts",
  "tests/node/server-limits.test.ts",
  "tests/path/",
  "tests/providers/worst-bodies.test.ts",
  "tests/proxy/unpacking.test.ts",
  "tests/refresh/simulator.test.ts",
  "tests/registry/consistency.test.ts",
  "tests/registry/custom.test.ts",
  "tests/security/fuzz.test.ts",
  "tests/storage/file-database.test.ts",
  "tests/streams/",
];

const PROCESSES = new Set(["node:child_process", "wrangler"]);
const BROWSERS = new Set(["playwright-core"]);

const IMPORT = /(?:^|\n)\s*(?:import|export)\b[^"';]*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Every test file, relative to the root, with `/`. */
export function testFiles() {
  return readdirSync(join(ROOT, "tests"), { recursive: true, encoding: "utf8" })
    .map((name) => `tests/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".test.ts"))
    .sort();
}

export function groupOf(file) {
  const used = usedBy(file, new Set());
  if ([...used].some((name) => BROWSERS.has(name))) return "browser";
  return LONG.some((name) => file.startsWith(name)) || [...used].some((name) => PROCESSES.has(name))
    ? "doors"
    : "unit";
}

/** The files below tests/ and harness/ that a file reaches by its imports, and the packages that they import. */
function usedBy(file, seen) {
  seen.add(file);
  for (const [, named, lazy] of readFileSync(join(ROOT, file), "utf8").matchAll(IMPORT)) {
    const name = named ?? lazy;
    const path = name.startsWith(".") ? join(dirname(file), name).replaceAll("\\", "/") : name;
    if (seen.has(path)) continue;
    if (/^(?:tests|harness)\//.test(path) && existsSync(join(ROOT, path))) usedBy(path, seen);
    else seen.add(path);
  }
  return seen;
}
