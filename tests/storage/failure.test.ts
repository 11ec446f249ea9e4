/** What the database's drivers and the network say, in words that name what to look at. */
import { expect, test } from "vitest";
import { attempt } from "../../src/storage/libsql/failure.ts";

const wordsOf = (error: unknown) =>
  attempt("reach the database", () => Promise.reject(error)).then(
    () => "",
    (failure: Error) => failure.message,
  );

test.each([
  ["ENOTFOUND", /no host of this name: check TURSO_DATABASE_URL/],
  ["EAI_AGAIN", /cannot be looked up/],
  ["ECONNREFUSED", /nothing listens at the address.*TURSO_DATABASE_URL/],
  ["ETIMEDOUT", /does not respond/],
  ["EHOSTUNREACH", /no way to the host/],
  ["CERT_HAS_EXPIRED", /certificate.*has expired/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /another host's: check TURSO_DATABASE_URL/],
  ["SELF_SIGNED_CERT_IN_CHAIN", /NODE_EXTRA_CA_CERTS/],
  ["SQLITE_CANTOPEN", /cannot be opened/],
  ["SQLITE_CANTOPEN_ISDIR", /cannot be opened/],
  ["SQLITE_IOERR_WRITE", /disk could not be read or written/],
  ["SQLITE_READONLY_DBMOVED", /read-only/],
  ["SQLITE_BUSY_SNAPSHOT", /another process is writing/],
])("%s, however deep it lies", async (code, words) => {
  const cause = Object.assign(new Error("secret words"), { code });
  const said = await wordsOf(new TypeError("fetch failed", { cause: new Error("driver", { cause }) }));
  expect(said).toMatch(words);
  expect(said).toContain(`(${code})`);
  expect(said).not.toContain("secret");
});

test.each([
  [401, /check TURSO_AUTH_TOKEN/],
  [403, /check TURSO_AUTH_TOKEN/],
  [404, /no database at this address: check TURSO_DATABASE_URL/],
  [500, /the database failed/],
])("HTTP %i", async (status, words) => {
  expect(await wordsOf(Object.assign(new Error("x"), { status }))).toMatch(words);
});
