import { expect, test } from "vitest";
import { readEdgeEnvironment } from "../../adapters/edge/environment.ts";
import { readSettings } from "../../adapters/node/settings.ts";
import { testKeyOf } from "../../harness/secrets.ts";

const GOOD = {
  ADMIN_TOKEN: "edge-tests-8d1f4a7c2b960e35",
  ENCRYPTION_KEY: testKeyOf("three"),
  TURSO_DATABASE_URL: "libsql://kleis-owner.turso.io",
  TURSO_AUTH_TOKEN: " token ",
};

const problemsOf = (change: Record<string, string | undefined>) => {
  const result = readEdgeEnvironment({ ...GOOD, ...change });
  return result.ok ? [] : result.problems;
};

test("a complete environment is taken, with the database's address and token", () => {
  expect(readEdgeEnvironment(GOOD)).toMatchObject({
    ok: true,
    environment: { database: { url: GOOD.TURSO_DATABASE_URL, authToken: "token" } },
  });
});

test("an address with spaces around it is the same address at every door", () => {
  const spaced = { ...GOOD, TURSO_DATABASE_URL: ` ${GOOD.TURSO_DATABASE_URL}\n` };
  const database = { url: GOOD.TURSO_DATABASE_URL, authToken: "token" };
  expect(readEdgeEnvironment(spaced)).toMatchObject({ ok: true, environment: { database } });
  expect(readSettings(spaced, null)).toMatchObject({ ok: true, settings: { database } });
});

test("only Node may keep the database in a file, and does so where no address is set", () => {
  const settings = (url: string) => readSettings({ ...GOOD, TURSO_DATABASE_URL: url }, null);
  expect(settings("file:kleis.db")).toMatchObject({
    ok: true,
    settings: { database: { url: "file:kleis.db" } },
  });
  for (const url of ["", "  "])
    expect(settings(url)).toMatchObject({ ok: true, settings: { database: null } });
});

test("Turso without its token is missing something; a server of one's own may ask for none", () => {
  const without = (url: string) => problemsOf({ TURSO_DATABASE_URL: url, TURSO_AUTH_TOKEN: " " });
  expect(without("libsql://kleis-owner.turso.io")).toEqual(["TURSO_AUTH_TOKEN is not set"]);
  expect(without("https://kleis-owner.aws-eu-west-1.turso.io")).toEqual(["TURSO_AUTH_TOKEN is not set"]);
  expect(without("https://db.example.org")).toEqual([]);
});

test.each([
  "libsql://db.turso.io",
  "https://db.example.org",
  "http://127.0.0.1:8080",
  "http://localhost:8080",
  "libsql://127.0.0.1:8080?tls=0",
  "libsql://db.turso.io?tls=1",
])("%s may be the database", (url) => expect(problemsOf({ TURSO_DATABASE_URL: url })).toEqual([]));

test.each([
  "file:kleis.db",
  "http://db.example.org",
  "http://127.0.0.1.example.org",
  "libsql://db.example.org:8080?tls=0",
  "libsql://db.example.org:8080?tls=1&%74ls=%30",
  "https://db.example.org?tls=0",
  "ws://127.0.0.1",
  "kleis",
  "libsql:",
])("%s may not", (url) => {
  const [problem = "", ...more] = problemsOf({ TURSO_DATABASE_URL: url });
  if (!url.startsWith("file:"))
    expect(readSettings({ ...GOOD, TURSO_DATABASE_URL: url }, null).ok).toBe(false);
  expect(problem).toMatch(/^TURSO_DATABASE_URL (may|must) b/);
  expect(more).toEqual([]);
});

test("what is missing is named, all of it at once; an empty value is a missing one", () => {
  expect(problemsOf({ ADMIN_TOKEN: " ", ENCRYPTION_KEY: undefined, TURSO_DATABASE_URL: "" })).toEqual([
    "ADMIN_TOKEN is not set",
    "ENCRYPTION_KEY is not set",
    "TURSO_DATABASE_URL is not set",
  ]);
});

test("an unknown word is answered with the known ones", () => {
  expect(problemsOf({ LOG_LEVEL: "loud" })).toEqual([
    'LOG_LEVEL Invalid option: expected one of "debug"|"info"|"warn"|"error"|"silent"',
  ]);
});

test("a value is never repeated", () => {
  const said = problemsOf({
    ADMIN_TOKEN: "s3cret",
    ENCRYPTION_KEY: "s3cret",
    TURSO_DATABASE_URL: "http://s3cret.org",
  });
  expect(said).toHaveLength(3);
  expect(said.join(" ")).not.toContain("s3cret");
});

test("an empty MODELS_DEV_URL still turns the registry's fetching off", () => {
  const result = readEdgeEnvironment({ ...GOOD, MODELS_DEV_URL: "" });
  expect(result.ok && result.environment.config.MODELS_DEV_URL).toBe("");
});
