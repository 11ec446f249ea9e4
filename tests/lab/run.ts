/** Runs every chosen agent in every chosen scenario on every chosen door, and says what came of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Exchange, exchangesOf } from "../conformance/exchange.ts";
import { openStage } from "../conformance/stage.ts";
import { type Connection, openTap } from "../conformance/tap.ts";
import { blamed, openWorld, type World } from "../conformance/world.ts";
import type { LabDoor } from "./doors.ts";
import { type FieldsByEndpoint, fieldsOf, merge, textOf } from "./fields.ts";
import { programOf, versionOf } from "./install.ts";
import { createHome, type Home, launch } from "./launch.ts";
import { newWords, ScriptedModel } from "./model.ts";
import type { Options, Row } from "./options.ts";
import { newSince, readRecorded, type Sight, updated, writeRecorded } from "./recorded.ts";
import { isTranslated } from "./routes.ts";
import { errorsIn, type Run, SCENARIOS, type Scenario } from "./scenarios.ts";
import { type Cell, failed, renderTable, type Verdict } from "./table.ts";

/** Of the form of a Kleis key, and none. */
const WRONG_KEY = `kleis_${"W".repeat(43)}`;
const NOTE = "lab-note.txt";

/** What a run needs everywhere. */
interface Lab {
  readonly options: Options;
  /** The folder that the agents are installed in. */
  readonly agents: string;
  readonly stop: AbortSignal;
}

interface Outcome {
  readonly cells: Cell[];
  readonly sights: Sight[];
}

/** Returns the exit code: 0 where nothing failed. */
export async function runLab(lab: Lab, isolation: string): Promise<number> {
  const { options, agents, stop } = lab;
  const { cells, sights } = await runDoors(lab);
  const fresh = newFields(sights);
  if (options.record) record(sights);
  const versions = Object.fromEntries(
    options.rows.map(({ agent }) => [agent.name, versionOf(agents, agent)]),
  );
  const report = options.json
    ? `${JSON.stringify({ versions, isolation, cells, newFields: fresh }, null, 2)}\n`
    : [renderTable(cells), asText(versions, isolation, fresh)].join("\n");
  process.stdout.write(report);
  if (stop.aborted) return 130;
  return cells.some(({ verdict }) => verdict.is === "failed") ? 1 : 0;
}

async function runDoors(lab: Lab): Promise<Outcome> {
  const { options, agents, stop } = lab;
  const cells: Cell[] = [];
  const seen = new Map<Row, FieldsByEndpoint[]>();
  for (const door of options.doors) {
    if (stop.aborted) break;
    const add = (row: Row, scenario: Scenario, { verdict, fields }: Once) => {
      seen.set(row, [...(seen.get(row) ?? []), fields]);
      cells.push({ row: row.name, scenario: scenario.name, door: door.name, verdict });
      say(`${door.name}  ${row.name}  ${scenario.name}: ${shown(verdict)}`);
    };
    try {
      await onDoor(door, (world) => runRows(lab, world, add));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const done = new Set(
        cells.filter((cell) => cell.door === door.name).map(({ row, scenario }) => row + scenario),
      );
      for (const row of options.rows)
        for (const scenario of options.scenarios)
          if (!done.has(row.name + scenario.name))
            add(row, scenario, { verdict: failed(`the door does not work: ${reason}`), fields: {} });
    }
  }
  const hasFailed = (row: Row) => cells.some((cell) => cell.row === row.name && cell.verdict.is === "failed");
  const isWhole = options.scenarios.length === SCENARIOS.length && !stop.aborted;
  // What an agent sends is recorded with the models of its own protocol; foreign ones make it leave fields out.
  const native = [...seen].filter(([row]) => !isTranslated(row.route));
  const sights = native.map(([row, fields]) => ({
    agent: row.agent.name,
    version: versionOf(agents, row.agent),
    protocol: row.route.protocol,
    fields: merge(fields),
    isWhole: isWhole && !hasFailed(row),
  }));
  return { cells, sights };
}

/** Builds and starts a door, with a database, fakes and accounts of its own. */
async function onDoor({ stage: name }: LabDoor, use: (world: World) => Promise<void>): Promise<void> {
  const stage = await openStage(name);
  try {
    const world = await openWorld(name, stage);
    try {
      await use(world);
    } finally {
      await world.close();
    }
  } finally {
    await stage.close();
  }
}

type Add = (row: Row, scenario: Scenario, once: Once) => void;

async function runRows(lab: Lab, world: World, add: Add): Promise<void> {
  for (const row of lab.options.rows) {
    for (const scenario of lab.options.scenarios) {
      if (lab.stop.aborted) return;
      const once = await runOnce(lab, world, row, scenario);
      // What was ended with the lab says nothing.
      if (!lab.stop.aborted) add(row, scenario, once);
    }
  }
}

interface Once {
  readonly verdict: Verdict;
  readonly fields: FieldsByEndpoint;
}

/** Starts one agent in one scenario, and judges what it did. */
async function runOnce(lab: Lab, world: World, row: Row, scenario: Scenario): Promise<Once> {
  const home = createHome();
  const run = await observe(lab, world, row, scenario, home);
  const verdict = judge(scenario, run, blamed(world.fakes));
  if (verdict.is === "failed" && !lab.stop.aborted) explain(run);
  if (lab.options.keep) keep(home, run);
  else home.remove();
  return { verdict, fields: fieldsOf(run.exchanges) };
}

async function observe(lab: Lab, world: World, row: Row, scenario: Scenario, home: Home): Promise<Run> {
  const { agent, route, start } = row;
  const { timeoutMs } = lab.options;
  const words = newWords();
  const note = join(home.work, NOTE);
  writeFileSync(note, `The word in this file is ${words.note}\n`);
  const model = new ScriptedModel(scenario.script, words, note, route.fake);
  const fake = world.fakes[route.fake];
  fake.always(model.choose);
  const tap = await openTap(world.url);
  const key = scenario.hasWrongKey === true ? WRONG_KEY : world.accounts[route.account].key;
  const prompt = `${words.mark}: read the file ${NOTE} in this folder and say which word is in it.`;
  const started = start({ root: tap.url, key, model: route.model }, prompt, home.folder);
  const ending = await launch(programOf(lab.agents, agent), home, started, timeoutMs, lab.stop);
  await tap.close();
  fake.always();
  const exchanges = tap.connections.flatMap(readable);
  const { turns, unusable } = model;
  return { ending, words, exchanges, turns, unusable, route, soonMs: timeoutMs / 4 };
}

function judge(scenario: Scenario, run: Run, [violation]: readonly string[]): Verdict {
  if (violation !== undefined) return failed(`the provider would refuse it: ${violation}`);
  if (run.ending.code === null) return failed(`it did not end within ${Math.round(run.ending.ms / 1000)} s`);
  return scenario.judge(run);
}

/** The exchanges of a connection; one that is not plain HTTP/1.1 (a websocket) has none that could be compared. */
function readable(connection: Connection): Exchange[] {
  try {
    return exchangesOf(connection);
  } catch {
    return [];
  }
}

function explain({ ending, exchanges }: Run): void {
  for (const line of [...ending.output.trim().split("\n").slice(-12), ...errorsIn(exchanges).slice(-4)])
    say(`    | ${line.slice(0, 400)}`);
}

function keep({ folder }: Home, { ending, exchanges }: Run): void {
  writeFileSync(join(folder, "output.txt"), ending.output);
  const sent = exchanges.map(({ request, answer }) => ({
    request: { head: request.head, body: textOf(request) },
    answer: answer === null ? null : { head: answer.head, body: answer.body.toString() },
  }));
  writeFileSync(join(folder, "exchanges.json"), JSON.stringify(sent, null, 2));
  say(`    kept: ${folder}`);
}

function newFields(sights: readonly Sight[]): Record<string, string[]> {
  const lists = sights.map((sight): [string, string[]] => [
    `${sight.agent} ${sight.protocol}`,
    newSince(readRecorded(sight.agent), sight),
  ]);
  return Object.fromEntries(lists.filter(([, fields]) => fields.length > 0));
}

function record(sights: readonly Sight[]): void {
  const today = new Date().toISOString().slice(0, 10);
  for (const sight of sights) writeRecorded(updated(readRecorded(sight.agent), sight, today));
}

function asText(
  versions: Readonly<Record<string, string>>,
  isolation: string,
  fresh: Readonly<Record<string, string[]>>,
): string {
  const news = Object.entries(fresh).flatMap(([row, fields]) => [
    row,
    ...fields.map((field) => `  ${field}`),
  ]);
  return [
    `Agents: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
    `Network: ${isolation}`,
    "",
    news.length === 0
      ? "No field or header is new since the last recorded run."
      : "New since the last recorded run:",
    ...news,
    "",
  ].join("\n");
}

function shown(verdict: Verdict): string {
  return verdict.is === "ok" ? "ok" : `${verdict.is}: ${verdict.reason}`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
