/**
 * Brings the installed packages up to what package-lock.json says, and only when they are not. Runs on the system's
 * Node (20 or newer) before anything is installed, so it uses nothing but Node itself.
 */
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, ROOT, run } from "./child.mjs";
import { anyNode, chooseNode, hasNode, requirePinned, systemNode } from "./node-binary.mjs";
import { npmCommand } from "./npm-cli.mjs";

/** What is installed: the lock's hash, the extent, and the proof of the packaged Node.js where that is used. */
const STAMP = join(ROOT, "node_modules", ".kleis-installed");

/**
 * `start` needs what runs and builds; `all` also what tests. A full install serves both. Returns the file of the Node.js
 * that runs everything else.
 */
export function install(extent) {
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  const [had, hadExtent, known] = existsSync(STAMP) ? readFileSync(STAMP, "utf8").split(" ") : [];
  // What was installed stays: `npm start` after a change of the lock does not take the packages of the tests away.
  const goal = hadExtent === "all" ? "all" : extent;
  const isInstalled = had === wanted && hadExtent === goal;
  if (!isInstalled || !hasNode()) download(goal);
  const { file, proof } = chooseNode(isInstalled ? known : undefined);
  const stamp = [wanted, goal, ...(proof === undefined ? [] : [proof])].join(" ");
  if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== stamp) remember(stamp);
  return file;
}

function download(extent) {
  const system = systemNode();
  if (system === null) requirePinned();
  if (!isWritable(ROOT)) {
    fail(
      `The packages of package-lock.json are not installed, and ${ROOT} cannot be written. Run npm start once as the user that owns it.`,
    );
  }
  process.stderr.write(
    `Installing packages (${extent === "all" ? "all of them" : "those that run Kleis"}) …\n`,
  );
  const [npm = "", ...first] = npmCommand(anyNode());
  run(npm, [
    ...first,
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    extent === "all" ? "--include=dev" : "--omit=dev",
    // Only the package `node` needs its install script, which downloads the binary.
    `--ignore-scripts=${system !== null}`,
  ]);
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function remember(stamp) {
  try {
    writeFileSync(STAMP, stamp);
  } catch {
    // A folder that cannot be written is looked at again next time.
  }
}

/** The JavaScript file behind a command of an installed package. */
export function toolOf(name, command = name) {
  const folder = join(ROOT, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[command]);
}
