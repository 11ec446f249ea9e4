/** The doctor on a command line: prints what it finds, and fails when something is wrong. */
import { openFetch } from "../node/outgoing.ts";
import { exit, write } from "../node/output.ts";
import { readForwardProxies } from "../node/proxies.ts";
import { loadVariables, readArguments } from "./arguments.ts";
import { examine } from "./doctor.ts";
import { report } from "./finding.ts";

const USAGE = "Usage: npm run doctor -- [--env-file=<file>] [<address of a deployment>]";

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (!given.ok) throw new Error(`${given.problem}\n${USAGE}`);
  const { address, envFile } = given;
  loadVariables(envFile);
  const proxies = readForwardProxies(process.env);
  if (!proxies.ok) throw new Error(proxies.problems.join("\n"));
  const findings = await examine({
    variables: process.env,
    fetch: openFetch(proxies.proxies),
    ...(address === undefined ? {} : { address }),
  });
  write("stdout", report(findings));
  return findings.some(({ level }) => level === "problem") ? 1 : 0;
}

main().then(exit, (error: unknown) => {
  write("stderr", `${error instanceof Error ? error.message : String(error)}\n`);
  return exit(2);
});
