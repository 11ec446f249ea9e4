/** The command line of `npm run lab`. */
import { parseArgs } from "node:util";
import { AGENTS, type Agent, type Start } from "./agents.ts";
import { DOORS, type LabDoor } from "./doors.ts";
import { isTranslated, ROUTES, type Route } from "./routes.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

/** An agent on one route. */
export interface Row {
  readonly name: string;
  readonly agent: Agent;
  readonly route: Route;
  readonly start: Start;
}

export interface Options {
  readonly rows: readonly Row[];
  readonly doors: readonly LabDoor[];
  readonly scenarios: readonly Scenario[];
  readonly newest: boolean;
  readonly json: boolean;
  readonly keep: boolean;
  readonly record: boolean;
  /** How long one agent may take for one scenario. */
  readonly timeoutMs: number;
}

export const USAGE = `npm run lab -- [options]

  --agents <list>     ${AGENTS.map(({ name }) => name).join(", ")}; opencode:chat is one protocol of one agent
  --models <list>     native, foreign: models that Kleis translates for
  --doors <list>      ${DOORS.map(({ name }) => name).join(", ")}
  --scenarios <list>  ${SCENARIOS.map(({ name }) => name).join(", ")}
  --newest            the newest version of each agent instead of the pinned one
  --record            write the fields that were sent to tests/lab/recorded
  --json              the result as JSON on standard output
  --keep              keep each agent's home, with what it printed and sent
  --timeout <s>       for one agent in one scenario; 240 by default
`;

/** Throws in plain words. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: "string" },
      models: { type: "string" },
      doors: { type: "string" },
      scenarios: { type: "string" },
      timeout: { type: "string", default: "240" },
      newest: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const timeoutMs = Number(values.timeout) * 1000;
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) throw new Error("--timeout needs a number of seconds.");
  return {
    rows: chosenRows(values.agents, values.models),
    doors: chosen("door", DOORS, values.doors, ({ name }) => [name]),
    scenarios: chosen("scenario", SCENARIOS, values.scenarios, ({ name }) => [name]),
    newest: values.newest,
    record: values.record,
    json: values.json,
    keep: values.keep,
    timeoutMs,
  };
}

function chosenRows(agents: string | undefined, models: string | undefined): Row[] {
  const all = AGENTS.flatMap((agent) =>
    ROUTES.flatMap((route): Row[] => {
      const start = agent.protocols[route.protocol];
      return start === undefined ? [] : [{ name: rowName(agent, route), agent, route, start }];
    }),
  );
  const ofAgents = chosen("agent", all, agents, ({ agent, route }) => [
    agent.name,
    `${agent.name}:${route.protocol}`,
  ]);
  const kinds = ["native", "foreign"];
  const wanted = chosen("kind of models", kinds, models, (kind) => [kind]);
  return ofAgents.filter(({ route }) => wanted.includes(isTranslated(route) ? "foreign" : "native"));
}

function rowName({ name }: Agent, route: Route): string {
  return `${name} ${route.protocol}${isTranslated(route) ? ` on ${route.model}` : ""}`;
}

/** Those that a comma-separated list names, in their own order; all without a list. */
function chosen<Item>(
  what: string,
  all: readonly Item[],
  list: string | undefined,
  namesOf: (item: Item) => string[],
): Item[] {
  if (list === undefined) return [...all];
  const names = list.split(",").map((name) => name.trim());
  const known = new Set(all.flatMap(namesOf));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new Error(`There is no ${what} ${JSON.stringify(unknown)}. Choose from: ${[...known].join(", ")}.`);
  return all.filter((item) => namesOf(item).some((name) => names.includes(name)));
}
