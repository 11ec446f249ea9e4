/** A real libSQL server on the loopback, which wants a token as Turso does unless it is started without. */
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareEnvironment, freePort, startProcess } from "./process.ts";
import { SQLD } from "./sqld-binary.ts";

export interface Sqld {
  readonly url: string;
  /** The variables with which Kleis uses it. */
  readonly variables: { TURSO_DATABASE_URL: string; TURSO_AUTH_TOKEN: string };
  /** Where everything lies that it keeps. */
  readonly folder: string;
  /** Everything that it printed. */
  output(): string;
  close(): Promise<void>;
}

export async function startSqld({ wantsToken = true } = {}): Promise<Sqld> {
  const folder = mkdtempSync(join(tmpdir(), "kleis-sqld-"));
  const port = await freePort();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keyFile = join(folder, "jwt.pem");
  writeFileSync(keyFile, publicKey.export({ type: "spki", format: "pem" }));
  const server = await startProcess(
    SQLD,
    [
      "--no-welcome",
      ...["--http-listen-addr", `127.0.0.1:${port}`],
      ...["--db-path", join(folder, "data")],
      ...(wantsToken ? ["--auth-jwt-key-file", keyFile] : []),
    ],
    { env: bareEnvironment() },
    /listening for incoming user HTTP/,
  );
  const url = `http://127.0.0.1:${port}`;
  await untilHealthy(`${url}/health`);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = `${part({ alg: "EdDSA", typ: "JWT" })}.${part({ a: "rw" })}`;
  const token = `${claims}.${sign(null, Buffer.from(claims), privateKey).toString("base64url")}`;
  return {
    url,
    variables: { TURSO_DATABASE_URL: url, TURSO_AUTH_TOKEN: token },
    folder,
    output: server.output,
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilHealthy(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const healthy = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`sqld did not get healthy at ${url}`);
}
