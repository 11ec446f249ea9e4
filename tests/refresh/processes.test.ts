/** Real concurrency: three server processes on one database, three hundred requests when the token has ended. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { type Sqld, startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import type { JsonObject } from "../../src/json.ts";
import { type FakeClaude, startFakeClaude } from "../fakes/index.ts";
import { type ServerProcess, startProcess } from "../support/server-process.ts";

const ADMIN_TOKEN = "three-processes-4f9c2e71b6a8d035";
const REQUESTS = 300;

interface Place {
  readonly url: string;
  close(): Promise<void>;
}

const databases: [string, string | null, () => Promise<Place>][] = [
  ["one database file", null, inFile],
  ["one sqld", sqldMissing, onServer],
];

async function inFile(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "kleis-processes-"));
  return {
    url: `file:${join(folder, "kleis.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function onServer(): Promise<Place> {
  const sqld: Sqld = await startSqld({ wantsToken: false });
  return { url: sqld.url, close: () => sqld.close() };
}

for (const [name, missing, open] of databases) {
  describe.skipIf(missing !== null)(`three processes on ${name}`, () => {
    let place: Place;
    let claude: FakeClaude;
    let servers: ServerProcess[];
    let key: string;

    beforeAll(async () => {
      [place, claude] = await Promise.all([open(), startFakeClaude()]);
      const env = {
        ...claude.env,
        ADMIN_TOKEN,
        ENCRYPTION_KEY: testKeyOf("seven"),
        TURSO_DATABASE_URL: place.url,
        MODELS_DEV_URL: "",
        // One key asks for all of them at once.
      };
      servers = await Promise.all([startProcess(env), startProcess(env), startProcess(env)]);
      key = String((await admin("POST", "/admin/keys", {})).key);
    }, 120_000);

    afterAll(async () => {
      await Promise.all(servers.map((server) => server.stop()));
      await claude.close();
      await place.close();
    });

    async function admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
      const answer = await fetch(`${servers[0]!.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return answer.json();
    }

    /** Signs in anew with these tokens; what the fake was asked before is forgotten. */
    async function connect(tokens: { accessToken: string; refreshToken: string; expiresAt: number }) {
      await admin("POST", "/admin/accounts/import", {
        provider: "claude",
        kind: "oauth",
        access_token: tokens.accessToken,
        refresh_token: tokens.refreshToken,
        expires_at: tokens.expiresAt,
        account_id: "owner",
      });
      claude.requests.length = 0;
    }

    /** Waits until a process sends this token: others than the one that stored it see it within ten seconds. */
    async function uses({ url }: ServerProcess, token: string): Promise<void> {
      // Told apart from what other processes send meanwhile.
      const max_tokens = 100 + servers.findIndex((server) => server.url === url);
      await vi.waitUntil(
        async () => {
          await message(url, { max_tokens });
          const sent = claude.requests.findLast(({ json }) => (json as JsonObject).max_tokens === max_tokens);
          return sent?.headers.authorization === `Bearer ${token}`;
        },
        { timeout: 60_000, interval: 250 },
      );
    }

    function message(url: string, more: object = {}): Promise<Response> {
      const body = {
        model: "claude-sonnet-5",
        max_tokens: 16,
        messages: [{ role: "user", content: "ping" }],
      };
      return fetch(`${url}/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": key, "content-type": "application/json" },
        body: JSON.stringify({ ...body, ...more }),
      });
    }

    /** A message, sent again as agents do where the database did not answer in time: on a loaded machine it may be late. */
    async function persistently(url: string): Promise<Response> {
      for (let attempt = 1; ; attempt++) {
        const response = await message(url);
        if (response.status !== 503 || attempt === 5) return response;
        await response.body?.cancel();
        await setTimeout(1_000 * attempt);
      }
    }

    /** All requests at once, evenly over the processes; how often each status came. */
    async function ask(): Promise<Record<string, number>> {
      const statuses: Record<string, number> = {};
      await Promise.all(
        Array.from({ length: REQUESTS }, async (_, i) => {
          const answer = await persistently(servers[i % servers.length]!.url);
          const text = await answer.text();
          const outcome = answer.ok ? "200" : `${answer.status} ${text.slice(0, 200)}`;
          statuses[outcome] = (statuses[outcome] ?? 0) + 1;
        }),
      );
      return statuses;
    }

    const refreshes = () => claude.requests.filter(({ path }) => path === "/v1/oauth/token").length;

    test("at the moment of expiry there is one refresh, and all three hundred requests are answered", async () => {
      await connect(claude.issueTokens({ expiresIn: -1 }));
      claude.token.script({ delayMs: 700 });
      expect(await ask()).toEqual({ "200": REQUESTS });
      expect(refreshes()).toBe(1);
      expect(claude.violations).toEqual([]);
      const { accounts } = await admin("GET", "/admin/accounts");
      expect(accounts).toMatchObject([{ status: "active", last_refresh_status: "ok" }]);
    }, 120_000);

    test("when the provider ends the token before its time there is one refresh too, and all are answered", async () => {
      const tokens = claude.issueTokens();
      await connect(tokens);
      await Promise.all(servers.map((server) => uses(server, tokens.accessToken)));
      claude.expire(tokens.accessToken);
      claude.token.script({ delayMs: 300 });
      expect(await ask()).toEqual({ "200": REQUESTS });
      expect(refreshes()).toBe(1);
    }, 120_000);
  });
}
