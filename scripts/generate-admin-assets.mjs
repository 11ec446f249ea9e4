/**
 * Bundles `src/admin/browser/` (the admin page's script and style) into `src/admin/ui/assets.gen.ts`, for runtimes without
 * a file system. `--check` writes nothing and fails when the two differ.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "src/admin/browser");
const output = join(root, "src/admin/ui/assets.gen.ts");

async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [join(folder, entry)],
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    format: "iife",
    target: ["chrome123", "firefox121", "safari17.5"],
    legalComments: "none",
    logLevel: "warning",
  });
  return outputFiles[0].text.trim();
}

const tagOf = (text) => createHash("sha256").update(text).digest("base64url").slice(0, 16);
const script = await bundle("main.ts");
const style = await bundle("page.css");
const assets = { script, scriptTag: tagOf(script), style, styleTag: tagOf(style) };
const text = `/** Generated from \`src/admin/browser/\` by \`scripts/generate-admin-assets.mjs\`. Do not edit. */
export const ASSETS = ${JSON.stringify(assets, null, 2)};
`;

if (!process.argv.includes("--check")) {
  writeFileSync(output, text);
} else if (readOrNothing(output) !== text) {
  process.stderr.write("src/admin/ui/assets.gen.ts is old: run npm run generate\n");
  process.exitCode = 1;
}

function readOrNothing(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
