import { expect, test } from "vitest";
import { readEdgeEnvironment } from "../../adapters/edge/environment.ts";

const GOOD = {
  ADMIN_TOKEN: "edge-tests-8d1f4a7c2b960e35",
  ENCRYPTION_KEY: Buffer.alloc(32, 3).toString("base64"),
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

test.each([
  "libsql://db.turso.io",
  "https://db.example.org",
  "http://127.0.0.1:8080",
  "http://localhost:8080",
])("%s may be the database", (url) => expect(problemsOf({ TURSO_DATABASE_URL: url })).toEqual([]));

test.each([
  "file:kleis.db",
  "http://db.example.org",
  "http://127.0.0.1.example.org",
  "ws://127.0.0.1",
  "kleis",
  "libsql:",
])("%s may not", (url) => {
  const [problem = "", ...more] = problemsOf({ TURSO_DATABASE_URL: url });
  expect(problem).toMatch(/^TURSO_DATABASE_URL (may|must) be/);
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
