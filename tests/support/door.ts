/** The Node door over the strict fakes, as a test or a person uses it: a real server, a real database file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, start } from "../../adapters/node/server.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { importsOf } from "./accounts.ts";

export interface Door {
  readonly url: string;
  readonly fakes: Fakes;
  readonly adminToken: string;
  readonly folder: string;
  /** Calls the admin API; throws when the answer is not a success. */
  admin<Answer = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Imports an account and returns its id. */
  account(input: object): Promise<string>;
  /** Issues a key and returns its text. */
  key(input?: object): Promise<string>;
  /** Uses every account again, whatever limit an earlier test has played. */
  uncool(): Promise<void>;
  /** Ends the server, keeps the folder, starts it anew. */
  restart(): Promise<Door>;
  close(): Promise<void>;
}

export const ADMIN_TOKEN = "door-tests-4f9c2e71b6a8d035";

export interface DoorOptions {
  env?: Record<string, string>;
  folder?: string;
  fakes?: Fakes;
}

export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  const fakes = options.fakes ?? (await startFakes());
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "kleis-door-"));
  const server: RunningServer = await start({
    ...fakes.env,
    ADMIN_TOKEN,
    ENCRYPTION_KEY: testKeyOf("seven"),
    KLEIS_DATA_DIR: folder,
    PORT: "0",
    LOG_LEVEL: "silent",
    ...options.env,
  });

  async function admin<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${ADMIN_TOKEN}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Answer;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  return {
    url: server.url,
    fakes,
    adminToken: ADMIN_TOKEN,
    folder,
    admin,
    account: async (input) => {
      const { accounts } = await admin<{ accounts: { id: string }[] }>(
        "POST",
        "/admin/accounts/import",
        input,
      );
      return accounts[0]?.id ?? "";
    },
    key: async (input = {}) => (await admin<{ key: string }>("POST", "/admin/keys", input)).key,
    async uncool() {
      const { accounts } = await admin<{ accounts: { id: string }[] }>("GET", "/admin/accounts");
      for (const { id } of accounts) await admin("POST", `/admin/accounts/${id}/uncool`);
    },
    async restart() {
      await server.close();
      return openDoor({ ...options, folder, fakes });
    },
    async close() {
      await server.close();
      await fakes.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One sign-in of each provider, with tokens that its fake knows. */
export async function connectAll({
  account,
  fakes,
}: Door): Promise<{ claude: string; codex: string; copilot: string }> {
  const { claude, codex, copilot } = importsOf(fakes);
  return { claude: await account(claude), codex: await account(codex), copilot: await account(copilot) };
}

/** The two kinds of accounts that are API keys. */
export async function connectKeys({
  account,
  fakes,
}: Door): Promise<{ claudeKey: string; openaiKey: string }> {
  const { claudeKey, openaiKey } = importsOf(fakes);
  return { claudeKey: await account(claudeKey), openaiKey: await account(openaiKey) };
}
