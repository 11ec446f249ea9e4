/** The command line, and what the tables behind it promise. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../harness/process.ts";
import { AGENTS } from "./agents.ts";
import { DOORS } from "./doors.ts";
import { cacheFolder } from "./install.ts";
import { readOptions } from "./options.ts";
import { isTranslated, ROUTES } from "./routes.ts";
import { SCENARIOS } from "./scenarios.ts";

const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name);

test("without options everything is run, pinned, and nothing is written or kept", () => {
  const options = readOptions([]);
  expect(namesOf(options.rows)).toEqual(
    AGENTS.flatMap(({ name, protocols }) =>
      ROUTES.filter(({ protocol }) => protocol in protocols).map((route) =>
        isTranslated(route) ? `${name} ${route.protocol} on ${route.model}` : `${name} ${route.protocol}`,
      ),
    ),
  );
  expect(options.doors).toEqual(DOORS);
  expect(options.scenarios).toEqual(SCENARIOS);
  expect(options).toMatchObject({
    newest: false,
    record: false,
    json: false,
    keep: false,
    timeoutMs: 240_000,
  });
});

test("lists choose, in the order of the tables", () => {
  const options = readOptions([
    "--agents=pi, opencode:chat",
    "--models=native",
    "--doors",
    "vercel,node",
    "--scenarios",
    "cut stream,text",
    "--timeout",
    "9.5",
    "--newest",
  ]);
  expect(namesOf(options.rows)).toEqual(["opencode chat", "pi messages", "pi responses", "pi chat"]);
  expect(namesOf(options.doors)).toEqual(["node", "vercel"]);
  expect(namesOf(options.scenarios)).toEqual(["text", "cut stream"]);
  expect(options).toMatchObject({ timeoutMs: 9_500, newest: true });
  const foreign = readOptions(["--agents=codex", "--models", "foreign"]).rows;
  expect(namesOf(foreign)).toEqual([
    "codex responses on claude-sonnet-5",
    "codex responses on gemini-3.5-flash",
  ]);
});

test.each([
  [["--agents", "aider"], 'There is no agent "aider". Choose from: opencode, opencode:messages,'],
  [["--agents", "codex:chat"], 'There is no agent "codex:chat".'],
  [["--agents", ""], 'There is no agent "".'],
  [["--doors", "node,deno"], 'There is no door "deno". Choose from: node, workerd, vercel.'],
  [["--scenarios", "tool"], 'There is no scenario "tool". Choose from: text, tool loop,'],
  [["--models", "all"], 'There is no kind of models "all". Choose from: native, foreign.'],
  [["--timeout", "soon"], "--timeout needs a number of seconds."],
  [["--timeout", "0"], "--timeout needs a number of seconds."],
  [["--recrod"], "Unknown option '--recrod'"],
  [["node"], "Unexpected argument 'node'"],
])("%j is refused in words", (args, words) => {
  expect(() => readOptions(args)).toThrow(words);
});

test("each protocol is spoken by several agents, and each agent has a route", () => {
  for (const { protocol } of ROUTES)
    expect(AGENTS.filter(({ protocols }) => protocol in protocols).length).toBeGreaterThan(2);
  expect(AGENTS.filter(({ protocols }) => Object.keys(protocols).length === 0)).toEqual([]);
});

test("an agent is started with Kleis's address and key, and the prompt as one argument", () => {
  const target = { root: "http://127.0.0.1:4747", key: "kleis_test-key", model: "some-model" };
  for (const { row, start } of readOptions([]).rows.map((row) => ({ row, start: row.start }))) {
    const launch = start(target, "do it", "/home/lab");
    const everything = JSON.stringify(launch);
    for (const part of [target.root, target.key, target.model]) expect(everything, row.name).toContain(part);
    expect(launch.args, row.name).toContain("do it");
    expect(launch.args.join(" "), "other users can read arguments").not.toContain(target.key);
  }
});

test("each agent is pinned to a version, by the hash that npm's lock has for it", () => {
  const read = (file: string) =>
    JSON.parse(readFileSync(join(import.meta.dirname, "packages", file), "utf8"));
  const { dependencies } = read("package.json") as { dependencies: Record<string, string> };
  const { packages } = read("package-lock.json") as {
    packages: Record<string, { version?: string; integrity?: string; link?: boolean }>;
  };
  expect(Object.keys(dependencies).sort()).toEqual(AGENTS.map((agent) => agent.package).sort());
  for (const [name, version] of Object.entries(dependencies)) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(packages[`node_modules/${name}`]).toMatchObject({ version });
  }
  const unproven = Object.entries(packages).filter(
    ([path, { integrity }]) => path !== "" && !integrity?.startsWith("sha512-"),
  );
  expect(unproven.map(([path]) => path)).toEqual([]);
});

test("the cache lies outside the repository, where the variables say", () => {
  expect(cacheFolder({ KLEIS_LAB_CACHE: "/x/lab", XDG_CACHE_HOME: "/y" })).toBe("/x/lab");
  expect(cacheFolder({ KLEIS_LAB_CACHE: "", XDG_CACHE_HOME: "/y" })).toBe("/y/kleis-lab");
  expect(cacheFolder({})).toMatch(/\/\.cache\/kleis-lab$/);
  for (const inside of [ROOT, join(ROOT, "dist/lab")])
    expect(() => cacheFolder({ KLEIS_LAB_CACHE: inside })).toThrow("outside the repository");
});
