/** The Node door ends while a token is being renewed: the real process, and a token endpoint that answers when it is told to. */
import { rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeClaude, startFakeClaude } from "../fakes/index.ts";
import { wire } from "../http/wire.ts";
import { type Bundle, bundle, endAll, newFolder, type Running, run } from "./process.ts";
import { until as isSo, startUpstream } from "./upstream.ts";

const TOKEN = "end-tests-6b1f0c9e2d7a4583";
const ENCRYPTION_KEY = Buffer.from("the-key-of-the-tests-of-an-end!!").toString("base64");

/** A process may be slow to get there. */
const until = (what: string, isThere: () => boolean) => isSo(what, isThere, 30_000);

let server: Bundle;
let claude: FakeClaude;

beforeAll(async () => {
  server = bundle();
  claude = await startFakeClaude();
});
afterAll(async () => {
  await endAll();
  server?.remove();
  await claude?.close();
});

/** Kleis on a folder, with one Claude account whose token ends in a few minutes, and the endpoint that renews it. */
async function begun(env: Record<string, string> = {}) {
  const held: { token: string; response: ServerResponse }[] = [];
  const endpoint = await startUpstream(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    held.push({ token: String(JSON.parse(body).refresh_token), response });
  });
  const folder = newFolder();
  const startAgain = (): Running =>
    run(server.path, {
      ...claude.env,
      CLAUDE_TOKEN_URL: endpoint.url,
      KLEIS_DATA_DIR: folder,
      ADMIN_TOKEN: TOKEN,
      ENCRYPTION_KEY,
      LOG_LEVEL: "error",
      ...env,
    });
  const running = startAgain();
  const url = await running.url;
  const tokens = claude.issueTokens({ expiresIn: 200 });
  const imported = await admin<{ accounts: { id: string }[] }>(url, "/accounts/import", {
    provider: "claude",
    kind: "oauth",
    access_token: tokens.accessToken,
    refresh_token: "sk-ant-ort01-first",
    expires_at: tokens.expiresAt,
  });
  const { key } = await admin<{ key: string }>(url, "/keys", {});
  return {
    running,
    folder,
    startAgain,
    account: String(imported.accounts[0]?.id),
    /** A request that is answered at once; behind it the token is renewed. */
    async ask() {
      const answer = await wire(`${url}/v1/messages`, {
        headers: { "x-api-key": key },
        body: { model: "claude-sonnet-5", max_tokens: 5, messages: [{ role: "user", content: "hi" }] },
      });
      expect(answer.status).toBe(200);
      await until("the refresh token is on its way", () => held.length > 0);
    },
    /** What the `at`-th call posted. */
    posted: (at: number) => held[at]?.token,
    asked: (at: number) => until("the endpoint is asked again", () => held.length > at),
    give(at: number, refresh_token: string) {
      const { accessToken } = claude.issueTokens({ expiresIn: 200 });
      const answer = { token_type: "Bearer", access_token: accessToken, refresh_token, expires_in: 200 };
      held[at]?.response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    },
  };
}

async function admin<Answer>(url: string, path: string, body: object): Promise<Answer> {
  const answer = await wire(`${url}/admin${path}`, {
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body,
  });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json as Answer;
}

/** The next start renews with the token that the last one was given: nothing was lost. */
async function expectKept({ startAgain, account, asked, give, posted }: Awaited<ReturnType<typeof begun>>) {
  const next = startAgain();
  const renewed = admin<{ account: { status: string } }>(await next.url, `/accounts/${account}/refresh`, {});
  await asked(1);
  expect(posted(1)).toBe("sk-ant-ort01-second");
  give(1, "sk-ant-ort01-third");
  expect((await renewed).account.status).toBe("active");
  next.signal("SIGTERM");
  expect(await next.exit).toBe(0);
}

test.each([
  ["one Ctrl-C, which a terminal, npm and the starter each pass on", "SIGINT"],
  ["one stop of a service, which reaches starter and server", "SIGTERM"],
  ["a terminal or an SSH session that is closed", "SIGHUP"],
  ["Ctrl-\\", "SIGQUIT"],
] as const)("%s, waits for the token that is being renewed", async (_, signal) => {
  const world = await begun();
  const { running } = world;
  await world.ask();
  running.signal(signal);
  await sleep(5);
  running.signal(signal);
  await until("it says that it ends", () => running.output().includes("Kleis is ending"));
  running.signal(signal);
  world.give(0, "sk-ant-ort01-second");
  expect(await running.exit).toBe(0);
  await expectKept(world);
});

describe("an error that nothing caught", () => {
  /** Loaded before the server: throws as soon as there is the file that `KLEIS_TEST_TRIGGER` names. */
  const bomb = (how: string) =>
    `data:text/javascript,${encodeURIComponent(`
    import { existsSync } from "node:fs";
    const timer = setInterval(() => {
      if (!existsSync(process.env.KLEIS_TEST_TRIGGER)) return;
      clearInterval(timer);
      const error = new RangeError(["with sk", "secret\\n    at sk", "line"].join("-ant-"));
      ${how};
    }, 10);`)}`;

  test.each([
    ["thrown", "throw error", 0],
    ["a rejection, with a closed log", "Promise.reject(error)", 1],
  ] as const)(
    "%s: is logged without its words, and the end waits for the token, with code 1",
    async (_, how, at) => {
      const trigger = newFolder();
      const world = await begun({ NODE_OPTIONS: `--import=${bomb(how)}`, KLEIS_TEST_TRIGGER: trigger });
      const { running } = world;
      await world.ask();
      if (at === 1) running.closeOutput();
      writeFileSync(trigger, "");
      if (at === 0) {
        await until("it says that it ends", () => running.output().includes("Kleis is ending because"));
        const line = running
          .output()
          .split("\n")
          .find((each) => each.includes("uncaught_error"));
        expect(JSON.parse(String(line))).toMatchObject({ level: "error", error: "RangeError" });
        expect(JSON.parse(String(line)).stack).toMatch(/^at /);
        expect(running.output()).not.toContain("sk-ant");
      } else {
        // Nothing can be read any more; the port closes when it ends.
        await untilClosed(await running.url);
      }
      world.give(0, "sk-ant-ort01-second");
      expect(await running.exit).toBe(1);
      rmSync(trigger);
      await expectKept(world);
    },
  );
});

async function untilClosed(url: string): Promise<void> {
  const { port } = new URL(url);
  for (;;) {
    const isOpen = await new Promise<boolean>((tried) => {
      const socket = connect(Number(port), "127.0.0.1", () => tried(true)).on("error", () => tried(false));
      socket.on("close", () => {}).end();
    });
    if (!isOpen) return;
    await sleep(20);
  }
}

test("an end in order waits for tokens whose first write failed, too", async () => {
  const world = await begun();
  const { running } = world;
  await world.ask();
  const other = createClient({ url: `file:${join(world.folder, "kleis.db")}` });
  const lock = await other.transaction("write");
  running.signal("SIGTERM");
  await until("it says that it ends", () => running.output().includes("Kleis is ending"));
  world.give(0, "sk-ant-ort01-second");
  await until("the write has failed", () => running.output().includes("refresh_not_stored"));
  await lock.rollback();
  other.close();
  expect(await running.exit).toBe(0);
  await expectKept(world);
});
