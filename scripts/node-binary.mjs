/**
 * Which Node.js runs Kleis: the system's where it is new enough, else the one that the npm package `node` brings.
 * That package downloads its binary in an install script, so package-lock.json does not cover it: its SHA-256 must be in
 * scripts/node-binaries.json before it is run. `node scripts/pin-node.mjs` renews the list after an upgrade of `node`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { fail, ROOT } from "./child.mjs";
import { programFolders } from "./npm-cli.mjs";

const MODULES = join(ROOT, "node_modules");
const EXECUTABLE = process.platform === "win32" ? "node.exe" : "node";
const PACKAGED = join(MODULES, "node", "bin", EXECUTABLE);

const { version: VERSION, sha256: PINNED } = JSON.parse(
  readFileSync(join(ROOT, "scripts", "node-binaries.json"), "utf8"),
);
const MAJOR = Number.parseInt(VERSION, 10);

/** npm puts the packaged Node.js in front of the system's, so this process often runs on it. */
const isPackaged = isInside(MODULES, process.execPath);

/** The system's Node.js, of whatever version. */
export function anyNode() {
  if (!isPackaged) return process.execPath;
  const files = programFolders().map((folder) => join(folder, EXECUTABLE));
  return files.find((each) => existsSync(each)) ?? process.execPath;
}

/** The system's Node.js when it is new enough, else null. */
export function systemNode() {
  const file = anyNode();
  const version =
    file === process.execPath
      ? process.version
      : (spawnSync(file, ["--version"], { encoding: "utf8" }).stdout ?? "");
  const isOwn = isPackaged && file === process.execPath;
  return !isOwn && Number.parseInt(version.replace("v", ""), 10) >= MAJOR ? file : null;
}

/** Whether there is a Node.js to choose. */
export function hasNode() {
  return existsSync(PACKAGED) || (!isPackaged && systemNode() !== null);
}

/** Ends this process when the packaged binary would be needed and no hash of it is known. */
export function requirePinned() {
  if (PINNED[platformName()] !== undefined) return;
  fail(
    `Kleis needs Node.js ${MAJOR} or newer, and this is ${process.version}. Install Node.js ${MAJOR} from https://nodejs.org and start again: for this platform (${platformName()}) Kleis brings none of its own.`,
  );
}

/**
 * The Node.js to run. `known` is what an earlier call returned as `proof`: with the same size and time of change the
 * binary is not read again. Ends this process, and removes the binary, when it is not the pinned one.
 */
export function chooseNode(known) {
  if (!isPackaged || !existsSync(PACKAGED)) {
    const file = systemNode();
    if (file !== null) return { file, proof: known };
  }
  requirePinned();
  if (!existsSync(PACKAGED)) {
    fail(
      `npm has not installed the package node. Install Node.js ${MAJOR} from https://nodejs.org, then start again.`,
    );
  }
  const { size, mtimeMs } = statSync(PACKAGED);
  const proof = `${PINNED[platformName()]}:${size}:${Math.trunc(mtimeMs)}`;
  if (proof === known || sha256Of(PACKAGED) === PINNED[platformName()]) return { file: PACKAGED, proof };
  rmSync(PACKAGED, { force: true });
  return fail(
    `node_modules/node held another program than Node.js ${VERSION}: its SHA-256 is not the one in scripts/node-binaries.json. It was removed and not run. Install Node.js ${MAJOR} or newer from https://nodejs.org, then start again.`,
  );
}

function isInside(folder, file) {
  const path = relative(folder, file);
  return !path.startsWith("..") && !isAbsolute(path);
}

function sha256Of(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** `<platform>-<architecture>` as in the list. The binaries for Linux need glibc. */
function platformName() {
  const isMusl =
    process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime === undefined;
  return `${process.platform}-${process.arch}${isMusl ? "-musl" : ""}`;
}
