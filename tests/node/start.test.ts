/** The Node door from outside: the first start and the next, several at once, settings that are wrong, and the end. */
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { type Fakes, startFakeClaude, startFakes } from "../fakes/index.ts";
import { wire } from "../http/wire.ts";
import { type Bundle, bundle, endAll, newFolder, type Running, run } from "./process.ts";

const TOKEN = "start-tests-6b1f0c9e2d7a4583";
const ENCRYPTION_KEY = testKeyOf("five");
const QUESTION = {
  model: "claude-sonnet-5",
  max_tokens: 64,
  stream: true,
  messages: [{ role: "user", content: "Hello" }],
};

let server: Bundle;
let fakes: Fakes;

beforeAll(async () => {
  server = bundle();
  fakes = await startFakes();
});
afterAll(async () => {
  await endAll();
  server?.remove();
  await fakes?.close();
});

const startOn = (folder: string, env: Record<string, string> = {}): Running =>
  run(server.path, { ...fakes.env, KLEIS_DATA_DIR: folder, ...env });
const secretsOf = (folder: string) => parseEnv(readFileSync(join(folder, "secrets.env"), "utf8"));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
const tokenIn = (output: string) => /admin token +(\S+)/.exec(output)?.[1];

async function admin<Answer>(
  url: string,
  token: string | undefined,
  path: string,
  body?: object,
): Promise<Answer> {
  const answer = await wire(url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json as Answer;
}

/** An account and a key at the server of this address. */
async function connect(url: string, token: string | undefined, claude = fakes.claude): Promise<string> {
  const account = { provider: "claude", kind: "api_key", api_key: claude.issueApiKey() };
  await admin(url, token, "/admin/accounts/import", account);
  return (await admin<{ key: string }>(url, token, "/admin/keys", {})).key;
}

const ask = (url: string, key: string) =>
  wire(`${url}/v1/messages`, { headers: { "x-api-key": key }, body: QUESTION });

describe("a first start", () => {
  test("says where it is and the admin token once; the next start finds all as it was and says no token", async () => {
    const folder = newFolder();
    const first = startOn(folder);
    const url = await first.url;
    const token = tokenIn(first.output());
    expect(token).toMatch(/^kadm_[\w-]{32}$/);
    expect(first.output().split(String(token)).length).toBe(2);
    expect(first.output()).toContain(`${url}/admin`);
    expect(first.output()).toContain(`${url}/v1`);
    const key = await connect(url, token);
    expect((await ask(url, key)).text).toContain("message_stop");
    first.signal("SIGTERM");
    expect(await first.exit).toBe(0);

    const second = startOn(folder);
    const again = await second.url;
    expect(second.output()).not.toContain(String(token));
    expect(tokenIn(second.output())).toBeUndefined();
    expect((await ask(again, key)).text).toContain("message_stop");
    const { keys } = await admin<{ keys: { last_used_at: number | null }[] }>(again, token, "/admin/keys");
    expect(keys.length).toBe(1);
    second.signal("SIGINT");
    expect(await second.exit).toBe(0);
  });

  const startedIn = async (folder: string) => {
    const running = startOn(folder);
    const url = await running.url;
    await connect(url, secretsOf(folder).ADMIN_TOKEN);
    const names = readdirSync(folder);
    expect(names).toEqual(expect.arrayContaining(["kleis.db", "secrets.env"]));
    for (const name of names) expect([name, modeOf(join(folder, name))]).toEqual([name, "600"]);
    running.signal("SIGTERM");
    expect(await running.exit).toBe(0);
    return { mode: modeOf(folder), said: running.output() };
  };

  test("keeps the folder that it makes, and the files in it, from everybody else", async () => {
    const { mode, said } = await startedIn(newFolder());
    expect(mode).toBe("700");
    expect(said).not.toContain("warning");
  });

  test("leaves an open folder that there was as it was, says so, and keeps its files from everybody else", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const { mode, said } = await startedIn(folder);
    expect(mode).toBe("755");
    expect(said).toContain(`others may look into the data folder: chmod 700 ${folder}`);
  });

  test("has the database file say nothing of a secret that it holds", async () => {
    const folder = newFolder();
    const running = startOn(folder);
    const url = await running.url;
    const api_key = fakes.claude.issueApiKey();
    const token = secretsOf(folder).ADMIN_TOKEN;
    await admin(url, token, "/admin/accounts/import", { provider: "claude", kind: "api_key", api_key });
    const { key } = await admin<{ key: string }>(url, token, "/admin/keys", {});
    running.signal("SIGTERM");
    await running.exit;
    for (const name of readdirSync(folder).filter((name) => name.startsWith("kleis.db"))) {
      const bytes = readFileSync(join(folder, name));
      expect([name, bytes.includes(api_key), bytes.includes(key)]).toEqual([name, false, false]);
    }
  });

  test("by two starters at once on one new folder: one token, one database, both serve", async () => {
    const folder = newFolder();
    const pair = [startOn(folder), startOn(folder)];
    const [one, two] = await Promise.all(pair.map(({ url }) => url));
    const said = pair.map((each) => tokenIn(each.output())).filter((token) => token !== undefined);
    const { ADMIN_TOKEN } = secretsOf(folder);
    expect(said).toEqual([ADMIN_TOKEN]);
    // What is put in at one is there, and opens, at the other.
    const key = await connect(String(one), ADMIN_TOKEN);
    expect((await ask(String(two), key)).text).toContain("message_stop");
    expect(readdirSync(folder).filter((name) => name.startsWith("secrets.env"))).toEqual(["secrets.env"]);
  });
});

describe("settings that are wrong end it with words, code 1 and no stack", () => {
  const cases: [string, Record<string, string>, RegExp][] = [
    ["a short ADMIN_TOKEN", { ADMIN_TOKEN: "short-secret" }, /ADMIN_TOKEN.*24 characters/],
    ["a placeholder", { ADMIN_TOKEN: "change-me-change-me-change-me" }, /ADMIN_TOKEN.*placeholder/],
    ["an ENCRYPTION_KEY of another length", { ENCRYPTION_KEY: "c2hvcnQ=" }, /ENCRYPTION_KEY.*32 bytes/],
    ["one bad key in a list", { ENCRYPTION_KEY: `${ENCRYPTION_KEY},nonsense` }, /ENCRYPTION_KEY.*32 bytes/],
    ["a PORT that is none", { PORT: "http" }, /PORT.*number/],
    ["a PORT out of range", { PORT: "65536" }, /PORT.*65535/],
    ["an unknown LOG_LEVEL", { LOG_LEVEL: "loud" }, /LOG_LEVEL.*"debug".*"silent"/],
    ["an upstream without TLS", { CLAUDE_API_URL: "http://api.example" }, /CLAUDE_API_URL.*https/],
    ["an upstream that is no address", { CODEX_API_URL: "chatgpt" }, /CODEX_API_URL/],
    ["a time-out of words", { KLEIS_HEADER_TIMEOUT_MS: "soon" }, /KLEIS_HEADER_TIMEOUT_MS.*milliseconds/],
    [
      "a Turso without TLS elsewhere",
      { TURSO_DATABASE_URL: "http://db.example:8080" },
      /TURSO_DATABASE_URL.*libsql/,
    ],
    ["a database of no known kind", { TURSO_DATABASE_URL: "postgres://me:hidden-word@db/k" }, /\w+/],
    ["a HOST that is not this machine's", { HOST: "203.0.113.1" }, /HOST is 203\.0\.113\.1.*Set HOST to 127/],
    ["a HOST that is no name of anything", { HOST: "none.invalid" }, /HOST is none\.invalid.*Set HOST to/],
    ["a HOST with a port", { HOST: "127.0.0.1:4747" }, /HOST must be.*without port/],
    [
      "a data folder that no shell has completed",
      { KLEIS_DATA_DIR: "~/.kleis" },
      /KLEIS_DATA_DIR.*full path/,
    ],
    ["a database in memory", { TURSO_DATABASE_URL: "file::memory:" }, /TURSO_DATABASE_URL.*lost/],
  ];

  test.concurrent.each(cases)("%s", async (_name, env, words) => {
    const ended = startOn(newFolder(), { ADMIN_TOKEN: TOKEN, ENCRYPTION_KEY, ...env });
    expect(await ended.exit).toBe(1);
    expectWords(ended.output(), words);
    for (const value of [TOKEN, ENCRYPTION_KEY, "short-secret", "c2hvcnQ=", "hidden-word"]) {
      expect([value, ended.output().includes(value)]).toEqual([value, false]);
    }
  });

  test("which makes nothing, so that the start after it shows the admin token", async () => {
    const folder = newFolder();
    expect(await startOn(folder, { PORT: "none" }).exit).toBe(1);
    expect(existsSync(folder)).toBe(false);
  });

  test("a PORT that is taken", async () => {
    const taken: Server = createServer();
    await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
    const address = taken.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const ended = startOn(newFolder(), { PORT: port });
    expect(await ended.exit).toBe(1);
    taken.close();
    expectWords(ended.output(), new RegExp(`Port ${port} is taken`));
  });

  test("a data folder that is a file", async () => {
    const path = newFolder();
    writeFileSync(path, "");
    const secrets: Record<string, string> = { ADMIN_TOKEN: TOKEN, ENCRYPTION_KEY };
    for (const ended of [startOn(path), startOn(path, secrets)]) {
      expect(await ended.exit).toBe(1);
      expectWords(ended.output(), /cannot use \S+ as its data folder \(E\w+\)\. Make it .+ KLEIS_DATA_DIR/);
    }
  });

  test("a file that is not a database", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "kleis.db"), "this is not a database, whatever its name says. ".repeat(100));
    const ended = startOn(folder);
    expect(await ended.exit).toBe(1);
    expectWords(ended.output(), /database/);
  });

  function expectWords(output: string, words: RegExp): void {
    expect(output).toMatch(words);
    expect(output).not.toMatch(/^\s+at |node:internal|\.m?js:\d/m);
    expect(output.split("\n").length).toBeLessThan(6);
  }
});

describe.concurrent("SIGTERM", () => {
  /** A server with one stream under way that is known to have begun, on a connection that its client keeps. */
  async function streaming(delayMs: number) {
    const claude = await startFakeClaude();
    const running = run(server.path, {
      ...claude.env,
      KLEIS_DATA_DIR: newFolder(),
      ADMIN_TOKEN: TOKEN,
      ENCRYPTION_KEY,
    });
    const url = await running.url;
    const key = await connect(url, TOKEN, claude);
    claude.script({
      scenario: "text",
      delayMs,
      text: Array.from({ length: 12 }, (_, at) => `word-${at}`).join(" "),
    });
    const outgoing = request(`${url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": key },
      agent: new Agent({ keepAlive: true }),
    });
    outgoing.end(JSON.stringify(QUESTION));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    incoming.setEncoding("utf8");
    const parts = incoming[Symbol.asyncIterator]() as AsyncIterator<string>;
    const first = await parts.next();
    return { running, url, claude, parts, begun: String(first.value) };
  }

  /** Resolves as soon as the server takes no new connection. */
  async function refused(url: string): Promise<void> {
    for (;;) {
      const answer = await wire(`${url}/healthz`, { method: "GET" }).catch((error: Error) => error);
      // Who stood in the queue at that moment is reset instead.
      if (answer instanceof Error && answer.message.includes("ECONNREFUSED")) return;
      await sleep(20);
    }
  }

  async function rest(parts: AsyncIterator<string>): Promise<string> {
    let all = "";
    for (;;) {
      const { done, value } = await parts.next();
      if (done) return all;
      all += value;
    }
  }

  test("lets a stream that is under way end, takes no new request, and ends with code 0 soon after it", async () => {
    const { running, url, claude, parts, begun } = await streaming(60);
    running.signal("SIGTERM");
    await refused(url);
    const text = begun + (await rest(parts));
    expect(text).toContain("word-11");
    expect(text).toMatch(/event: message_stop\ndata: .*\n\n$/);
    // The connection that the client keeps, for minutes, is not waited for.
    expect(await running.exit).toBe(0);
    expect(running.output()).not.toMatch(/error/i);
    await claude.close();
  });

  test("does not wait for ever: a stream that goes on ends with an error, and the provider is let go", async () => {
    const { running, claude, parts } = await streaming(60_000);
    running.signal("SIGTERM");
    expect(await rest(parts)).toMatch(/event: error\ndata: .*Kleis is shutting down.*\n\n$/);
    expect(await running.exit).toBe(0);
    await claude.last().closed;
    expect(claude.last().aborted).toBe(true);
    await claude.close();
  });

  test("again, two seconds after the first, ends it at once; the first says so", async () => {
    const { running, claude, parts } = await streaming(60_000);
    const began = performance.now();
    let ended = false;
    const exit = running.exit.finally(() => {
      ended = true;
    });
    while (!ended) {
      running.signal("SIGTERM");
      await Promise.race([exit, sleep(50)]);
    }
    expect(await exit).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(2_000);
    expect(running.output()).toMatch(
      /is ending.*Another Ctrl-C, two seconds from now or later, ends it at once/,
    );
    await expect(rest(parts)).rejects.toThrow();
    await claude.close();
  });
});
