/** A wrong encryption key stops the server; a damaged value stops its account alone; rotation loses nothing. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createEdgeAdapter } from "../../adapters/edge/adapter.ts";
import { start } from "../../adapters/node/server.ts";
import { ADMIN_TOKEN, testKeyOf } from "../../harness/secrets.ts";
import { startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { nextTokens } from "../../src/accounts/refresh/next-tokens.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { checkKeyRing, KEY_CHECK } from "../../src/storage/libsql/key-check.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { rotate } from "../../src/storage/libsql/rotate.ts";
import { SEALED_COLUMNS } from "../../src/storage/libsql/sealed-columns.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { type NewAccount, type Storage, WrongKeyError } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { random, sleep } from "../support/config.ts";
import { startKleis } from "../support/kleis.ts";
import {
  newAccount,
  newKey,
  newServerStorage,
  newStorage,
  openClient,
  openStorage,
} from "../support/storage.ts";
import { startSeededKleis } from "./kleis.ts";

const OLD = testKeyOf("seven");
const NEW = testKeyOf("eight");
const clock = { now: () => 5_000, sleep };
const sealerOf = (...keys: string[]) => createSealer(keys, random);

describe("a wrong ENCRYPTION_KEY", () => {
  function env(folder: string, key: string): Record<string, string> {
    return {
      ADMIN_TOKEN,
      ENCRYPTION_KEY: key,
      KLEIS_DATA_DIR: folder,
      PORT: "0",
      LOG_LEVEL: "silent",
      MODELS_DEV_URL: "",
    };
  }

  test("keeps the Node door from starting, in words, and the right one brings it back", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kleis-key-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    await (await start(env(folder, OLD))).close();
    await expect(start(env(folder, NEW))).rejects.toThrow(
      "ENCRYPTION_KEY does not open what this database holds",
    );
    await (await start(env(folder, `${NEW},${OLD}`))).close();
    await (await start(env(folder, OLD))).close();
  });

  test.skipIf(sqldMissing !== null)(
    "makes an edge door answer 503 with words that do not repeat it",
    async () => {
      const server = await startSqld({ wantsToken: false });
      onTestFinished(() => server.close());
      const doorWith = (key: string) =>
        createEdgeAdapter(
          {
            ADMIN_TOKEN,
            ENCRYPTION_KEY: key,
            TURSO_DATABASE_URL: server.url,
            MODELS_DEV_URL: "",
            LOG_LEVEL: "silent",
          },
          {
            fetch: () => Promise.reject(new Error("nothing goes upstream")),
            waitUntil: () => {},
            sharesPromises: false,
            databaseClients: "perCall",
          },
        );
      const ask = async (key: string) =>
        await doorWith(key).fetch(
          new Request("https://kleis.example/admin/keys", {
            headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
          }),
        );
      expect((await ask(OLD)).status).toBe(200);
      const wrong = await ask(NEW);
      expect(wrong.status).toBe(503);
      const text = await wrong.text();
      expect(text).toContain("ENCRYPTION_KEY does not open");
      expect(text).toContain("not_configured");
      expect(text).not.toContain(NEW);
      expect((await ask(OLD)).status).toBe(200);
    },
  );

  test("is told from the first one also where two begin on an empty database", async () => {
    const { client } = await newStorage();
    const outcomes = await Promise.allSettled(
      [OLD, NEW].map((key) => checkKeyRing(client, clock, sealerOf(key))),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test.each<[string, (storage: Storage) => Promise<unknown>]>([
    ["a key", (storage) => storage.keys.insert(newKey())],
    [
      "an account",
      async ({ accounts }) => {
        await accounts.save(newAccount());
        await accounts.save(newAccount({ accessToken: "access-2" }));
      },
    ],
  ])("is told also on a database that held %s before there was a check", async (_, fill) => {
    const { client, storage } = await newStorage();
    await fill(storage);
    await expect(checkKeyRing(client, clock, sealerOf(NEW))).rejects.toThrow(WrongKeyError);
    await expect(checkKeyRing(client, clock, sealerOf(NEW, OLD))).resolves.toBeUndefined();
  });

  test("is told when the check value itself was changed, and nothing falls back to plaintext", async () => {
    const { client } = await newStorage();
    await checkKeyRing(client, clock, sealerOf(OLD));
    await client.execute({
      sql: "update system_settings set value = 'kleis' where key = ?",
      args: [KEY_CHECK],
    });
    await expect(checkKeyRing(client, clock, sealerOf(OLD))).rejects.toThrow(WrongKeyError);
  });
});

describe("a stored value that does not open", () => {
  const damages: [string, string][] = [
    ["swapped", "(select access_token from provider_accounts where id = 'a2')"],
    ["moved from another column", "refresh_token"],
    ["cut short", "substr(access_token, 1, length(access_token) - 4)"],
    ["changed by one character", "substr(access_token, 1, 40) || 'A' || 'B' || substr(access_token, 43)"],
    ["written in the clear", "'a-plain-token'"],
    ["empty", "''"],
    ["of another version", "'v2' || substr(access_token, 3)"],
  ];

  test.each(damages)(
    "because it was %s marks its account, in words, and no other",
    async (_name, expression) => {
      const { storage, client } = await newStorage();
      await storage.accounts.save(newAccount());
      await storage.accounts.save(newAccount({ id: "a2", externalId: "org-2" }));
      await client.execute(`update provider_accounts set access_token = ${expression} where id = 'a1'`);
      await expect(storage.accounts.open("a1")).rejects.toThrow("provider_accounts.access_token of row a1");
      expect(await storage.accounts.get("a1")).toMatchObject({
        status: "needs_login",
        statusReason: expect.stringContaining("does not open"),
      });
      expect(await storage.accounts.open("a2")).toMatchObject({ account: { status: "active" } });
      // Connecting it again mends it.
      await storage.accounts.save(newAccount({ accessToken: "fresh-token" }));
      expect(await storage.accounts.open("a1")).toMatchObject({
        account: { status: "active" },
        secrets: { accessToken: "fresh-token" },
      });
    },
  );

  test("is noticed by a refresh as well", async () => {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    await client.execute("update provider_accounts set refresh_token = access_token");
    await expect(storage.refreshes.read("a1")).rejects.toThrow("refresh_token");
    expect((await storage.accounts.get("a1"))?.status).toBe("needs_login");
  });

  test("is a refusal in words for the agent, and the server goes on with the other accounts", async () => {
    const { storage, client } = await newStorage();
    const kleis = await startSeededKleis({
      network: async () =>
        Response.json({ id: "resp_1", object: "response", output: [], status: "completed" }),
      more: { storage },
    });
    const apiKey = {
      kind: "api_key",
      accessToken: null,
      refreshToken: null,
      apiKey: "x-planted-key",
    } as const;
    await storage.accounts.save(newAccount({ id: "acc_claude", ...apiKey }));
    await storage.accounts.save(newAccount({ id: "acc_codex", provider: "codex", ...apiKey }));
    await client.execute("update provider_accounts set api_key = 'v1.tampered' where id = 'acc_claude'");
    const call = (path: string, body: object) =>
      kleis.request(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { authorization: `Bearer ${kleis.keys.live.key}` },
      });
    const refused = await call("/v1/messages", { model: "claude-sonnet-5", max_tokens: 1, messages: [] });
    expect(refused.status).toBe(400);
    const text = await refused.text();
    expect(text).toContain("changed, moved or restored outside Kleis");
    expect(text).not.toContain("tampered");
    expect((await call("/v1/responses", { model: "gpt-5.5", input: "x" })).status).toBe(200);
  });
});

describe("an account whose secrets name a key that a door does not have", () => {
  async function world() {
    const { storage, client } = await newStorage();
    await storage.accounts.save(newAccount());
    const stranger = openStorage(client, NEW);
    const refused = () => expect(stranger.accounts.open("a1")).rejects.toThrow("not in ENCRYPTION_KEY");
    return { storage, client, refused };
  }
  const locked = { status: "active", statusReason: expect.stringContaining("Add the former key") };
  const well = { status: "active", statusReason: null };

  test("says so and stays active, until a door that has the key opens it", async () => {
    const { storage, refused } = await world();
    await refused();
    expect(await storage.accounts.get("a1")).toMatchObject(locked);
    expect((await storage.accounts.open("a1"))?.account).toMatchObject(well);
    expect(await storage.accounts.get("a1")).toMatchObject(well);
    await refused();
    expect((await storage.refreshes.read("a1"))?.account).toMatchObject(well);
    expect(await storage.accounts.get("a1")).toMatchObject(well);
  });

  test("says so until its secrets are written again, by a refresh or by its owner", async () => {
    const { storage, refused } = await world();
    await refused();
    const taken = await storage.refreshes.acquire("a1", { owner: "o", version: 0, leaseMs: 60_000 });
    await refused();
    const lease = { owner: "o", fence: taken!.state.fence, version: 0 };
    await storage.refreshes.commit("a1", lease, nextTokens(taken!.state, null), {}, 1);
    expect(await storage.accounts.get("a1")).toMatchObject(well);
    await refused();
    expect(await storage.accounts.get("a1")).toMatchObject(locked);
    expect(await storage.accounts.save(newAccount())).toMatchObject(well);
  });

  test("keeps what it says of a sign-in that ended: that is what helps", async () => {
    const { storage, client, refused } = await world();
    await client.execute(
      "update provider_accounts set status = 'needs_login', status_reason = 'It is over.'",
    );
    await refused();
    const over = { status: "needs_login", statusReason: "It is over." };
    expect(await storage.accounts.get("a1")).toMatchObject(over);
  });

  test("is written to once, however often it is tried, and never while it opens", async () => {
    const { storage, client, refused } = await world();
    const said: string[] = [];
    const execute = client.execute.bind(client);
    client.execute = (async (statement: { sql: string }) => {
      said.push(statement.sql.slice(0, 6));
      return execute(statement);
    }) as typeof client.execute;
    for (let time = 0; time < 3; time++) await storage.accounts.open("a1");
    expect(said.splice(0)).toEqual(["select", "select", "select"]);
    for (let time = 0; time < 3; time++) await refused();
    expect(said.splice(0)).toEqual(["select", "update", "select", "select"]);
    for (let time = 0; time < 3; time++) await storage.accounts.open("a1");
    expect(said).toEqual(["select", "update", "select", "select"]);
  });

  test("says so to its owner, on the page and in the list", async () => {
    const { storage, refused } = await world();
    await refused();
    const kleis = await startKleis({ storage });
    const cookie = await kleis.login();
    const list = await (await kleis.browse("/admin/accounts", { cookie })).text();
    expect(JSON.parse(list).accounts).toMatchObject([
      { status: "active", status_reason: expect.stringContaining("Add the former key") },
    ]);
    const page = await (await kleis.browse("/admin", { cookie })).text();
    expect(page).toContain("Active, but it did not open");
    expect(page).toContain("Add the former key");
  });
});

describe("every sealed value of an account", () => {
  const COLUMNS = ["access_token", "refresh_token", "id_token", "api_key"] as const;
  type Column = (typeof COLUMNS)[number];
  const KEY_ID = 1;
  const damaged = { status: "needs_login", statusReason: expect.stringContaining("Connect it again") };
  const locked = { status: "active", statusReason: expect.stringContaining("ENCRYPTION_KEY") };
  const full = (name: string, change: Partial<NewAccount> = {}) =>
    newAccount({
      accessToken: `access-${name}`,
      refreshToken: `refresh-${name}`,
      idToken: `id-${name}`,
      apiKey: `api-${name}`,
      ...change,
    });

  async function world() {
    const { storage, client } = await newStorage();
    const connect = (name: string) => storage.accounts.save(full(name));
    await connect("1");
    const read = async (): Promise<Record<Column, string>> => {
      const { rows } = await client.execute(
        `select ${COLUMNS.join(", ")} from provider_accounts where id = 'a1'`,
      );
      return rows[0] as unknown as Record<Column, string>;
    };
    const write = (column: Column, text: string) =>
      client.execute({ sql: `update provider_accounts set ${column} = ? where id = 'a1'`, args: [text] });
    /** What the account says after it did not open. */
    const refused = async (column: Column) => {
      await expect(storage.accounts.open("a1")).rejects.toThrow(`provider_accounts.${column} of row a1`);
      return storage.accounts.get("a1");
    };
    return { storage, client, connect, read, write, refused };
  }

  /** `text` with one bit of one character changed. */
  function flipped(text: string, at: number): string {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return text.slice(0, at) + alphabet[alphabet.indexOf(text[at]!) ^ 4] + text.slice(at + 1);
  }

  test.each(COLUMNS)("%s is refused with one bit changed, in whatever part of it", async (column) => {
    const { connect, read, write, refused } = await world();
    for (let part = 0; part < 4; part++) {
      for (const at of [0, -1]) {
        await connect("1");
        const parts = (await read())[column].split(".");
        const text = parts[part]!;
        parts[part] = flipped(text, (at + text.length) % text.length);
        await write(column, parts.join("."));
        expect(await refused(column), `part ${part}`).toMatchObject(part === KEY_ID ? locked : damaged);
      }
    }
  });

  test.each(COLUMNS)(
    "%s is refused when it was cut short, at its end or between its parts",
    async (column) => {
      const { connect, read, write, refused } = await world();
      for (const cut of [1, 4, 22]) {
        await connect("1");
        await write(column, (await read())[column].slice(0, -cut));
        expect(await refused(column)).toMatchObject(damaged);
      }
      for (let parts = 0; parts < 4; parts++) {
        await connect("1");
        await write(column, (await read())[column].split(".").slice(0, parts).join("."));
        expect(await refused(column)).toMatchObject(damaged);
      }
    },
  );

  test.each(COLUMNS)("%s is refused in another account and in another column", async (column) => {
    const { storage, client, connect, read, write, refused } = await world();
    await storage.accounts.save(full("1", { id: "a2", externalId: "org-2" }));
    await client.execute(
      `update provider_accounts set ${column} = (select ${column} from provider_accounts where id = 'a2') where id = 'a1'`,
    );
    expect(await refused(column)).toMatchObject(damaged);
    expect((await storage.accounts.open("a2"))?.account.status).toBe("active");
    for (const other of COLUMNS.filter((each) => each !== column)) {
      await connect("1");
      await write(column, (await read())[other]);
      expect(await refused(column)).toMatchObject(damaged);
    }
  });

  test.each(COLUMNS)("an earlier %s is refused in its own place", async (column) => {
    const { storage, connect, read, write, refused } = await world();
    const earlier = await read();
    await connect("2");
    await write(column, earlier[column]);
    expect(await refused(column)).toMatchObject(damaged);
    await connect("3");
    expect(await storage.accounts.open("a1")).toMatchObject({
      account: { status: "active", statusReason: null },
      secrets: { accessToken: "access-3", refreshToken: "refresh-3", idToken: "id-3", apiKey: "api-3" },
    });
  });

  test.each(COLUMNS)("an earlier %s is refused after a refresh that left it as it was", async (column) => {
    const { storage, read, write, refused } = await world();
    const earlier = await read();
    const taken = await storage.refreshes.acquire("a1", { owner: "o", version: 0, leaseMs: 60_000 });
    const lease = { owner: "o", fence: taken!.state.fence, version: 0 };
    await storage.refreshes.commit("a1", lease, nextTokens(taken!.state, null), {}, 1);
    expect(await storage.accounts.secrets("a1")).toMatchObject({
      accessToken: "access-1",
      refreshToken: "refresh-1",
      idToken: "id-1",
      apiKey: "api-1",
    });
    const later = await read();
    await write(column, earlier[column]);
    await expect(storage.refreshes.read("a1")).rejects.toThrow(column);
    expect(await refused(column)).toMatchObject(damaged);
    expect(new Set([...Object.values(earlier), ...Object.values(later)]).size).toBe(8);
  });

  test("opens from a backup that is put back whole: that is what backups are for", async () => {
    const { storage, client, connect, read } = await world();
    const earlier = await read();
    await connect("2");
    await client.execute({
      sql: `update provider_accounts set token_version = 0, ${COLUMNS.map((name) => `${name} = ?`).join(", ")}`,
      args: COLUMNS.map((name) => earlier[name]),
    });
    expect(await storage.accounts.secrets("a1")).toMatchObject({ accessToken: "access-1", apiKey: "api-1" });
  });
});

describe("a sign-in's sealed state", () => {
  const state = {
    state: "state-1",
    provider: "copilot",
    mode: "device",
    secret: { step: 1 },
    version: 0,
    createdAt: 1,
    expiresAt: 9_000_000_000_000,
  };

  test("is refused when an earlier one is put back, also one from before its row was taken away", async () => {
    const { storage, client } = await newStorage();
    const { oauthStates } = storage;
    const read = async () => String((await client.execute("select secret from oauth_states")).rows[0]?.[0]);
    const replay = (text: string) =>
      client.execute({ sql: "update oauth_states set secret = ?", args: [text] });
    await oauthStates.insert(state);
    const first = await read();
    await oauthStates.update("state-1", { step: 2 });
    const second = await read();
    await replay(first);
    await expect(oauthStates.get("state-1")).rejects.toThrow("oauth_states.secret");
    await replay(second);
    const taken = await oauthStates.consume("state-1");
    expect(taken).toMatchObject({ secret: { step: 2 }, version: 1 });
    await oauthStates.insert({ ...taken!, secret: { step: 3 }, version: 2 });
    for (const earlier of [first, second]) {
      await replay(earlier);
      await expect(oauthStates.get("state-1")).rejects.toThrow("oauth_states.secret");
    }
    await expect(oauthStates.consume("state-1")).rejects.toThrow("oauth_states.secret");
  });
});

describe("rotating the keys", () => {
  async function filled(accounts = 7) {
    const { client, storage, file } = await newStorage();
    await checkKeyRing(client, clock, sealerOf(OLD));
    for (let at = 0; at < accounts; at++) {
      await storage.accounts.save(
        newAccount({
          id: `a${at}`,
          externalId: `org-${at}`,
          accessToken: `access-${at}`,
          idToken: `id-${at}`,
        }),
      );
      await storage.keys.insert(newKey({ id: `k${at}` }));
    }
    await storage.oauthStates.insert({
      state: "state-1",
      provider: "claude",
      mode: "max",
      secret: { verifier: "v" },
      version: 0,
      createdAt: 1,
      expiresAt: 9_000_000_000_000,
    });
    await storage.settings.set("plain", "stays as it is", 1);
    await storage.settings.setSealed("rows", "kept", 1);
    return { client, storage, file };
  }

  async function expectWhole(client: ReturnType<typeof openClient>, keys: string[], accounts = 7) {
    const storage = createLibsqlStorage({
      connections: sharedClient(client),
      sealer: sealerOf(...keys),
      sleep,
    });
    for (let at = 0; at < accounts; at++) {
      expect(await storage.accounts.secrets(`a${at}`)).toMatchObject({ idToken: `id-${at}` });
      expect(await storage.keys.reveal(`k${at}`)).toMatchObject({ key: `kleis_planted_k${at}` });
    }
    expect(await storage.oauthStates.get("state-1")).toMatchObject({ secret: { verifier: "v" } });
    expect(await storage.settings.getSealed("rows")).toBe("kept");
    expect(await storage.settings.get("plain")).toBe("stays as it is");
    await expect(checkKeyRing(client, clock, sealerOf(...keys))).resolves.toBeUndefined();
  }

  test("walks every column that the schema calls sealed", async () => {
    const { client } = await newStorage();
    const { rows } = await client.execute("select name from sqlite_master where type = 'table'");
    expect(rows.length).toBeGreaterThan(3);
    const source = await import("node:fs/promises").then((fs) =>
      fs.readFile(join(import.meta.dirname, "../../src/storage/libsql/schema.ts"), "utf8"),
    );
    const sealed = [...source.matchAll(/\/\*\* Sealed[^*]*\*\/\s+\w+: text\("(\w+)"\)/g)].map(
      (match) => match[1],
    );
    expect(sealed.length).toBeGreaterThan(5);
    expect(
      SEALED_COLUMNS.filter(({ only, prefix }) => only === undefined && prefix === undefined)
        .map(({ column }) => column)
        .sort(),
    ).toEqual(sealed.sort());
  });

  test("leaves nothing that needs the old key, and says how much it did", async () => {
    const { client } = await filled();
    const result = await rotate(client, sleep, sealerOf(NEW, OLD), { batch: 3 });
    // Three secrets and two texts of a key, seven times; a sign-in; a sealed setting; the check value.
    expect(result).toMatchObject({ resealed: 7 * 5 + 3, undecryptable: [], left: 0 });
    await expectWhole(client, [NEW]);
    expect(await rotate(client, sleep, sealerOf(NEW), { batch: 3 })).toMatchObject({
      resealed: 0,
      current: 7 * 5 + 3,
    });
  });

  test("may be interrupted at every batch: nothing is lost, and the next run goes on", async () => {
    const batches = await rotateCounting();
    expect(batches).toBeGreaterThan(10);
    for (let end = 1; end <= batches; end++) {
      const { client } = await filled(3);
      let seen = 0;
      const interrupted = rotate(client, sleep, sealerOf(NEW, OLD), {
        batch: 1,
        onBatch: () => {
          if (++seen === end) throw new Error("interrupted");
        },
      });
      await expect(interrupted).rejects.toThrow();
      await expectWhole(client, [NEW, OLD], 3);
      const rest = await rotate(client, sleep, sealerOf(NEW, OLD), { batch: 1 });
      expect(rest.resealed).toBe(3 * 5 + 3 - end);
      await expectWhole(client, [NEW], 3);
    }

    async function rotateCounting(): Promise<number> {
      const { client } = await filled(3);
      let seen = 0;
      await rotate(client, sleep, sealerOf(NEW, OLD), { batch: 1, onBatch: () => void seen++ });
      return seen;
    }
  });

  test("loses no token that is refreshed meanwhile, by a server with the new ring or with the old", async () => {
    for (const serving of [
      [NEW, OLD],
      [OLD, NEW],
    ]) {
      const { client, file } = await filled();
      const server = createLibsqlStorage({
        connections: sharedClient(openClient(file)),
        sealer: sealerOf(...serving),
        sleep,
      });
      const newest = new Map<string, { accessToken: string; refreshToken: string | null }>();
      let turn = 0;
      const refreshOne = async () => {
        const id = `a${turn++ % 7}`;
        const state = await server.refreshes.read(id);
        const taken = await server.refreshes.acquire(id, {
          owner: `o${turn}`,
          version: state!.version,
          leaseMs: 60_000,
        });
        const lease = { owner: `o${turn}`, fence: taken!.state.fence, version: state!.version };
        const token = `refreshed-${turn}`;
        // Every other one leaves the refresh token, which is sealed again all the same.
        const refreshToken = turn % 2 === 0 ? `${token}-r` : null;
        const fresh = { accessToken: token, refreshToken, idToken: null, expiresAt: null };
        const next = nextTokens(taken!.state, fresh);
        expect(await server.refreshes.commit(id, lease, next, {}, 1)).not.toBeNull();
        newest.set(id, { accessToken: token, refreshToken: next.refreshToken });
      };
      // Between reading a page and writing it, a refresh has changed rows of that page.
      const racing = sealerOf(NEW, OLD);
      const seal = racing.seal.bind(racing);
      racing.seal = async (plain, place) => {
        if (turn < 14) await refreshOne();
        return seal(plain, place);
      };
      const result = await rotate(client, sleep, racing, { batch: 3 });
      expect(result.undecryptable).toEqual([]);
      expect(newest.size).toBe(7);
      const after = createLibsqlStorage({ connections: sharedClient(client), sealer: sealerOf(NEW), sleep });
      for (const [id, tokens] of newest) {
        expect(await after.accounts.secrets(id)).toMatchObject({ ...tokens, idToken: `id-${id.slice(1)}` });
      }
      expect(result.left).toBe(0);
    }
  });

  test.each([
    ["provider_accounts", "access_token", "token_version"],
    ["oauth_states", "secret", "version"],
  ])(
    "writes nothing over a text of %s whose version moved after it was read",
    async (table, column, version) => {
      const { client } = await filled(1);
      const read = async () => (await client.execute(`select ${column}, ${version} from ${table}`)).rows[0];
      const before = await read();
      const racing = sealerOf(NEW, OLD);
      const seal = racing.seal.bind(racing);
      racing.seal = async (plain, place) => {
        if (place.table === table && place.column === column) {
          await client.execute(`update ${table} set ${version} = 7`);
        }
        return seal(plain, place);
      };
      const result = await rotate(client, sleep, racing);
      expect(await read()).toMatchObject({ [column]: before?.[column], [version]: 7 });
      expect(result.undecryptable).toContainEqual(expect.objectContaining({ table, column, version: 7 }));
      await client.execute(`update ${table} set ${version} = 0`);
      await rotate(client, sleep, sealerOf(NEW, OLD));
      await expectWhole(client, [NEW], 1);
    },
  );

  test("names what opens with no key and leaves it as it is", async () => {
    const { client } = await filled(2);
    await client.execute("update provider_accounts set id_token = 'v1.broken' where id = 'a1'");
    const result = await rotate(client, sleep, sealerOf(NEW, OLD));
    expect(result.undecryptable).toEqual([
      { table: "provider_accounts", column: "id_token", row: "a1", version: 0 },
    ]);
    const { rows } = await client.execute("select id_token from provider_accounts where id = 'a1'");
    expect(rows[0]?.[0]).toBe("v1.broken");
  });

  test("is one command, which says what it did, and fails on what it could not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kleis-rotate-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const client = openClient(join(folder, "kleis.db"));
    await migrate(client, sleep);
    await checkKeyRing(client, clock, sealerOf(OLD));
    await openStorage(client, OLD).accounts.save(newAccount());
    const run = (keys: string) =>
      spawnSync("node_modules/.bin/tsx", ["adapters/rotate/main.ts"], {
        cwd: join(import.meta.dirname, "../.."),
        encoding: "utf8",
        env: { PATH: process.env.PATH ?? "", KLEIS_DATA_DIR: folder, ADMIN_TOKEN, ENCRYPTION_KEY: keys },
      });
    const done = run(`${NEW},${OLD}`);
    expect(done.stdout).toContain("Done: 3 sealed again");
    expect(done.stdout).toContain("Every other key of the ring can be taken away now.");
    expect(done.status).toBe(0);
    const wrong = run(OLD);
    expect(wrong.stderr).toContain("ENCRYPTION_KEY does not open");
    expect(wrong.status).toBe(1);
    expect(await openStorage(client, NEW).accounts.secrets("a1")).toMatchObject({
      accessToken: "access-planted",
    });
  });

  test.skipIf(sqldMissing !== null)("works on a libSQL server as well", async () => {
    const server = await startSqld({ wantsToken: false });
    onTestFinished(() => server.close());
    const storage = await newServerStorage(server.url);
    await storage.accounts.save(newAccount());
    const { createClient } = await import("@libsql/client");
    const client = createClient({ url: server.url });
    onTestFinished(() => client.close());
    expect(await rotate(client, sleep, sealerOf(NEW, OLD))).toMatchObject({ resealed: 2, left: 0 });
    const after = createLibsqlStorage({ connections: sharedClient(client), sealer: sealerOf(NEW), sleep });
    expect(await after.accounts.secrets("a1")).toMatchObject({ accessToken: "access-planted" });
  });
});
