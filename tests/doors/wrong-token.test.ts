/** A deployment whose database refuses its token: the owner is told which variable is wrong, clients are not. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createEdgeAdapter, type EdgeAdapter } from "../../adapters/edge/adapter.ts";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { SECRETS } from "../../harness/secrets.ts";

const TOKEN = "turso-token-that-is-wrong";
const WORDS = "the database refused the token: check TURSO_AUTH_TOKEN";

let database: Server;
let door: EdgeAdapter;
let log: string[];

beforeAll(async () => {
  database = createServer((request, response) => {
    request.resume();
    response.writeHead(401).end(`{"error":"${request.headers.authorization} is no token of mine"}`);
  });
  await new Promise<void>((listening) => database.listen(0, "127.0.0.1", listening));
  const { port } = database.address() as AddressInfo;
  door = createEdgeAdapter(
    { ...SECRETS, TURSO_DATABASE_URL: `http://127.0.0.1:${port}`, TURSO_AUTH_TOKEN: TOKEN },
    { fetch: nodeFetch, waitUntil: () => {}, databaseClients: "shared" },
  );
});
afterAll(() => new Promise((closed) => database.close(closed)));
beforeEach(() => {
  log = [];
  for (const level of ["info", "warn", "error"] as const)
    vi.spyOn(console, level).mockImplementation((line) => void log.push(String(line)));
});

async function ask(path: string, secret?: string): Promise<string> {
  const headers = new Headers(secret === undefined ? {} : { authorization: `Bearer ${secret}` });
  const response = await door.fetch(new Request(`https://kleis.example${path}`, { headers }));
  expect([path, response.status]).toEqual([path, 503]);
  const text = await response.text();
  expect(text + log).not.toContain(TOKEN);
  expect(log.join()).toContain(WORDS);
  return text;
}

test.each(["/healthz?deep=1", "/admin/accounts", "/admin/keys"])(
  "%s says which variable to check",
  async (path) => {
    expect(await ask(path, SECRETS.ADMIN_TOKEN)).toContain(WORDS);
  },
);

test.each([
  ["/v1/models", `kleis_${"A".repeat(43)}`],
  ["/models/api.json", undefined],
])("%s says only that the database cannot be reached; the log says why", async (path, key) => {
  const text = await ask(path, key);
  expect(text).toContain("The database cannot be reached");
  expect(text).not.toContain("HTTP 401");
});
