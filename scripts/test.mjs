/**
 * `npm test`: installs what is missing, checks style and types, builds, runs every test, and ends with one plain line.
 * Fails where a test was skipped on a machine that has all that it needs.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exitCodeOf, ROOT, run } from "./child.mjs";
import { install, toolOf } from "./setup.mjs";

/** Where every test can run: npm has the libSQL server for these, and a browser is found or comes with the packages. */
const COMPLETE_PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const node = install("all");
run(node, [toolOf("@biomejs/biome", "biome"), "ci", "--error-on-warnings"]);
run(node, [toolOf("typescript", "tsc")]);
run(node, ["scripts/build.mjs"]);

const report = join(ROOT, "dist", "test-report.json");
rmSync(report, { force: true });
const names = process.argv.slice(2);
const code = exitCodeOf(node, [toolOf("vitest"), "run", ...names]);
if (!existsSync(report)) process.exit(code || 1);
const {
  numPassedTests: passed,
  numFailedTests: failed,
  testResults,
} = JSON.parse(readFileSync(report, "utf8"));
const skipped = testResults.flatMap(({ assertionResults }) =>
  assertionResults.filter(({ status }) => !["passed", "failed"].includes(status)),
);
// Behind `-t` on the command line everything else is skipped, as asked.
const mayNotSkip = names.length === 0 && COMPLETE_PLATFORMS.includes(`${process.platform}-${process.arch}`);
if (mayNotSkip && skipped.length > 0) {
  const list = skipped.map(({ fullName }) => `  ${fullName}\n`).join("");
  process.stderr.write(`\nSkipped, though this machine can run them:\n${list}`);
}
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
process.exit(code || (mayNotSkip && skipped.length > 0 ? 1 : 0));
