/** The commands of package.json on a fresh clone: each installs what it needs by itself. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test.each(Object.entries(scripts))("npm run %s begins by installing what is missing", (_, command) => {
  const [first = "", ...rest] = command.split(" && ");
  const [, script = "", extent] = /^node (scripts\/[\w-]+\.mjs)(?: (start|all))?$/.exec(first) ?? [];
  expect(existsSync(join(ROOT, script)) && script !== "", first).toBe(true);
  expect(readFileSync(join(ROOT, script), "utf8")).toMatch(/\binstall\(/);
  // What is not our own script is a tool, and tools come with the whole installation only.
  if (rest.some((part) => !part.startsWith("node "))) expect(extent).toBe("all");
});

/** A clone with nothing installed, and an npm that notes what it is asked: the real one needs a network. */
function clone() {
  const folder = mkdtempSync(join(tmpdir(), "kleis-clone-"));
  folders.push(folder);
  for (const name of ["scripts", "package.json", "package-lock.json"]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  const bin = join(folder, "bin");
  const asked = join(folder, "asked");
  mkdirSync(bin);
  writeFileSync(join(bin, "npm"), `#!/bin/sh\nmkdir -p node_modules\necho "$@" >> "${asked}"\n`, {
    mode: 0o755,
  });
  const install = (extent: string, env: Record<string, string> = {}) =>
    spawnSync(process.execPath, ["scripts/install.mjs", extent], {
      cwd: folder,
      env: { PATH: `${bin}${delimiter}${process.env.PATH}`, ...env },
    }).status;
  const calls = () => (existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : []);
  return { install, calls };
}

test("what is missing is installed as package-lock.json says, once", () => {
  const { install, calls } = clone();
  expect(install("start")).toBe(0);
  expect(install("start")).toBe(0);
  expect(calls()).toEqual([expect.stringMatching(/^ci .*--omit=dev/)]);
  expect(install("all")).toBe(0);
  // All of it serves the smaller wish as well.
  expect(install("start")).toBe(0);
  expect(calls()).toEqual([expect.any(String), expect.stringMatching(/^ci .*--include=dev/)]);
});

test.each(["VERCEL", "WORKERS_CI"])(
  "a build of the host's (%s), which has installed, is left as it is",
  (host) => {
    const { install, calls } = clone();
    expect(install("all", { [host]: "1" })).toBe(0);
    expect(calls()).toEqual([]);
  },
);

test("the README has nobody run a wrangler of another version", () => {
  expect(readFileSync(join(ROOT, "README.md"), "utf8")).not.toMatch(/npx wrangler/);
});
