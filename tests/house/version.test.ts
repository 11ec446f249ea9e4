import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { VERSION } from "../../src/version.ts";

const pack = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

test("Kleis names itself by the version of its package", () => {
  expect(VERSION).toBe(pack.version);
});

test("every dependency is pinned exactly", () => {
  const loose = Object.entries({ ...pack.dependencies, ...pack.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+/.test(version),
  );
  expect(loose).toEqual([]);
});
