/** A built Kleis (Node door) in front of the bench's upstream, with an account of each kind and one key. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstLine, type Program, programOf } from "./process.ts";

export interface BenchKleis extends Program {
  /** The key that reaches the Claude API-key account only, and the one that reaches the sign-ins. */
  keys: { apiKey: string; oauth: string };
  /** Milliseconds from starting the process to its first answer. */
  startMs: number;
}

const ADMIN_TOKEN = "bench-4c1f9a7d2e6b8053aa41";

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const CODEX_TOKEN = `${part({ alg: "none" })}.${part({ exp: 4_000_000_000, "https://api.openai.com/auth": { chatgpt_account_id: "acc" } })}.x`;

export async function startKleis(upstream: string): Promise<BenchKleis> {
  const folder = mkdtempSync(join(tmpdir(), "kleis-bench-"));
  const begun = performance.now();
  const child = spawn(process.execPath, [new URL("../dist/server.mjs", import.meta.url).pathname], {
    env: {
      PATH: process.env.PATH,
      PORT: "0",
      KLEIS_DATA_DIR: folder,
      ADMIN_TOKEN,
      ENCRYPTION_KEY: Buffer.alloc(32, 9).toString("base64"),
      CLAUDE_API_URL: upstream,
      CODEX_API_URL: upstream,
      COPILOT_API_URL: upstream,
      OPENAI_API_URL: upstream,
      MODELS_DEV_URL: "",
      LOG_LEVEL: process.env.LOG_LEVEL ?? "info",
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = (await firstLine(child, /http:\/\/[\d.]+:\d+/)).trim();
  await fetch(`${url}/healthz`);
  const startMs = performance.now() - begun;

  const admin = async (path: string, body: object) => {
    const answer = await fetch(url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const value = (await answer.json()) as { key: string; accounts: { id: string }[] };
    if (!answer.ok) throw new Error(JSON.stringify(value));
    return value;
  };
  const expires_at = Date.now() + 86_400_000;
  const { accounts } = await admin("/admin/accounts/import", {
    provider: "claude",
    kind: "api_key",
    api_key: "sk-ant-api03-bench",
  });
  const byKey = accounts[0]!.id;
  const signIns = [
    {
      provider: "claude",
      kind: "oauth",
      access_token: "sk-ant-oat01-bench",
      refresh_token: "sk-ant-ort01-bench",
      expires_at,
    },
    {
      provider: "codex",
      kind: "oauth",
      access_token: CODEX_TOKEN,
      refresh_token: "rt_bench",
      account_id: "acc",
      expires_at,
    },
    { provider: "copilot", kind: "oauth", access_token: "gho_bench" },
  ];
  const ids: string[] = [];
  for (const signIn of signIns) ids.push((await admin("/admin/accounts/import", signIn)).accounts[0]!.id);
  const keys = {
    apiKey: (await admin("/admin/keys", { accounts: [byKey] })).key,
    oauth: (await admin("/admin/keys", { accounts: ids })).key,
  };
  const program = programOf(child, url);
  return {
    ...program,
    keys,
    startMs,
    stop() {
      program.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
