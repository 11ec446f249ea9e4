/** Kleis's own refusals about keys, scopes, models and accounts: each row of the error table, in the caller's protocol. */
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KleisError } from "../../src/errors.ts";
import { errorResponse } from "../../src/http/error-response.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import {
  expectOwnError,
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
  secretsOf,
  shapeOf,
} from "./own-error.ts";
import { type WireRequest, wire } from "./wire.ts";

let door: Door;
let key: string;
let accounts: { claude: string; codex: string; copilot: string };

beforeAll(async () => {
  door = await openDoor();
  accounts = await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());

const ask = (operation: OperationName, headers: Record<string, string>, more: WireRequest = {}) =>
  wire(door.url + OPERATIONS[operation].path, { headers, body: OPERATIONS[operation].body, ...more });
const withKey = (secret: string) => ({ authorization: `Bearer ${secret}` });

/** A door of its own on the same fakes, for a world that differs. */
async function inWorld(prepare: (other: Door) => Promise<unknown>, play: (other: Door) => Promise<void>) {
  const other = await openDoor();
  try {
    await prepare(other);
    await play(other);
  } finally {
    await other.close();
  }
}

describe.each(OPERATION_NAMES)("on %s", (operation) => {
  const shape = shapeOf(operation);
  const refused = async (headers: Record<string, string>, code: string) =>
    expectOwnError(await ask(operation, headers), shape, 401, code, secretsOf(door, key));

  test("a request without a key is told to send one", async () => {
    expect((await refused({}, "missing_api_key")).message).toContain("x-api-key");
    await refused({ authorization: "Bearer " }, "missing_api_key");
    await refused({ "x-api-key": "" }, "missing_api_key");
    await refused({ authorization: "Bearer", "x-api-key": " " }, "missing_api_key");
  });

  test("an unknown key is refused, also one that has the right form and one of a provider", async () => {
    await refused(withKey("nonsense"), "invalid_api_key");
    await refused(withKey(`kleis_${"A".repeat(43)}`), "invalid_api_key");
    await refused({ "x-api-key": door.fakes.claude.issueApiKey() }, "invalid_api_key");
    await refused({ "x-api-key": door.adminToken }, "invalid_api_key");
    await refused({ authorization: "Basic a2xlaXM6a2xlaXM=" }, "invalid_api_key");
  });

  test("two different keys are refused although one of them is good, and the same key twice is taken", async () => {
    const other = `kleis_${"B".repeat(43)}`;
    const error = await refused({ ...withKey(key), "x-api-key": other }, "invalid_api_key");
    expect(error.message).toContain("two different keys");
    await refused({ ...withKey(other), "x-api-key": key }, "invalid_api_key");
    if (operation === "count_tokens") return;
    expect((await ask(operation, { ...withKey(key), "x-api-key": key })).status).toBe(200);
  });

  test("what is not ours does not get in the way of a key beside it, and goes no further", async () => {
    if (operation === "count_tokens") return;
    const foreign = "sk-ant-api03-planted-by-the-client";
    for (const other of ["Basic a2xlaXM6a2xlaXM=", "Bearer", "Bearer ", foreign, `Bearer ${foreign}`]) {
      const answers = await Promise.all([
        ask(operation, { authorization: other, "x-api-key": key }),
        ask(operation, { ...withKey(key), "x-api-key": other }),
        ask(operation, { authorization: `${other}, Bearer ${key}`, "anthropic-other": other }),
      ]);
      expect(
        answers.map(({ status }) => status),
        other,
      ).toEqual([200, 200, 200]);
    }
    const { claude, codex, copilot } = door.fakes;
    const upstream = [claude, codex, copilot].flatMap(({ requests }) =>
      requests.map(({ headers }) => headers),
    );
    expect(JSON.stringify(upstream)).not.toContain(foreign);
    expect(JSON.stringify(upstream)).not.toContain("a2xlaXM6");
  });

  test("a model that nobody knows is a 404 that names it", async () => {
    const model = "no-such-model-7b";
    const answer = await ask(operation, withKey(key), { body: { ...OPERATIONS[operation].body, model } });
    const error = expectOwnError(answer, shape, 404, "model_not_found", secretsOf(door, key));
    expect(error.message).toContain(`"${model}"`);
  });

  test("a provider prefix that there is not is a 404 too", async () => {
    const model = "nobody/gpt-5.5";
    const answer = await ask(operation, withKey(key), { body: { ...OPERATIONS[operation].body, model } });
    expectOwnError(answer, shape, 404, "model_not_found", secretsOf(door, key));
  });
});

describe("a key's life", () => {
  test("a revoked key stops working with the next request, also on the models list", async () => {
    const { key: secret, id } = await door.admin<{ key: string; id: string }>("POST", "/admin/keys", {});
    expect((await ask("chat", withKey(secret))).status).toBe(200);
    await door.admin("POST", `/admin/keys/${id}/revoke`);
    expectOwnError(await ask("chat", withKey(secret)), "openai", 401, "invalid_api_key", [secret]);
    const models = await wire(`${door.url}/v1/models`, { method: "GET", headers: withKey(secret) });
    expectOwnError(models, "openai", 401, "invalid_api_key", [secret]);
  });

  test("an expired key says that it has expired", async () => {
    const expires_at = Date.now() + 500;
    const secret = await door.key({ expires_at });
    while (Date.now() <= expires_at) await new Promise((done) => setTimeout(done, 20));
    expectOwnError(await ask("chat", withKey(secret)), "openai", 401, "expired_api_key", [secret]);
    expectOwnError(await ask("messages", withKey(secret)), "anthropic", 401, "expired_api_key", [secret]);
  });

  test("the models list asks for a key in the shape of who asks", async () => {
    const openai = await wire(`${door.url}/v1/models`, { method: "GET" });
    expectOwnError(openai, "openai", 401, "missing_api_key");
    const headers = { "anthropic-version": "2023-06-01" };
    const anthropic = await wire(`${door.url}/v1/models`, { method: "GET", headers });
    expectOwnError(anthropic, "anthropic", 401, "missing_api_key");
    const one = await wire(`${door.url}/v1/models/no/such%20model`, { method: "GET", headers: withKey(key) });
    expectOwnError(one, "openai", 404, "model_not_found", [key]);
  });
});

describe("a key's scopes", () => {
  test.each([
    ["provider", () => ({ providers: ["claude"] })],
    ["model", () => ({ models: ["claude-sonnet-5"] })],
    ["account", () => ({ accounts: [accounts.claude] })],
  ])("a %s scope lets its own through and refuses the rest with 403", async (_name, scope) => {
    const secret = await door.key(scope());
    expect((await ask("messages", withKey(secret))).status).toBe(200);
    for (const operation of ["chat", "responses"] as const) {
      const error = expectOwnError(await ask(operation, withKey(secret)), "openai", 403, "key_scope", [
        secret,
      ]);
      expect(error.message).toContain("key");
    }
    const forced = await wire(`${door.url}/copilot/v1/messages`, {
      headers: withKey(secret),
      body: { ...OPERATIONS.messages.body, model: "claude-opus-4.8" },
    });
    expectOwnError(forced, "anthropic", 403, "key_scope", [secret]);
  });

  test("a key of one account is refused when that account is disabled, and is not given another", async () => {
    await inWorld(
      async (other) => {
        const spare = other.fakes.claude.issueApiKey();
        const first = await other.account({ provider: "claude", kind: "api_key", api_key: spare });
        await other.account({
          provider: "claude",
          kind: "api_key",
          api_key: other.fakes.claude.issueApiKey(),
        });
        await other.admin("PATCH", `/admin/accounts/${first}`, { enabled: false });
        key = await other.key({ accounts: [first] });
      },
      async (other) => {
        const { path, body } = OPERATIONS.messages;
        const answer = await wire(other.url + path, { headers: withKey(key), body });
        expectOwnError(answer, "anthropic", 403, "key_scope", secretsOf(other, key));
        expect(other.fakes.claude.inference).toEqual([]);
      },
    );
    key = await door.key();
  });
});

describe("accounts that cannot answer", () => {
  test.each(OPERATION_NAMES)("%s without any account is told where to connect one", async (operation) => {
    await inWorld(
      async () => {},
      async (other) => {
        const secret = await other.key();
        const answer = await wire(other.url + OPERATIONS[operation].path, {
          headers: withKey(secret),
          body: OPERATIONS[operation].body,
        });
        const error = expectOwnError(answer, shapeOf(operation), 400, "provider_not_configured", [secret]);
        expect(error.message).toContain(`${other.url}/admin`);
      },
    );
  });

  test("the address is the public one where there is one, and a Host header cannot change it", async () => {
    const other = await openDoor({ env: { PUBLIC_URL: "https://kleis.example.org" } });
    const secret = await other.key();
    const answer = await wire(`${other.url}/v1/messages`, {
      headers: { ...withKey(secret), host: "evil.example", "x-forwarded-host": "evil.example" },
      body: OPERATIONS.messages.body,
    });
    await other.close();
    const error = expectOwnError(answer, "anthropic", 400, "provider_not_configured", [secret]);
    expect(error.message).toContain("https://kleis.example.org/admin");
    expect(answer.text).not.toContain("evil.example");
  });

  test("a disabled account counts as none, and counts again once it is enabled", async () => {
    await inWorld(connectAll, async (other) => {
      const secret = await other.key();
      const { accounts: listed } = await other.admin<{ accounts: { id: string; provider: string }[] }>(
        "GET",
        "/admin/accounts",
      );
      const codex = listed.find(({ provider }) => provider === "codex")?.id;
      await other.admin("PATCH", `/admin/accounts/${codex}`, { enabled: false });
      const forced = { headers: withKey(secret), body: OPERATIONS.responses.body };
      const answer = await wire(`${other.url}/codex/v1/responses`, forced);
      const error = expectOwnError(
        answer,
        "openai",
        400,
        "provider_not_configured",
        secretsOf(other, secret),
      );
      expect(error.message).toContain(`${other.url}/admin`);
      await other.admin("PATCH", `/admin/accounts/${codex}`, { enabled: true });
      expect((await wire(`${other.url}/codex/v1/responses`, forced)).status).toBe(200);
    });
  });

  test("an account that must sign in again says so, with the address where", async () => {
    await inWorld(
      async (other) => {
        await connectAll(other);
        // The server may be writing what it has just learned of the accounts.
        const database = createClient({ url: `file:${other.folder}/kleis.db`, timeout: 10_000 });
        await database.execute("UPDATE provider_accounts SET status = 'needs_login'");
        database.close();
      },
      async (other) => {
        const secret = await other.key();
        for (const operation of OPERATION_NAMES) {
          const answer = await wire(other.url + OPERATIONS[operation].path, {
            headers: withKey(secret),
            body: OPERATIONS[operation].body,
          });
          const secrets = secretsOf(other, secret);
          const error = expectOwnError(answer, shapeOf(operation), 400, "account_needs_login", secrets);
          expect(error.message).toContain(`${other.url}/admin`);
        }
        expect(other.fakes.claude.requests).toEqual([]);
      },
    );
  });
});

describe("refusals of parts that answer later", () => {
  test.each([
    ["accounts_exhausted", 429, "rate_limit_error"],
    ["refresh_failed", 502, "api_error"],
  ] as const)("%s has its status and both shapes", async (code, status, type) => {
    const error = new KleisError(code, "All accounts rest until noon; try again then.");
    const messages = errorResponse(error, "messages", "req_one");
    expect(messages.status).toBe(status);
    expect(messages.headers.get("x-should-retry")).toBe(status < 500 ? "false" : null);
    expect(messages.headers.get("x-request-id")).toBe("req_one");
    expect(messages.headers.get("retry-after")).toBeNull();
    expect(await messages.json()).toMatchObject({
      type: "error",
      error: { type, code },
      request_id: "req_one",
    });
    const chat = errorResponse(error, "chat", "req_two");
    expect(chat.status).toBe(status);
    expect(await chat.json()).toMatchObject({ error: { code, message: error.message, param: null } });
  });
});

test("no provider was ever asked in a way that it blames Kleis for", () => {
  expect(door.fakes.violations()).toEqual([]);
});
