/** Every variable at every door: whatever wraps its value does not count, and what cannot be used is refused by name. */
import { createClient as createHttpClient } from "@libsql/client/http";
import { createClient as createFileClient } from "@libsql/client/sqlite3";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEdgeEnvironment } from "../../adapters/edge/environment.ts";
import { readFolder, readSettings } from "../../adapters/node/settings.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";

/** A value for each variable that has no default, or of which more than the default is worth a try. */
const WRITTEN: Readonly<Record<string, string>> = {
  ADMIN_TOKEN: "variables-tests-8d1f4a7c2b960e35",
  ENCRYPTION_KEY: `${testKeyOf("three")},${testKeyOf("four")}`,
  TURSO_DATABASE_URL: "libsql://kleis-owner.turso.io",
  TURSO_AUTH_TOKEN: "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
  PUBLIC_URL: "https://kleis.example",
  CLAUDE_API_URL: "https://claude.example",
  CLAUDE_AUTHORIZE_URL: "https://claude.example/authorize",
  CLAUDE_CONSOLE_AUTHORIZE_URL: "https://claude.example/console",
  CLAUDE_TOKEN_URL: "https://claude.example/token",
  CLAUDE_CLIENT_ID: "claude-client",
  CODEX_CLIENT_VERSION: "0.170.2",
  CODEX_API_URL: "https://codex.example/api",
  CODEX_AUTH_URL: "https://codex.example",
  CODEX_CLIENT_ID: "codex-client",
  OPENAI_API_URL: "https://openai.example",
  COPILOT_API_URL: "https://copilot.example",
  GITHUB_URL: "https://github.example",
  GITHUB_API_URL: "https://api.github.example",
  COPILOT_CLIENT_ID: "copilot-client",
  COPILOT_ENTERPRISE_HOSTS: "git.company.com, git.other.com",
  MODELS_DEV_URL: "https://models.example/api.json",
  KLEIS_HEADER_TIMEOUT_MS: "1000",
  KLEIS_IDLE_TIMEOUT_MS: "2000",
  KLEIS_MAX_STREAMS_PER_KEY: "31",
  KLEIS_MAX_STREAMS: "41",
  KLEIS_NATIVE_STREAMS: "on",
  LOG_LEVEL: "warn",
};
/** Every variable of the configuration: those above, and the defaults of the others. */
const SET: Readonly<Record<string, string>> = { ...defaults(), ...WRITTEN };

function defaults(): Record<string, string> {
  const result = readConfig(WRITTEN);
  if (!result.ok) throw new Error(result.problems.join("; "));
  return Object.fromEntries(Object.entries(result.config).map(([name, value]) => [name, String(value)]));
}

const NODE_ONLY: Readonly<Record<string, string>> = {
  HOST: "192.0.2.7",
  PORT: "8080",
  KLEIS_DATA_DIR: "/srv/kleis",
  KLEIS_TRUSTED_PROXIES: "172.17.0.1, 10.0.0.0/8",
};

const nodeOf = (given: Record<string, string | undefined>) => ({
  settings: readSettings(given, null),
  folder: readFolder(given),
});
const problemsAt = {
  edge(given: Record<string, string | undefined>): string[] {
    const result = readEdgeEnvironment(given);
    return result.ok ? [] : result.problems;
  },
  node(given: Record<string, string | undefined>): string[] {
    const { settings, folder } = nodeOf(given);
    return [...(settings.ok ? [] : settings.problems), ...(folder.ok ? [] : [folder.problem])];
  },
};

const everywhere = Object.keys(SET).map((name) => [name, SET] as const);
const all = [
  ...everywhere,
  ...Object.keys(NODE_ONLY).map((name) => [name, { ...SET, ...NODE_ONLY }] as const),
];

test("every variable has a value here to try", () => {
  // A new one whose default is empty needs a value in WRITTEN.
  expect(Object.keys(SET).filter((name) => SET[name] === "")).toEqual([]);
});

describe.each(all)("%s", (name, set) => {
  const value = set[name] ?? "";

  test.each([
    ["blanks", (plain: string) => `  ${plain} \t`],
    ["line breaks", (plain: string) => `\r\n${plain}\r\n`],
    ["a byte order mark and a hard space", (plain: string) => `\uFEFF${plain}\u00A0`],
    ["double quotes, as docker --env-file keeps them", (plain: string) => `"${plain}"`],
    ["single quotes", (plain: string) => `'${plain}'`],
    ["quotes and blanks on both sides of them", (plain: string) => ` " ${plain} " `],
  ])("in %s is what is in them", (_, wrap) => {
    const wrapped = { ...set, [name]: wrap(value) };
    expect(problemsAt.node(wrapped)).toEqual([]);
    expect(nodeOf(wrapped)).toEqual(nodeOf(set));
    expect(readEdgeEnvironment(wrapped)).toEqual(readEdgeEnvironment(set));
  });

  test.each([
    ["one quotation mark", (plain: string) => `"${plain}`],
    ["quotes of two kinds", (plain: string) => `"${plain}'`],
    ["two quoted parts", (plain: string) => `"${plain}","${plain}"`],
    ["a zero-width space", (plain: string) => `${plain.slice(0, 1)}\u200B${plain.slice(1)}`],
    ["a line break in the middle", (plain: string) => `${plain.slice(0, 1)}\n${plain.slice(1)}`],
    ["NUL", (plain: string) => `${plain}\0`],
  ])("with %s is refused by name, without its value", (_, spoil) => {
    const spoiled = { ...set, [name]: spoil(value) };
    const doors = name in NODE_ONLY ? [problemsAt.node] : [problemsAt.node, problemsAt.edge];
    for (const problems of doors) {
      const said = problems(spoiled);
      expect(said).toEqual([expect.stringMatching(new RegExp(`^${name} (has|holds|must)`))]);
      if (value.length > 4) expect(said[0]).not.toContain(value);
    }
  });

  if (
    !["ADMIN_TOKEN", "ENCRYPTION_KEY", "TURSO_DATABASE_URL", "TURSO_AUTH_TOKEN", "MODELS_DEV_URL"].includes(
      name,
    )
  ) {
    test("that is empty, also in quotes, is its default", () => {
      const { [name]: _, ...without } = set;
      for (const empty of ["", "  ", '""', "''"])
        expect(nodeOf({ ...set, [name]: empty })).toEqual(nodeOf(without));
    });
  }
});

describe("what cannot be used is refused at the start", () => {
  const ADDRESSES = Object.keys(SET).filter((name) => /_URL$/.test(name) && name !== "TURSO_DATABASE_URL");
  const spoiled = [
    "kleis.example",
    "//kleis.example",
    "ftp://kleis.example",
    "https:kleis.example",
    "https:/kleis.example",
    "https://",
    "https://user@kleis.example",
    "https://user:word@kleis.example",
    "https://kleis.example?",
    "https://kleis.example/?a=b",
    "https://kleis.example#",
    "https://kleis.example/#part",
    "https://kleis.example:0",
    "https://kleis.example:99999",
    "https://kleis example",
    "https://kleis.example/a b",
    "https:\\\\kleis.example",
    "https://kleis.example\\a",
    "https://[::1",
  ];
  test.each(ADDRESSES.flatMap((name) => spoiled.map((value) => [name, value])))(
    "%s=%s",
    (name = "", value) => {
      for (const problems of [problemsAt.node, problemsAt.edge]) {
        expect(problems({ ...SET, [name]: value })).toEqual([
          expect.stringMatching(new RegExp(`^${name} must be`)),
        ]);
      }
    },
  );

  test.each([
    ["ADMIN_TOKEN", "with blanks inside it and 24 characters"],
    ["ADMIN_TOKEN", "schlüssel-8d1f4a7c2b960e35"],
    ["ADMIN_TOKEN", `kleis_${"aB3dE6gH9k".repeat(5).slice(0, 43)}`],
    ["TURSO_AUTH_TOKEN", "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"],
    ["TURSO_AUTH_TOKEN", "tökén"],
    ["CLAUDE_CLIENT_ID", "two words"],
    ["COPILOT_ENTERPRISE_HOSTS", "*.company.com"],
    ["COPILOT_ENTERPRISE_HOSTS", "git.company.com:8443"],
    ["COPILOT_ENTERPRISE_HOSTS", "git.company.com/path"],
    ["COPILOT_ENTERPRISE_HOSTS", "git.company.com git.other.com"],
    ["COPILOT_ENTERPRISE_HOSTS", "localhost"],
    ["COPILOT_ENTERPRISE_HOSTS", "git.internal"],
    ["COPILOT_ENTERPRISE_HOSTS", "10.0.0.1"],
    ["KLEIS_HEADER_TIMEOUT_MS", "0"],
    ["KLEIS_IDLE_TIMEOUT_MS", "0"],
    ["KLEIS_IDLE_TIMEOUT_MS", "1e3"],
    ["KLEIS_MAX_STREAMS", "0"],
    ["PUBLIC_URL", "https://kleis.example/v1"],
    ["PUBLIC_URL", "https://kleis.example/admin/"],
    ["TURSO_DATABASE_URL", "https://user:word@db.example"],
    ["TURSO_DATABASE_URL", "libsql://db.turso.io?authToken=word"],
    ["TURSO_DATABASE_URL", "libsql://db.turso.io?mode=ro"],
    ["TURSO_DATABASE_URL", "libsql://db.turso.io#part"],
    ["TURSO_DATABASE_URL", "libsql://db.turso.io?tls=yes"],
    ["TURSO_DATABASE_URL", "libsql://localhost?tls=0"],
    ["TURSO_DATABASE_URL", "https://db.example:0"],
    ["TURSO_DATABASE_URL", "https://db.example/%zz"],
    ["TURSO_DATABASE_URL", "libsql:db.turso.io"],
  ])("%s=%s, at every door", (name, value) => {
    for (const problems of [problemsAt.node, problemsAt.edge]) {
      const said = problems({ ...SET, [name]: value });
      expect(said).toEqual([expect.stringMatching(new RegExp(`^${name} (must|holds|has)`))]);
      expect(said[0]).not.toContain(value);
    }
  });

  test.each([
    ["HOST", "http://0.0.0.0"],
    ["HOST", "0.0.0.0:4747"],
    ["HOST", "127.0.0.1, ::1"],
    ["HOST", "*"],
    ["HOST", "999.0.0.1"],
    ["HOST", "[localhost]"],
    ["PORT", "0x10"],
    ["PORT", "1e3"],
    ["PORT", "-1"],
    ["PORT", "4747.0"],
    ["PORT", "65536"],
    ["KLEIS_DATA_DIR", "~/.kleis"],
    ["KLEIS_DATA_DIR", "$HOME/.kleis"],
    ["KLEIS_DATA_DIR", "\x24{HOME}/.kleis"],
    ["KLEIS_DATA_DIR", "%USERPROFILE%\\kleis"],
    ["KLEIS_TRUSTED_PROXIES", "nginx"],
    ["KLEIS_TRUSTED_PROXIES", "10.0.0.0/33"],
    ["KLEIS_TRUSTED_PROXIES", "::1/129"],
    ["KLEIS_TRUSTED_PROXIES", "10.0.0.1 10.0.0.2"],
    ["TURSO_DATABASE_URL", "file:"],
    ["TURSO_DATABASE_URL", "file:///"],
    ["TURSO_DATABASE_URL", "file://host/kleis.db"],
    ["TURSO_DATABASE_URL", "file:~/kleis.db"],
    ["TURSO_DATABASE_URL", "file:kleis.db?mode=ro"],
    ["TURSO_DATABASE_URL", "file:kleis.db#part"],
    ["TURSO_DATABASE_URL", "file::memory:"],
    ["TURSO_DATABASE_URL", "file:a%00b"],
    ["TURSO_DATABASE_URL", "file:%"],
  ])("%s=%s, on Node", (name, value) => {
    expect(problemsAt.node({ ...SET, ...NODE_ONLY, [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} (must|holds)`)),
    ]);
  });

  test("an admin token that is taken can be sent, and arrives as it is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 24, maxLength: 40, unit: "grapheme" }), (token) => {
        const result = readConfig({ ...SET, ADMIN_TOKEN: token });
        if (!result.ok) return;
        const header = new Headers({ authorization: `Bearer ${result.config.ADMIN_TOKEN}` }).get(
          "authorization",
        );
        expect(/^bearer +(\S+) *$/i.exec(header ?? "")?.[1]).toBe(result.config.ADMIN_TOKEN);
      }),
      { numRuns: 300 },
    );
  });

  test("a database address that is taken is one that libSQL's client takes", () => {
    const part = fc.constantFrom(
      ...[
        "libsql:",
        "https:",
        "http:",
        "file:",
        "FILE:",
        "//",
        "/",
        "localhost",
        "127.0.0.1",
        "db.example",
        "[::1]",
      ],
      ...[
        ":8080",
        ":",
        "@",
        "kleis.db",
        "?",
        "tls=0",
        "tls=1",
        "&",
        "#",
        "%",
        "%20",
        "..",
        "authToken=x",
        ":memory:",
      ],
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), (parts) => {
        const given = { ...SET, TURSO_DATABASE_URL: parts.join("") };
        const edge = readEdgeEnvironment(given);
        if (edge.ok) createHttpClient({ url: edge.environment.database.url }).close();
        const node = readSettings(given, null);
        const url = node.ok ? node.settings.database?.url : undefined;
        if (url === undefined) return;
        // Opening makes the file, so that a file's address is only read.
        if (!/^file:/.test(url)) createHttpClient({ url }).close();
        else
          expect(() => createFileClient({ url: url.replace(/[^:/]*$/, "none/there") })).toThrow(
            /SQLITE_CANTOPEN|open/,
          );
      }),
      { numRuns: 600 },
    );
  });
});

describe("what is taken is taken in one form", () => {
  const configOf = (change: Record<string, string>) => {
    const result = readConfig({ ...SET, ...change });
    return result.ok ? result.config : result.problems;
  };
  const settingsOf = (change: Record<string, string>) => {
    const result = readSettings({ ...SET, ...change }, null);
    return result.ok ? result.settings : result.problems;
  };

  test.each([
    ["HTTPS://Kleis.Example//Team/", "https://kleis.example/Team"],
    ["https://köln.example/", "https://xn--kln-sna.example"],
    ["http://LOCALHOST:4747", "http://localhost:4747"],
    ["https://kleis.example:443", "https://kleis.example"],
  ])("PUBLIC_URL=%s", (value, form) =>
    expect(configOf({ PUBLIC_URL: value })).toMatchObject({ PUBLIC_URL: form }),
  );

  test("COPILOT_ENTERPRISE_HOSTS by names alone", () =>
    expect(configOf({ COPILOT_ENTERPRISE_HOSTS: "https://Git.Company.com/, ,git.other.com," })).toMatchObject(
      {
        COPILOT_ENTERPRISE_HOSTS: ["git.company.com", "git.other.com"],
      },
    ));

  test.each([
    ["[::1]", "::1"],
    ["::", "::"],
    ["LocalHost", "localhost"],
    ["my_box.lan", "my_box.lan"],
  ])("HOST=%s", (value, host) => expect(settingsOf({ HOST: value })).toMatchObject({ host }));
});
