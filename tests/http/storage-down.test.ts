/** A store that does not answer, and a defect inside: what clients are told, through the whole application. */
import { describe, expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/environment.ts";
import type { Fetch, LogFields } from "../../src/runtime.ts";
import { StorageError } from "../../src/storage/port.ts";
import { FRESH_MS } from "../../src/storage/read-cache.ts";
import { random, sleep } from "../support/config.ts";
import { newStorage } from "../support/storage.ts";
import { OPERATION_NAMES, OPERATIONS, shapeOf } from "./own-error.ts";

const ADMIN_TOKEN = "storage-tests-91be04c7aa52d6f3";
/** What the storage says of a failure: never with a secret in it. */
const REASON = "cannot read a key: the database refused the token: check TURSO_AUTH_TOKEN (HTTP 401)";
/** What a client must not even see where the storage forgot that. */
const DETAIL = "connect ECONNREFUSED libsql://me:secret-token@db.example";

const noNetwork: Fetch = () => Promise.reject(new Error("no network here"));

/** The application on a real store that can be made to fail in every question. */
async function createWorld(fetch: Fetch = noNetwork) {
  const environment = {
    ADMIN_TOKEN,
    ENCRYPTION_KEY: testKeyOf("nine"),
    MODELS_DEV_URL: "",
  };
  const config = readConfig(environment);
  if (!config.ok) throw new Error(config.problems.join());
  const trouble: Trouble = { error: null, afterMs: 0 };
  const { storage } = await newStorage();
  let ahead = 0;
  const lines: { event: string; fields: LogFields }[] = [];
  const log = (event: string, fields: LogFields = {}) => void lines.push({ event, fields });
  const app = createApp({
    config: config.config,
    storage: failing(storage, trouble),
    fetch,
    clock: { now: () => Date.now() + ahead, sleep },
    random,
    waitUntil: (work) => void work.catch(() => {}),
    logger: { debug: log, info: log, warn: log, error: log },
  });
  const send = async (method: string, path: string, secret: string, body?: object) =>
    app.fetch(
      new Request(`https://kleis.example${path}`, {
        method,
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  const { key } = (await (await send("POST", "/admin/keys", ADMIN_TOKEN, {})).json()) as { key: string };
  const pass = (ms: number) => {
    ahead += ms;
  };
  return { send, key, pass, lines, trouble };
}

interface Trouble {
  error: Error | null;
  /** How long each question takes first, ms. */
  afterMs: number;
}

/** The store with a switch: every method of it, of all its parts, rejects while there is trouble. */
function failing<Part extends object>(part: Part, trouble: Trouble): Part {
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member === "object" && member !== null) return failing(member, trouble);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]): Promise<unknown> => {
        const { error, afterMs } = trouble;
        if (afterMs > 0) await sleep(afterMs);
        if (error !== null) throw error;
        return Reflect.apply(member, target, args);
      };
    },
  });
}

describe("while the store does not answer and nothing is remembered", () => {
  test.each(OPERATION_NAMES)("%s is a 503 in its protocol's shape", async (operation) => {
    const { send, key, trouble, lines } = await createWorld();
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
  ])("%s says so too; why, only the %s's doors and the log", async (path, who) => {
    const { send, key, trouble, lines } = await createWorld();
    trouble.error = new StorageError(REASON);
    const response = await send("GET", path, who === "owner" ? ADMIN_TOKEN : key);
    const text = await response.text();
    expect(response.status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "storage_unavailable" } });
    expect(text.includes(REASON)).toBe(who === "owner");
    expect(lines.map(({ fields }) => fields.reason)).toContain(REASON);
  });

  test("a request's own line in the log has the reason", async () => {
    const { send, key, trouble, lines } = await createWorld();
    trouble.error = new StorageError(REASON);
    await send("POST", OPERATIONS.messages.path, key, OPERATIONS.messages.body);
    const line = lines.find(({ fields }) => fields.route === OPERATIONS.messages.path);
    expect(line).toMatchObject({ event: "request", fields: { reason: REASON } });
  });

  test("it still says that it is alive, and refuses what cannot be a key without asking the store", async () => {
    const { send, trouble } = await createWorld();
    trouble.error = new StorageError(DETAIL);
    expect((await send("GET", "/healthz", "")).status).toBe(200);
    expect((await send("GET", "/v1/models", "nonsense")).status).toBe(401);
  });

  test("the first request after it is back is answered", async () => {
    const { send, key, trouble } = await createWorld();
    trouble.error = new StorageError(DETAIL);
    expect((await send("GET", "/v1/models", key)).status).toBe(503);
    trouble.error = null;
    expect((await send("GET", "/v1/models", key)).status).toBe(200);
  });
});

test("a store that goes away does not stop the requests of keys and accounts that are remembered", async () => {
  const { send, key, pass, trouble } = await createWorld(async () => Response.json({ type: "message" }));
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
  const { send, key, pass, trouble } = await createWorld(async () => Response.json({ type: "message" }));
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

test("a defect inside is a 500 that says nothing of itself, and a log line that names only its kind", async () => {
  const { send, key, trouble, lines } = await createWorld();
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
  const { send, key, lines } = await createWorld();
  const response = await send("POST", "/v1/messages", key, { model: "m".repeat(1024 * 1024) });
  expect(response.status).toBe(400);
  expect(lines.map(({ event }) => event)).toContain("request");
  expect(JSON.stringify(lines).length).toBeLessThan(4_000);
});
