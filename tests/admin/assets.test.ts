/** The page's script and style as they are served: of the present source, small, and asking nobody else. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ASSETS } from "../../src/admin/ui/assets.gen.ts";

const root = resolve(import.meta.dirname, "../..");

test("what is served was made of the present source", () => {
  const script = resolve(root, "scripts/generate-admin-assets.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("it is small, names no address, and neither evaluates nor writes markup", () => {
  expect(ASSETS.script.length).toBeLessThan(12_000);
  expect(ASSETS.style.length).toBeLessThan(25_000);
  for (const text of [ASSETS.script, ASSETS.style]) {
    expect(text).not.toMatch(/https?:|\/\/\w|url\(|@import/);
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
  }
});
