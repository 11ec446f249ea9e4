/**
 * `npm test`: installs what is missing, checks style and types, builds, runs every test, and ends with one plain line.
 * Fails where a test was skipped on a machine that has all that it needs.
 *
 * Usage: node scripts/test.mjs [unit | browser | doors | coverage] [<options of vitest and parts of file names>]
 * A group runs its tests alone, without the checks; `coverage` is all of them with a report in dist/coverage.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exitCodeOf, fail, ROOT, run } from "./child.mjs";
import { install, toolOf } from "./setup.mjs";
import { GROUPS, groupOf, testFiles } from "./test-groups.mjs";

/** Where every test can run: npm has the libSQL server for these, and a browser is found or comes with the packages. */
const COMPLETE_PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const [first = "", ...others] = process.argv.slice(2);
const group = GROUPS.includes(first) ? first : null;
const given = group !== null || first === "coverage" ? others : process.argv.slice(2);

const node = install("all");
if (group === null && first !== "coverage") {
  run(node, [toolOf("@biomejs/biome", "biome"), "ci", "--error-on-warnings"]);
  run(node, [toolOf("typescript", "tsc")]);
}
if (group !== "unit") run(node, ["scripts/build.mjs"]);

const report = join(ROOT, "dist", "test-report.json");
rmSync(report, { force: true });
const code = exitCodeOf(node, [toolOf("vitest"), "run", ...argumentsOf()]);
if (!existsSync(report)) process.exit(code || 1);
const {
  numPassedTests: passed,
  numFailedTests: failed,
  testResults,
} = JSON.parse(readFileSync(report, "utf8"));
const skipped = testResults.flatMap(({ assertionResults }) =>
  assertionResults.filter(({ status }) => !["passed", "failed"].includes(status)),
);
// With `-t` on the command line everything else is skipped, as asked.
const mayNotSkip = given.length === 0 && COMPLETE_PLATFORMS.includes(`${process.platform}-${process.arch}`);
if (mayNotSkip && skipped.length > 0) {
  const list = skipped.map(({ fullName }) => `  ${fullName}\n`).join("");
  process.stderr.write(`\nSkipped, though this machine can run them:\n${list}`);
}
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
process.exit(code || (mayNotSkip && skipped.length > 0 ? 1 : 0));

/** What vitest is told: for a group its files, of which names on the command line choose some. */
function argumentsOf() {
  if (first === "coverage") return ["--coverage", ...given];
  if (group === null) return given;
  const at = given.findIndex((each) => each.startsWith("-"));
  const [names, options] = at < 0 ? [given, []] : [given.slice(0, at), given.slice(at)];
  const files = testFiles()
    .filter((file) => groupOf(file) === group)
    .filter((file) => names.length === 0 || names.some((name) => file.includes(name)));
  if (files.length === 0) fail(`No test file of the group ${group} has a name like ${names.join(" or ")}.`);
  // Their files leave nothing behind that another could notice, and loading everything once saves half the time.
  return [...files, ...(group === "unit" ? ["--no-isolate"] : []), ...options];
}
