/** The doctor on a command line: prints what it finds, and fails when something is wrong. */
import { openFetch } from "../node/outgoing.ts";
import { exit, write } from "../node/output.ts";
import { readForwardProxies } from "../node/proxies.ts";
import { loadVariables, readArguments } from "./arguments.ts";
import { examine } from "./doctor.ts";
import { report } from "./finding.ts";
import { askPerson, examineLive } from "./live-main.ts";

const USAGE = `Usage: npm run doctor -- [--env-file=<file>] [<address of a deployment>]
       npm run doctor -- --live [--yes] [--json] [--report=<file>] [<address of a deployment>]`;

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (!given.ok) throw new Error(`${given.problem}\n${USAGE}`);
  const { address, envFile } = given;
  loadVariables(envFile);
  const proxies = readForwardProxies(process.env);
  if (!proxies.ok) throw new Error(proxies.problems.join("\n"));
  const fetch = openFetch(proxies.proxies);
  if (given.live) {
    return examineLive(given, {
      fetch,
      variables: process.env,
      print: (text) => void write("stdout", text),
      note: (text) => void write("stderr", text),
      isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
      ask: askPerson,
    });
  }
  const findings = await examine({
    variables: process.env,
    fetch,
    ...(address === undefined ? {} : { address }),
  });
  write("stdout", report(findings));
  return findings.some(({ level }) => level === "problem") ? 1 : 0;
}

main().then(exit, (error: unknown) => {
  write("stderr", `${error instanceof Error ? error.message : String(error)}\n`);
  return exit(2);
});
