/** `npm test`: installs what is missing, checks style and types, builds, runs every test, and ends with one plain line. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { install, NODE, ROOT, run } from "./setup.mjs";

install("all");
const tool = (name) => join(ROOT, "node_modules", ".bin", name);
run(tool("biome"), ["ci", "--error-on-warnings"]);
run(NODE, [tool("tsc")]);
run(NODE, ["scripts/build.mjs"]);

const report = join(ROOT, "dist", "test-report.json");
rmSync(report, { force: true });
const tests = spawnSync(NODE, [tool("vitest"), "run", ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
});
if (!existsSync(report)) process.exit(tests.status || 1);
const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(report, "utf8"));
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(tests.status ?? 1);
