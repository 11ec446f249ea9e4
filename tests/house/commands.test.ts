/** The commands of package.json on a fresh clone: each installs what it needs by itself. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Clone, createClone, ROOT } from "../support/clone.ts";

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

const clones: Clone[] = [];
afterAll(() => {
  for (const each of clones) each.remove();
});
function clone(): Clone {
  const made = createClone();
  clones.push(made);
  return made;
}

test.each(Object.entries(scripts))("npm run %s begins by installing what is missing", (_, command) => {
  const [first = "", ...rest] = command.split(" && ");
  const [, script = "", extent] = /^node (scripts\/[\w-]+\.mjs)(?: ([a-z]+))?$/.exec(first) ?? [];
  expect(existsSync(join(ROOT, script)) && script !== "", first).toBe(true);
  expect(readFileSync(join(ROOT, script), "utf8")).toMatch(/\binstall\(/);
  // What is not our own script is a tool, and tools come with the whole installation only.
  if (rest.some((part) => !part.startsWith("node "))) expect(extent).toBe("all");
});

test("CONTRIBUTING.md has a line of help for every command, and none for another", () => {
  const page = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const lines = [...page.matchAll(/^npm (?:run )?([\w:-]+)(?: -- [^#\n]*)?\s+# \S/gm)];
  expect(lines.map(([, name]) => name).sort()).toEqual(Object.keys(scripts).sort());
});

test("what is missing is installed as package-lock.json says, once", () => {
  const made = clone();
  const install = (extent: string) => made.run("install.mjs", { args: [extent] }).status;
  expect(install("start")).toBe(0);
  expect(install("start")).toBe(0);
  expect(made.calls()).toEqual([expect.stringMatching(/^ci .*--omit=dev/)]);
  expect(install("all")).toBe(0);
  // All of it serves the smaller wish as well.
  expect(install("start")).toBe(0);
  expect(made.calls()).toEqual([expect.any(String), expect.stringMatching(/^ci .*--include=dev/)]);
  // After a change of the lock, too.
  appendFileSync(join(made.folder, "package-lock.json"), "\n");
  expect(install("start")).toBe(0);
  expect(made.calls().slice(2)).toEqual([expect.stringMatching(/^ci .*--include=dev/)]);
});

test.each(["VERCEL", "WORKERS_CI"])(
  "a build of the host's (%s), which has installed, is left as it is",
  (host) => {
    const made = clone();
    expect(made.run("install.mjs", { args: ["all"], env: { [host]: "1" } }).status).toBe(0);
    expect(made.calls()).toEqual([]);
  },
);

test("the docs run the wrangler that package.json pins, and none of another version", () => {
  const page = readFileSync(join(ROOT, "docs/deploy/cloudflare.md"), "utf8");
  expect(page).toMatch(/npm run wrangler/);
  expect(page + readFileSync(join(ROOT, "docs/operations.md"), "utf8")).not.toMatch(/npx wrangler/);
});
