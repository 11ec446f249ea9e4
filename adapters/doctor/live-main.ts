/** The live checks on a command line: the price, the question, the table, the file. */
import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import type { Fetch } from "../../src/runtime.ts";
import { plainValue, type Variables } from "../../src/variables.ts";
import { VERSION } from "../../src/version.ts";
import type { Arguments } from "./arguments.ts";
import { lookAtVariables } from "./environment.ts";
import {
  askPlan,
  costText,
  type LiveResult,
  type LiveTarget,
  resultText,
  runPlan,
  withoutSecrets,
} from "./live.ts";

export interface LiveSession {
  readonly fetch: Fetch;
  readonly variables: Variables;
  /** For results. */
  print(text: string): void;
  /** For what is under way, and for questions. */
  note(text: string): void;
  /** Whether a person is there to be asked. */
  readonly isInteractive: boolean;
  /** What the person answers. */
  ask(question: string): Promise<string>;
}

/** The exit code: 1 where a fact differs. Throws in plain words. */
export async function examineLive(
  given: Pick<Extract<Arguments, { ok: true }>, "address" | "yes" | "json" | "report">,
  session: LiveSession,
): Promise<number> {
  const { print, note } = session;
  if (!given.yes && !session.isInteractive) {
    throw new Error(
      "Live checks spend requests of your accounts, and there is no terminal to ask at. Agree beforehand with --yes.",
    );
  }
  const target = targetOf(given.address, session);
  const plan = await askPlan(target);
  if (plan.checks.length === 0)
    throw new Error("There is no account that could be asked. Connect one first.");
  note(`${costText(plan)}\n`);
  if (!given.yes && !/^y(es)?$/i.test((await session.ask("Go on? y/N ")).trim())) {
    note("Nothing was sent.\n");
    return 0;
  }
  const results = await runPlan(target, plan, ({ account, title }) => note(`${account.name}: ${title} …\n`));
  const hide = (text: string) => withoutSecrets(text, [target.adminToken, ...labelsOf(results)]);
  const table = resultText(results);
  print(
    given.json
      ? `${hide(JSON.stringify({ version: VERSION, results: results.map(bare) }, null, 2))}\n`
      : hide(table),
  );
  if (given.report !== undefined) {
    writeWhole(given.report, hide(`Kleis ${VERSION}, ${new Date().toISOString()}\n${table}`));
    note(`Written to ${given.report}; it holds no secrets.\n`);
  }
  return results.some(({ compared }) => compared.some(({ verdict }) => verdict === "differs")) ? 1 : 0;
}

function targetOf(address: string | undefined, { fetch, variables }: LiveSession): LiveTarget {
  const adminToken = plainValue(variables.ADMIN_TOKEN ?? "");
  if (address !== undefined) {
    if (adminToken === "") throw new Error(`Live checks need ADMIN_TOKEN, the one of ${address}.`);
    return { fetch, address, adminToken };
  }
  const { findings, surroundings } = lookAtVariables(variables);
  if (surroundings === null) {
    const [first] = findings.filter(({ level }) => level !== "ok");
    throw new Error([first?.text, first?.advice].filter(Boolean).join(" "));
  }
  return { fetch, address: surroundings.address, adminToken: surroundings.config.ADMIN_TOKEN };
}

/** Labels may be addresses or names, which a provider may repeat. One that only says which provider it is tells nothing. */
function labelsOf(results: readonly LiveResult[]): string[] {
  return results.flatMap(({ account: { label, name } }) =>
    label.length < 4 || name.toLowerCase().includes(label.toLowerCase()) ? [] : [label],
  );
}

/** A result without what names the account. */
function bare({ account: { provider, kind }, ...rest }: LiveResult) {
  return { ...rest, account: { provider, kind } };
}

/** All of it or nothing: a report that is cut says less than it seems to. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: "wx" });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new Error(`The report could not be written to ${file}${reason}.`);
  }
}

/** Asks the person at the terminal; an end of input is a no. */
export async function askPerson(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  try {
    return await Promise.race([terminal.question(question), ended]);
  } finally {
    terminal.close();
  }
}
