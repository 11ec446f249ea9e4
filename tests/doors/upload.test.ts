/** What leaves this folder for Vercel and for git: all that the build reads, and nothing that holds a secret. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bareEnvironment, NODE, ROOT } from "../../harness/process.ts";

const rulesOf = (file: string) =>
  readFileSync(join(ROOT, file), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

/** Where an owner's secrets come to lie, as the docs have him put them. */
const SECRET = [".kleis", ".dev.vars", ".dev.vars.production", ".env", ".env.local", ".env.production"];

const [first, ...rules] = rulesOf(".vercelignore");
const uploaded = rules.map((rule) => rule.replace(/^!\//, ""));

const folder = mkdtempSync(join(tmpdir(), "kleis-upload-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("vercel deploy uploads what is listed and nothing else of this folder", () => {
  expect(first).toBe("/*");
  for (const rule of rules) expect(rule).toMatch(/^!\/[\w.-]+$/);
  for (const name of [...SECRET, ".git", ".vercel", ".wrangler", "dist", "node_modules"]) {
    expect(uploaded, name).not.toContain(name);
  }
});

test("git takes up no file that holds a secret", () => {
  const ignored = rulesOf(".gitignore");
  const covers = (name: string) =>
    ignored.some((rule) =>
      rule.endsWith("*") ? name.startsWith(rule.slice(0, -1)) : name === rule.replace(/\/$/, ""),
    );
  expect(SECRET.filter((name) => !covers(name))).toEqual([]);
});

test("Vercel's build runs from what is uploaded", () => {
  for (const name of uploaded) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  // Installed there from the list that is uploaded.
  expect(uploaded).toEqual(expect.arrayContaining(["package.json", "package-lock.json", "vercel.json"]));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const { buildCommand } = JSON.parse(readFileSync(join(folder, "vercel.json"), "utf8"));
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const command: string = scripts[buildCommand.replace("npm run ", "")];
  const { status, stderr } = spawnSync(command, {
    shell: true,
    cwd: folder,
    env: bareEnvironment({ VERCEL: "1", PATH: `${join(NODE, "..")}:${process.env.PATH}` }),
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  expect(existsSync(join(folder, ".vercel/output/functions/index.func/index.mjs"))).toBe(true);
  expect(existsSync(join(folder, ".vercel/output/static/robots.txt"))).toBe(true);
});
