/**
 * `npm run doctor`: installs what is missing, builds the doctor and runs it.
 * Usage: npm run doctor -- [--env-file=<file>] [<address of a deployment>]
 */
import { spawnSync } from "node:child_process";
import { install, NODE, ROOT } from "./setup.mjs";

install("start");
const { bundleForNode, WITH_LIBSQL } = await import("./bundle.mjs");
await bundleForNode({ doctor: "adapters/doctor/main.ts" }, "dist", WITH_LIBSQL);

const given = process.argv.slice(2);
const forNode = given.filter((argument) => argument.startsWith("--env-file"));
const rest = given.filter((argument) => !forNode.includes(argument));
const { status } = spawnSync(NODE, [...forNode, "dist/doctor.mjs", ...rest], { cwd: ROOT, stdio: "inherit" });
process.exit(status ?? 1);
