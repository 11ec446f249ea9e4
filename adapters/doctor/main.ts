/** The doctor on a command line: prints what it finds, and fails when something is wrong. */
import { nodeFetch } from "../node/fetch.ts";
import { examine } from "./doctor.ts";
import { report } from "./finding.ts";

const address = process.argv.slice(2).find((argument) => /^https?:\/\//.test(argument));
const findings = await examine({
  variables: process.env,
  fetch: nodeFetch,
  ...(address === undefined ? {} : { address }),
});
process.stdout.write(report(findings));
process.exit(findings.some(({ level }) => level === "problem") ? 1 : 0);
