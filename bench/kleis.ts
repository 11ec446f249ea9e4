/** Kleis as it is built for a runtime, on a prepared database: an account of each kind, and two keys. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Build, buildNode, buildWorker } from "../harness/builds.ts";
import { bareEnvironment } from "../harness/process.ts";
import { ADMIN_TOKEN, SECRETS } from "../harness/secrets.ts";
import { startSqld } from "../harness/sqld.ts";
import { type NodeOptions, type Program, startNode, startWorkerd } from "./process.ts";

export interface Keys {
  /** Reaches the Claude API-key account only, whose requests and streams pass untouched. */
  apiKey: string;
  /** Reaches the sign-ins. */
  oauth: string;
}

export interface Kleis {
  build: Build;
  keys: Keys;
  /** The variables that lead to the prepared database. */
  database: Record<string, string>;
  /** One more process on the prepared database. */
  start(more?: Record<string, string>, options?: NodeOptions): Promise<Program>;
  close(): Promise<void>;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const CODEX_TOKEN = `${part({ alg: "none" })}.${part({ exp: 4_000_000_000, "https://api.openai.com/auth": { chatgpt_account_id: "acc" } })}.x`;

/** The Node door with its database file. */
export async function prepareNode(upstream: string): Promise<Kleis> {
  const build = buildNode();
  const folder = mkdtempSync(join(tmpdir(), "kleis-bench-"));
  const database = { KLEIS_DATA_DIR: folder };
  const start: Kleis["start"] = (more = {}, options) =>
    startNode(
      join(build.folder, "dist", "server.mjs"),
      bareEnvironment({ ...SECRETS, PORT: "0", ...variables(upstream), ...database, ...more }),
      options,
    );
  return connected(build, database, start, async () => rmSync(folder, { recursive: true, force: true }));
}

/** The Worker that `wrangler deploy` would upload, with a libSQL server beside it. */
export async function prepareWorker(upstream: string): Promise<Kleis> {
  const build = buildWorker();
  const server = await startSqld();
  const start: Kleis["start"] = (more = {}) =>
    startWorkerd(join(build.folder, "worker.js"), {
      ...SECRETS,
      ...variables(upstream),
      ...server.variables,
      ...more,
    });
  return connected(build, server.variables, start, server.close);
}

async function connected(
  build: Build,
  database: Record<string, string>,
  start: Kleis["start"],
  closeDatabase: () => Promise<void>,
): Promise<Kleis> {
  const close = async () => {
    build.remove();
    await closeDatabase();
  };
  try {
    return { build, keys: await connectAccounts(start), database, start, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Everything that is not the database and the secrets. */
function variables(upstream: string): Record<string, string> {
  return {
    CLAUDE_API_URL: upstream,
    CODEX_API_URL: upstream,
    COPILOT_API_URL: upstream,
    OPENAI_API_URL: upstream,
    MODELS_DEV_URL: "",

    LOG_LEVEL: process.env.LOG_LEVEL ?? "info",
  };
}

/** Done by a process that ends with it, so that none of those measured has done more than the others. */
async function connectAccounts(start: Kleis["start"]): Promise<Keys> {
  const program = await start();
  const admin = async (path: string, body: object) => {
    const answer = await fetch(program.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const value = (await answer.json()) as { key: string; accounts: { id: string }[] };
    if (!answer.ok) throw new Error(JSON.stringify(value));
    return value;
  };
  const connect = async (account: object) =>
    (await admin("/admin/accounts/import", account)).accounts[0]?.id ?? "";
  const byKey = await connect({ provider: "claude", kind: "api_key", api_key: "sk-ant-api03-bench" });
  const expires_at = Date.now() + 86_400_000;
  const signIns = [
    await connect({
      provider: "claude",
      kind: "oauth",
      access_token: "sk-ant-oat01-bench",
      refresh_token: "sk-ant-ort01-bench",
      expires_at,
    }),
    await connect({
      provider: "codex",
      kind: "oauth",
      access_token: CODEX_TOKEN,
      refresh_token: "rt_bench",
      account_id: "acc",
      expires_at,
    }),
    await connect({ provider: "copilot", kind: "oauth", access_token: "gho_bench" }),
  ];
  const keys = {
    apiKey: (await admin("/admin/keys", { accounts: [byKey] })).key,
    oauth: (await admin("/admin/keys", { accounts: signIns })).key,
  };
  program.stop();
  return keys;
}
