/** The walls of the house: who may import whom, and that the core names no runtime. Walks the real import graph. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { PROVIDERS } from "../../src/providers/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Top to bottom; an import may only point to the same layer or one further down. */
const LAYERS = [
  "adapters",
  "app",
  "admin",
  "http",
  "auth",
  "proxy",
  "live-checks",
  "models",
  "accounts",
  "keys",
  "limits",
  "usage",
  "storage",
  "providers",
  "protocols",
  "log",
  "base",
];

/** Leaf files of `src/` that every layer may name. */
const BASE = new Set([
  "bytes.ts",
  "base-url.ts",
  "config.ts",
  "deadline.ts",
  "error-code.ts",
  "errors.ts",
  "host-name.ts",
  "json.ts",
  "runtime.ts",
  "send.ts",
  "sortable-id.ts",
  "unreachable.ts",
  "variable-kinds.ts",
  "variables.ts",
  "version.ts",
  "weak-secret.ts",
  "zod-locale.ts",
]);

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^"'`;]*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

/** The code of a file: what a template shows (snippets for a person to paste) is not imported by Kleis. */
function codeOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8").replace(/`(?:\\.|[^`\\])*`/g, "``");
}

/** The code without its texts. */
function namesOf(file: string): string {
  return codeOf(file).replace(/"(?:\\.|[^"\\\n])*"/g, '""');
}

function importsOf(file: string): Import[] {
  const source = codeOf(file);
  return [...source.matchAll(IMPORT)].map((match) => {
    const target = match[2] ?? match[3] ?? "";
    const to = target.startsWith(".") ? relative(ROOT, resolve(ROOT, dirname(file), target)) : target;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
}

function layerOf(file: string): string {
  const [top, second = ""] = file.split("/");
  if (top === "adapters") return "adapters";
  if (second.startsWith("app.ts")) return "app";
  if (second === "environment.ts") return "app";
  return BASE.has(second) ? "base" : second;
}

const PROFILE = /^src\/providers\/[^/]+\/profile\.ts$/;

const core = filesIn("src");
const files = [...core, ...filesIn("adapters")];
const imports = files.flatMap(importsOf);
const own = imports.filter(({ to }) => to.startsWith("src/") || to.startsWith("adapters/"));
const foreign = imports.filter(({ to }) => !to.startsWith("src/") && !to.startsWith("adapters/"));
const said = ({ from, to }: Import) => `${from} -> ${to}`;

/** What names a provider: the words of its id, names and registry source, and the product that its accounts are bought as. */
const NAMES = [
  ...new Set(
    PROVIDERS.flatMap(({ id, name, aliases, source }) => [id, name, source, ...aliases])
      .flatMap((name) => name.toLowerCase().split(/[^a-z]+/))
      .concat("chatgpt"),
  ),
];
const NAMING = new RegExp(NAMES.join("|"), "i");

/** Where providers may be named. */
const MAY_NAME = [
  /^src\/providers\/[^/]+\//,
  /^src\/providers\/index\.ts$/, // the one line
  /^src\/providers\/(anthropic|openai)-models\.ts$/, // a maker's models, which several providers serve
  /^src\/protocols\/wire-names\.ts$/, // what the protocols themselves write
  /^(src\/admin\/pages\/agents|adapters\/setup)\//, // the catalogue of agents, and set-up: their products bear such names
  /\.gen\.ts$/, // data
];

/** Texts and comments: of the two only texts count. */
const TEXT_OR_COMMENT =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
/** A page of the reference, in the source of a row of a table. */
const CITATION = /providers\/[\w-]+\.md §/g;

/** The lines of a file that name a provider. In `src/protocols` a sentence may say what one vendor alone runs or reads. */
function namingLines(file: string, source: string): string[] {
  const isProtocol = file.startsWith("src/protocols/");
  const code = source.replace(TEXT_OR_COMMENT, (found, text: string | undefined) => {
    if (text === undefined || (isProtocol && text.includes(" "))) return found.replace(/[^\n]/g, " ");
    return text.replace(CITATION, "");
  });
  return code
    .split("\n")
    .flatMap((line, at) => (NAMING.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : []));
}

describe("the walls", () => {
  test("the graph was found at all", () => {
    expect(files.length).toBeGreaterThan(40);
    expect(own.length).toBeGreaterThan(100);
    expect([...new Set(files.map(layerOf))].filter((layer) => !LAYERS.includes(layer))).toEqual([]);
  });

  test("every import names a file that is there, with its ending", () => {
    expect(own.filter(({ to }) => !files.includes(to)).map(said)).toEqual([]);
  });

  test("an import points downwards", () => {
    const upward = own.filter(({ from, to }) => LAYERS.indexOf(layerOf(from)) > LAYERS.indexOf(layerOf(to)));
    // The one value of Runtime names the storage port, as a type.
    const allowed = upward.filter(
      ({ from, to, typeOnly }) => from === "src/runtime.ts" && to === "src/storage/port.ts" && typeOnly,
    );
    expect(upward.filter((each) => !allowed.includes(each)).map(said)).toEqual([]);
  });

  test("a provider's profile is data: it imports types alone", () => {
    const values = imports.filter(({ from, typeOnly }) => PROFILE.test(from) && !typeOnly);
    expect(values.map(said)).toEqual([]);
  });

  test("no file imports itself by way of others, types included", () => {
    const targets = new Map(
      files.map((file) => [file, own.filter(({ from }) => from === file).map(({ to }) => to)]),
    );
    /** A way from `file` back to `start` through files not visited yet. */
    const wayBack = (start: string, file: string, visited: Set<string>): string[] | null => {
      for (const next of targets.get(file) ?? []) {
        if (next === start) return [file, next];
        if (visited.has(next)) continue;
        visited.add(next);
        const way = wayBack(start, next, visited);
        if (way !== null) return [file, ...way];
      }
      return null;
    };
    const circles = files.flatMap((file) => wayBack(file, file, new Set())?.join(" -> ") ?? []);
    expect(circles).toEqual([]);
  });

  test("providers and protocols know no storage, no framework and not each other", () => {
    const inside = imports.filter(({ from }) => /^src\/(providers|protocols)\//.test(from));
    const wrong = inside.filter(({ from, to }) => {
      if (/^(hono|drizzle|@libsql|@hono)/.test(to)) return true;
      if (to === "src/runtime.ts" || to === "src/send.ts" || /^src\/storage\//.test(to)) return true;
      const home = /^src\/providers\/([^/]+)\//.exec(from)?.[1];
      const other = /^src\/providers\/([^/]+)\//.exec(to)?.[1];
      return home !== undefined && other !== undefined && home !== other;
    });
    expect(wrong.map(said)).toEqual([]);
  });

  test("the core imports only the libraries it was given", () => {
    const allowed =
      /^(hono(\/|$)|@hono\/zod-validator$|drizzle-orm(\/|$)|zod\/(mini|v4\/locales\/en\.js)$|oauth4webapi$)/;
    const outside = foreign.filter(
      ({ from, to, typeOnly }) =>
        from.startsWith("src/") && !allowed.test(to) && !(typeOnly && to === "@libsql/client"),
    );
    expect(outside.map(said)).toEqual([]);
  });

  test("the core names no runtime", () => {
    const names =
      /\b(process\.|Buffer\b|Deno\b|Bun\b|require\(|__dirname|navigator\.|WebSocketPair|caches\.|console\.)/;
    const lines = core.flatMap((file) =>
      namesOf(file)
        .split("\n")
        .filter((line) => names.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
        .map((line) => `${file}: ${line.trim().slice(0, 100)}`),
    );
    expect(lines.filter((line) => !line.includes(".gen.ts"))).toEqual([]);
  });

  test("one function sends: nothing else in the core calls fetch", () => {
    const lines = core.flatMap((file) =>
      readFileSync(join(ROOT, file), "utf8")
        .split("\n")
        .filter(
          (line) =>
            /(?<![.\w])fetch\(|runtime\.fetch\(|globalThis/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line),
        )
        .map((line) => `${file}: ${line.trim()}`),
    );
    // A method of that name is declared or defined, not called.
    const isDeclared = (line: string) => /fetch\(\w+: /.test(line) || /fetch\([^)]*\) \{$/.test(line);
    expect(lines.filter((line) => !line.startsWith("src/send.ts") && !isDeclared(line))).toEqual([]);
  });

  describe("no file outside a provider's folder names a provider", () => {
    test.each([
      ['const id = "TOKEN";', true],
      ["function askTOKEN() {}", true],
      ["type TOKENOnly = 1;", true],
      ["/^x-TOKEN-/", true],
      ["<p>TOKEN’s file</p>", true],
      ["// TOKEN says so", false],
      ["/** TOKEN says so, twice: TOKEN. */ const a = 1;", false],
      ['const source = "providers/TOKEN.md §2.1; docs 2026-08";', false],
    ])("%s is seen: %s", (line, isSeen) => {
      for (const name of NAMES) {
        const lines = namingLines("src/http/made-up.ts", line.replaceAll("TOKEN", name));
        expect(lines, name).toHaveLength(isSeen ? 1 : 0);
      }
      expect(namingLines("src/protocols/made-up.ts", 'refuse("only openai runs it")')).toEqual([]);
      expect(namingLines("src/protocols/made-up.ts", 'headers.get("openai-beta")')).toHaveLength(1);
      expect(namingLines("src/protocols/made-up.ts", "const openai = 1;")).toHaveLength(1);
    });

    test("in its code, its texts or its path", () => {
      const outside = files.filter((file) => !MAY_NAME.some((place) => place.test(file)));
      expect(outside.length).toBeGreaterThan(200);
      expect(outside.filter((file) => NAMING.test(file))).toEqual([]);
      expect(outside.flatMap((file) => namingLines(file, readFileSync(join(ROOT, file), "utf8")))).toEqual(
        [],
      );
    });
  });

  test("a door holds environment, database, background work and listening, and none of Kleis's rules", () => {
    const doors = imports.filter(({ from }) => /^adapters\/(node|vercel|cloudflare|edge)\//.test(from));
    const allowed =
      /^src\/(app|config|environment|error-code|errors|runtime|http\/error-response|log\/error-facts|variables|storage\/(port|seal)|storage\/libsql\/[\w-]+)\.ts$/;
    const reaching = doors.filter(({ to }) => to.startsWith("src/") && !allowed.test(to));
    expect(reaching.map(said)).toEqual([]);
    const libraries = doors.filter(
      ({ to }) =>
        !/^(src|adapters)\//.test(to) &&
        !/^(node:|cloudflare:workers$|@libsql\/client(\/http|\/sqlite3)?$|@hono\/node-server$|undici(\/|$))/.test(
          to,
        ),
    );
    expect(libraries.map(said)).toEqual([]);
  });

  test("a door leans on no other runtime's: what runs in Workers names nothing of Node's", () => {
    const homes: [from: RegExp, never: RegExp][] = [
      [
        /^adapters\/(cloudflare|edge)\//,
        /^(node:|undici|@hono\/node-server|adapters\/(node|vercel|doctor)\/)/,
      ],
      [/^adapters\/node\//, /^(cloudflare:|adapters\/(cloudflare|vercel|doctor)\/)/],
      [/^adapters\/vercel\//, /^(cloudflare:|@hono\/node-server|adapters\/(cloudflare|doctor)\/)/],
    ];
    const wrong = imports.filter(({ from, to }) =>
      homes.some(([home, never]) => home.test(from) && never.test(to)),
    );
    expect(wrong.map(said)).toEqual([]);
  });

  test("measurements and what they share with tests stand without the tests, and nothing that ships uses them", () => {
    const uses: [from: string, never: RegExp][] = [
      ["src", /^(tests|bench|harness)\//],
      ["adapters", /^(tests|bench|harness)\//],
      ["bench", /^tests\//],
      ["harness", /^(tests|bench)\//],
      ["tests", /^bench\//],
    ];
    const wrong = uses.flatMap(([from, never]) =>
      filesIn(from)
        .flatMap(importsOf)
        .filter(({ to }) => never.test(to)),
    );
    expect(wrong.map(said)).toEqual([]);
  });
});
