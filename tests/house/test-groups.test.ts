/** The groups of tests that can be run alone: together they are what `npm test` runs, and each is what it says. */
import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GROUPS, groupOf, testFiles } from "../../scripts/test-groups.mjs";
import config from "../../vitest.config.ts";
import { ROOT } from "./pages.ts";

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
const files: string[] = testFiles();
const inGroup = (group: string) => files.filter((file) => groupOf(file) === group);

test("there is a command for each group, and together they run what npm test runs", () => {
  expect(GROUPS.map((group: string) => scripts[`test:${group}`])).toEqual(
    GROUPS.map((group: string) => `node scripts/test.mjs ${group}`),
  );
  const all = globSync(config.test?.include ?? [], { cwd: ROOT }).map((file) => file.replaceAll("\\", "/"));
  expect(GROUPS.flatMap(inGroup).sort()).toEqual(all.sort());
  for (const group of GROUPS) expect(inGroup(group).length, group).toBeGreaterThan(4);
});

describe("a file goes where its helpers belong", () => {
  test.each([
    ["tests/limits/decide.test.ts", "unit"],
    ["tests/http/errors.test.ts", "unit"],
    ["tests/admin/plain.test.ts", "browser"],
    ["tests/doors/cloudflare.test.ts", "doors"],
    ["tests/conformance/conformance.test.ts", "doors"],
    ["tests/node/start.test.ts", "doors"],
    ["tests/refresh/simulator.test.ts", "doors"],
  ])("%s: %s", (file, group) => {
    expect(groupOf(file)).toBe(group);
  });
});
