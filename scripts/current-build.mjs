/**
 * Whether what is in `dist` was built from the sources that are there now. Each bundle ends with the hash of its sources,
 * so that the bundle and its mark can only be replaced together. Uses nothing but Node itself.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { ROOT } from "./child.mjs";

const FOLDERS = ["adapters", "src"];
const FILES = ["package-lock.json", "scripts/bundle.mjs", "tsconfig.json"];

/** The last line of a bundle that is built from these sources. */
export function buildMark() {
  const hash = createHash("sha256");
  for (const name of [...FILES, ...FOLDERS.flatMap(filesIn)]) {
    const bytes = readFileSync(join(ROOT, name));
    hash.update(`${name.replaceAll(sep, "/")} ${bytes.length}\n`).update(bytes);
  }
  return `//built:${hash.digest("hex")}`;
}

/** Whether `dist` holds bundles of these names, built from these sources. */
export function isCurrent(names) {
  const mark = buildMark();
  return names.every((name) => {
    try {
      return readFileSync(join(ROOT, "dist", `${name}.mjs`), "utf8")
        .trimEnd()
        .endsWith(mark);
    } catch {
      return false;
    }
  });
}

function filesIn(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(ROOT.length))
    .sort();
}
