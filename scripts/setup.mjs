/**
 * Brings the installed packages up to what package-lock.json says, and only when they are not. Runs on the system's
 * Node (20 or newer) before anything is installed, so it uses nothing but Node itself.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const NODE = join(ROOT, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");

/** `start` needs what runs and builds; `all` also what tests. A full install serves both. */
export function install(extent) {
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  const stamp = join(ROOT, "node_modules", ".kleis-installed");
  const [had, hadExtent] = existsSync(stamp) ? readFileSync(stamp, "utf8").split(" ") : [];
  if (had === wanted && (hadExtent === "all" || hadExtent === extent)) return;
  process.stderr.write(
    `Installing packages (${extent === "all" ? "all of them" : "those that run Kleis"}) …\n`,
  );
  const args = [
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...(extent === "all" ? ["--include=dev"] : ["--omit=dev"]),
  ];
  run(process.platform === "win32" ? "npm.cmd" : "npm", args);
  writeFileSync(stamp, `${wanted} ${extent}`);
}

/** Runs a command with the terminal's own streams; ends this process when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: ROOT,
    stdio: "inherit",
    shell: command.endsWith(".cmd"),
    ...options,
  });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}
