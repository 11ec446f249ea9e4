/** A storage that fails, and a defect inside: the responses that clients get, through the whole application. */
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import type { Fetch } from "../../src/runtime.ts";
import { StorageError } from "../../src/storage/port.ts";
import { FRESH_MS } from "../../src/storage/read-cache.ts";
import { sleep } from "../support/config.ts";
import { startKleis } from "../support/kleis.ts";
import { newStorage } from "../support/storage.ts";
import { watchStorage } from "../support/watched-storage.ts";
import { OPERATION_NAMES, OPERATIONS, shapeOf } from "./own-error.ts";

/** What the storage says of a failure: never with a secret in it. */
const REASON = "cannot read a key: the database refused the token: check TURSO_AUTH_TOKEN (HTTP 401)";
/** What a client must not even see where the storage forgot that. */
const DETAIL = "connect ECONNREFUSED libsql://me:secret-token@db.example";

const noNetwork: Fetch = () => Promise.reject(new Error("no network here"));

interface Trouble {
  error: Error | null;
  /** How long each call takes first, ms. */
  afterMs: number;
}

/** The application on a real storage of which every call can be made slow, or to fail. */
async function startTroubled(network: Fetch = noNetwork) {
  const trouble: Trouble = { error: null, afterMs: 0 };
  const { storage } = await newStorage();
  const troubled = watchStorage(storage, async () => {
    const { error, afterMs } = trouble;
    if (afterMs > 0) await sleep(afterMs);
    if (error !== null) throw error;
  });
  const kleis = await startKleis({ storage: troubled, network });
  const { key } = await kleis.key();
  const pass = (ms: number) => {
    kleis.clock.ms += ms;
  };
  return { send: kleis.send, key, pass, lines: kleis.logged, trouble };
}

describe("while the store does not answer and nothing is remembered", () => {
  test.each(OPERATION_NAMES)("%s is a 503 in its protocol's shape", async (operation) => {
    const { send, key, trouble, lines } = await startTroubled();
    trouble.error = new StorageError(DETAIL);
    const response = await send("POST", OPERATIONS[operation].path, key, OPERATIONS[operation].body);
    const text = await response.text();
    expect(response.status).toBe(503);
    // Not an answer for good: a client may try again.
    expect(response.headers.get("x-should-retry")).toBeNull();
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    expect(text).not.toContain("secret-token");
    const code = "storage_unavailable";
    const expected =
      shapeOf(operation) === "anthropic"
        ? { type: "error", error: { type: "overloaded_error", code } }
        : { error: { type: "server_error", code } };
    expect(JSON.parse(text)).toMatchObject(expected);
    expect(lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toContain(key);
  });

  test.each([
    ["/v1/models", "client"],
    ["/models/api.json", "client"],
    ["/models/own/api.json", "client"],
    ["/healthz?deep=1", "owner"],
    ["/admin/keys", "owner"],
    ["/admin/accounts", "owner"],
  ])(
    "%s is a 503 as well; the reason is in the log, and in the response for the owner only (%s)",
    async (path, who) => {
      const { send, key, trouble, lines } = await startTroubled();
      trouble.error = new StorageError(REASON);
      const response = await send("GET", path, who === "owner" ? ADMIN_TOKEN : key);
      const text = await response.text();
      expect(response.status).toBe(503);
      expect(JSON.parse(text)).toMatchObject({ error: { code: "storage_unavailable" } });
      expect(text.includes(REASON)).toBe(who === "owner");
      expect(lines.map(({ fields }) => fields?.reason)).toContain(REASON);
    },
  );

  test("a request's own line in the log has the reason", async () => {
    const { send, key, trouble, lines } = await startTroubled();
    trouble.error = new StorageError(REASON);
    await send("POST", OPERATIONS.messages.path, key, OPERATIONS.messages.body);
    const line = lines.find(({ fields }) => fields?.route === OPERATIONS.messages.path);
    expect(line).toMatchObject({ event: "request", fields: { reason: REASON } });
  });

  test("/healthz stays 200, and what cannot be a key is refused without a call of the storage", async () => {
    const { send, trouble } = await startTroubled();
    trouble.error = new StorageError(DETAIL);
    expect((await send("GET", "/healthz", "")).status).toBe(200);
    expect((await send("GET", "/v1/models", "nonsense")).status).toBe(401);
  });

  test("the first request after it is back is answered", async () => {
    const { send, key, trouble } = await startTroubled();
    trouble.error = new StorageError(DETAIL);
    expect((await send("GET", "/v1/models", key)).status).toBe(503);
    trouble.error = null;
    expect((await send("GET", "/v1/models", key)).status).toBe(200);
  });
});

test("a store that goes away does not stop the requests of keys and accounts that are remembered", async () => {
  const { send, key, pass, trouble } = await startTroubled(async () => Response.json({ type: "message" }));
  const account = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-one" };
  expect((await send("POST", "/admin/accounts/import", ADMIN_TOKEN, account)).status).toBe(201);
  const { path, body } = OPERATIONS.messages;
  expect((await send("POST", path, key, body)).status).toBe(200);
  trouble.error = new StorageError(DETAIL);
  pass(FRESH_MS * 3);
  expect((await send("POST", path, key, body)).status).toBe(200);
});

test.each([
  ["is silent until it is given up on", new StorageError(DETAIL), 5_000],
  ["answers after 4.9 s each time", null, 4_900],
])("a store that %s costs a request one short wait, and those after it none", async (_, error, afterMs) => {
  const { send, key, pass, trouble } = await startTroubled(async () => Response.json({ type: "message" }));
  const account = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-one" };
  expect((await send("POST", "/admin/accounts/import", ADMIN_TOKEN, account)).status).toBe(201);
  const { path, body } = OPERATIONS.messages;
  expect((await send("POST", path, key, body)).status).toBe(200);
  Object.assign(trouble, { error, afterMs });
  pass(FRESH_MS * 3);
  // Not one question is answered before all of the requests are.
  let isAnswered = false;
  void sleep(afterMs).then(() => {
    isAnswered = true;
  });
  for (let round = 0; round < 3; round++) expect((await send("POST", path, key, body)).status).toBe(200);
  expect(isAnswered).toBe(false);
});

test("a defect is a 500 that reveals nothing of it, and a log line that names only its kind", async () => {
  const { send, key, trouble, lines } = await startTroubled();
  trouble.error = new TypeError(DETAIL);
  for (const operation of OPERATION_NAMES) {
    const response = await send("POST", OPERATIONS[operation].path, key, OPERATIONS[operation].body);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "internal_error" } });
    expect(text).not.toMatch(/secret-token|ECONNREFUSED|TypeError|\.ts:/);
  }
  expect((await send("GET", "/v1/models", key)).status).toBe(500);
  const unforeseen = lines.find(({ event }) => event === "unforeseen");
  expect(unforeseen?.fields).toMatchObject({
    error: "TypeError",
    stack: expect.stringMatching(/^at .+\.ts:\d+/),
  });
  expect(JSON.stringify(lines)).toContain("TypeError");
  expect(JSON.stringify(lines)).not.toContain("secret-token");
});

test("a model's name of a megabyte is not written to the log", async () => {
  const { send, key, lines } = await startTroubled();
  const response = await send("POST", "/v1/messages", key, { model: "m".repeat(1024 * 1024) });
  expect(response.status).toBe(400);
  expect(lines.map(({ event }) => event)).toContain("request");
  expect(JSON.stringify(lines).length).toBeLessThan(4_000);
});
