/**
 * Where npm is: the command that runs it. On Windows npm is a `.cmd` file, which Node refuses to spawn without a shell
 * (CVE-2024-27980), so npm's own JavaScript is found and run with Node instead.
 */
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join, sep } from "node:path";
import { fail, ROOT } from "./child.mjs";

const CLI = join("node_modules", "npm", "bin", "npm-cli.js");

/** The folders that programs are looked for in, without those that npm itself puts in front for this package. */
export function programFolders() {
  const own = join(ROOT, "node_modules") + sep;
  const path = process.env.PATH ?? process.env.Path ?? "";
  return path.split(delimiter).filter((folder) => folder !== "" && !`${folder}${sep}`.startsWith(own));
}

/** `[file, ...args]` in front of npm's own arguments; `node` is the Node.js that runs npm. */
export function npmCommand(node) {
  const own = process.env.npm_execpath;
  if (own !== undefined && /[\\/]npm-cli\.c?js$/.test(own) && existsSync(own)) return [node, own];
  for (const folder of [...programFolders(), dirname(node)]) {
    const program = join(folder, "npm");
    if (process.platform !== "win32" && existsSync(program)) {
      // Usually a link to the script; a version manager has a program of its own there.
      const script = realpathSync(program);
      return script.endsWith("npm-cli.js") ? [node, script] : [program];
    }
    const script = join(folder, CLI);
    if (existsSync(script)) return [node, script];
  }
  return fail("npm cannot be found: install Node.js with npm, or start Kleis with npm start.");
}
