/** Runs every chosen agent in every chosen scenario on every chosen door, and says what came of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Exchange, exchangesOf } from "../conformance/exchange.ts";
import { openStage } from "../conformance/stage.ts";
import { openTap } from "../conformance/tap.ts";
import { blamed, openWorld, type World } from "../conformance/world.ts";
import type { LabDoor } from "./doors.ts";
import { type FieldsByEndpoint, fieldsOf, merge } from "./fields.ts";
import { programOf, versionOf } from "./install.ts";
import { createHome, type Ending, launch } from "./launch.ts";
import { newWords, ScriptedModel } from "./model.ts";
import type { Options, Row } from "./options.ts";
import { newSince, readRecorded, type Sight, updated, writeRecorded } from "./recorded.ts";
import { errorsIn, SCENARIOS, type Scenario } from "./scenarios.ts";
import { type Cell, failed, renderTable, type Verdict } from "./table.ts";

/** Of the form of a Kleis key, and none. */
const WRONG_KEY = `kleis_${"W".repeat(43)}`;
const NOTE = "lab-note.txt";

interface Outcome {
  readonly cells: Cell[];
  readonly sights: Sight[];
}

/** Returns the exit code: 0 where nothing failed. */
export async function runLab(
  options: Options,
  agents: string,
  isolation: string,
  stop: AbortSignal,
): Promise<number> {
  const outcome = await runDoors(options, agents, stop);
  const fresh = newFields(outcome.sights);
  if (options.record) record(outcome.sights);
  const versions = Object.fromEntries(
    options.rows.map(({ agent }) => [agent.name, versionOf(agents, agent)]),
  );
  const { cells } = outcome;
  const report = options.json
    ? `${JSON.stringify({ versions, isolation, cells, newFields: fresh }, null, 2)}\n`
    : [renderTable(cells), asText(versions, isolation, fresh)].join("\n");
  process.stdout.write(report);
  if (stop.aborted) return 130;
  return cells.some(({ verdict }) => verdict.is === "failed") ? 1 : 0;
}

async function runDoors(options: Options, agents: string, stop: AbortSignal): Promise<Outcome> {
  const cells: Cell[] = [];
  const seen = new Map<Row, FieldsByEndpoint[]>();
  for (const door of options.doors) {
    if (stop.aborted) break;
    await onDoor(door, async (world) => {
      for (const row of options.rows) {
        for (const scenario of options.scenarios) {
          if (stop.aborted) return;
          const { verdict, fields, ms } = await runOnce(world, row, scenario, agents, options, stop);
          seen.set(row, [...(seen.get(row) ?? []), fields]);
          cells.push({ row: row.name, scenario: scenario.name, door: door.name, verdict });
          say(`${door.name}  ${row.name}  ${scenario.name}: ${shown(verdict)} (${(ms / 1000).toFixed(1)} s)`);
        }
      }
    });
  }
  const sights = [...seen].map(([{ agent, route }, fields]) => ({
    agent: agent.name,
    version: versionOf(agents, agent),
    protocol: route.protocol,
    fields: merge(fields),
    isWhole: options.scenarios.length === SCENARIOS.length && !stop.aborted,
  }));
  return { cells, sights };
}

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

interface Once {
  readonly verdict: Verdict;
  readonly fields: FieldsByEndpoint;
  readonly ms: number;
}

async function runOnce(
  world: World,
  { agent, route, start }: Row,
  scenario: Scenario,
  agents: string,
  options: Options,
  stop: AbortSignal,
): Promise<Once> {
  const home = createHome();
  const words = newWords();
  const note = join(home.work, NOTE);
  writeFileSync(note, `The word in this file is ${words.note}\n`);
  const model = new ScriptedModel(scenario.script, words, note);
  const fake = world.fakes[route.fake];
  fake.always(model.choose);
  const tap = await openTap(world.url);
  const key = scenario.hasWrongKey === true ? WRONG_KEY : world.accounts[route.account].key;
  const prompt = `${words.mark}: read the file ${NOTE} in this folder and say which word is in it.`;
  const started = start({ root: tap.url, key, model: route.model }, prompt, home.folder);
  const ending = await launch(programOf(agents, agent), home, started, options.timeoutMs, stop);
  await tap.close();
  fake.always();
  const exchanges = tap.connections.flatMap(readable);
  const violations = blamed(world.fakes);
  const { turns, unusable } = model;
  const verdict = judge(ending, violations, () =>
    scenario.judge({ ending, words, exchanges, turns, unusable }),
  );
  if (verdict.is === "failed") explain(ending, exchanges);
  if (options.keep) keep(home.folder, ending, exchanges);
  else home.remove();
  return { verdict, fields: fieldsOf(exchanges), ms: ending.ms };
}

function judge(ending: Ending, violations: readonly string[], byScenario: () => Verdict): Verdict {
  const [violation] = violations;
  if (violation !== undefined) return failed(`the provider would refuse it: ${violation}`);
  if (ending.code === null) return failed(`it did not end within ${Math.round(ending.ms / 1000)} s`);
  return byScenario();
}

/** The exchanges of a connection; one that is not plain HTTP/1.1 (a websocket) tells of nothing that is compared. */
function readable(connection: Parameters<typeof exchangesOf>[0]): Exchange[] {
  try {
    return exchangesOf(connection);
  } catch {
    return [];
  }
}

function explain({ output }: Ending, exchanges: readonly Exchange[]): void {
  for (const line of [...output.trim().split("\n").slice(-12), ...errorsIn(exchanges).slice(-4)])
    say(`    | ${line.slice(0, 400)}`);
}

function keep(folder: string, { output }: Ending, exchanges: readonly Exchange[]): void {
  writeFileSync(join(folder, "output.txt"), output);
  const sent = exchanges.map(({ request, answer }) => ({
    request: { head: request.head, body: request.body.toString() },
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
