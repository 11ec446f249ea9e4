/** The doctor on a command line: prints what it finds, and fails when something is wrong. */
import { nodeFetch } from "../node/fetch.ts";
import { loadVariables, readArguments } from "./arguments.ts";
import { examine } from "./doctor.ts";
import { report } from "./finding.ts";

const USAGE = "Usage: npm run doctor -- [--env-file=<file>] [<address of a deployment>]";

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (!given.ok) throw new Error(`${given.problem}\n${USAGE}`);
  const { address, envFile } = given;
  loadVariables(envFile);
  const findings = await examine({
    variables: process.env,
    fetch: nodeFetch,
    ...(address === undefined ? {} : { address }),
  });
  process.stdout.write(report(findings));
  return findings.some(({ level }) => level === "problem") ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
