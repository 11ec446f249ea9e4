/** Outgrowing one machine: two Node doors, a Worker and the Vercel function on one database behave as one Kleis. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type Build,
  buildNode,
  buildVercel,
  buildWorker,
  type RunningBuild,
  startNodeBuild,
  startVercelBuild,
  startWorkerBuild,
} from "../../harness/builds.ts";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { type Sqld, startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";

/** A change made at one door is seen at every other within this time, ms (docs/operations.md). */

const BODY = JSON.stringify({
  model: "claude-sonnet-5",
  max_tokens: 10,
  messages: [{ role: "user", content: "hello" }],
});

describe.skipIf(sqldMissing !== null)("several doors on one database", () => {
  let server: Sqld;
  let fakes: Fakes;
  let doors: RunningBuild[] = [];
  let builds: Build[] = [];
  /** Ids of accounts. */
  let first: string;
  let second: string;
  let endedSignIn: string;
  /** Keys: for everything (twice), for the second account, and for the sign-in whose token has ended. */
  let any: Issued;
  let toRevoke: Issued;
  let forSecond: Issued;
  let forSignIn: Issued;

  interface Issued {
    id: string;
    key: string;
  }

  beforeAll(async () => {
    [server, fakes] = await Promise.all([startSqld(), startFakes()]);
    const [node, worker, vercel] = [buildNode(), buildWorker(), buildVercel()];
    builds = [node, worker, vercel];
    const variables = { ...fakes.env, ...server.variables, LOG_LEVEL: "warn" };
    doors = await Promise.all([
      startNodeBuild(node, variables),
      startNodeBuild(node, variables),
      startWorkerBuild(worker, variables),
      startVercelBuild(vercel, variables),
    ]);
  });

  afterAll(async () => {
    await Promise.all(doors.map((door) => door.close()));
    await server?.close();
    await fakes?.close();
    for (const build of builds) build.remove();
  });

  async function admin<Answer>(at: number, method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(doors[at]!.url + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.ok, `${method} ${path}: ${text}`).toBe(true);
    return JSON.parse(text) as Answer;
  }

  async function connect(at: number, account: object): Promise<string> {
    const path = "/admin/accounts/import";
    const body = { provider: "claude", ...account };
    const { accounts } = await admin<{ accounts: { id: string }[] }>(at, "POST", path, body);
    return accounts[0]?.id ?? "";
  }

  const issue = (at: number, body: object) => admin<Issued>(at, "POST", "/admin/keys", body);

  async function ask(door: RunningBuild, { key }: Issued) {
    const headers = { "x-api-key": key, "content-type": "application/json" };
    const response = await fetch(`${door.url}/v1/messages`, { method: "POST", headers, body: BODY });
    await response.text();
    return { status: response.status, account: response.headers.get("x-kleis-account") };
  }

  /** How long it took until it was so, ms. */
  const seen = (is: () => Promise<boolean>) => vi.waitUntil(is, { timeout: 40_000, interval: 250 });

  test("what is made at one door works at all of them, whichever made the tables", async () => {
    // Every door is asked for the first time at the same moment, and the database is empty.
    await Promise.all(doors.map((_, at) => admin(at, "GET", "/admin/keys")));
    first = await connect(0, { kind: "api_key", api_key: fakes.claude.issueApiKey() });
    second = await connect(2, { kind: "api_key", api_key: fakes.claude.issueApiKey() });
    const tokens = fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: -10 });
    endedSignIn = await connect(3, {
      kind: "oauth",
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      expires_at: tokens.expiresAt,
    });
    [any, toRevoke, forSecond, forSignIn] = await Promise.all([
      issue(1, {}),
      issue(2, {}),
      issue(3, { accounts: [second] }),
      issue(0, { accounts: [endedSignIn] }),
    ]);
    for (const door of doors) {
      expect(await ask(door, any)).toEqual({ status: 200, account: first });
      expect(await ask(door, toRevoke)).toEqual({ status: 200, account: first });
      expect(await ask(door, forSecond)).toEqual({ status: 200, account: second });
    }
  });

  test("a sign-in is renewed once, whichever doors need it at the same moment", async () => {
    const calls = () => fakes.claude.requests.filter(({ path }) => path === "/v1/oauth/token").length;
    fakes.claude.token.script({ delayMs: 300 });
    const answers = await Promise.all([...doors, ...doors, ...doors].map((door) => ask(door, forSignIn)));
    expect(answers).toEqual(answers.map(() => ({ status: 200, account: endedSignIn })));
    expect(calls()).toBe(1);
    expect(fakes.violations()).toEqual([]);
  });

  test("an account that one of them found exhausted is called by none, until the owner uses it again", async () => {
    fakes.claude.script("error:429-shared");
    const refused = await ask(doors[0]!, forSecond);
    expect(refused).toEqual({ status: 429, account: second });
    // How soon at the latest is shown on a virtual clock, in tests/limits/simulator.test.ts.
    for (const door of doors) await seen(async () => (await ask(door, forSecond)).status === 429);
    const calls = fakes.claude.inference.length;
    for (const door of doors) expect(await ask(door, forSecond)).toEqual({ status: 429, account: null });
    expect(fakes.claude.inference.length).toBe(calls);
    await admin(2, "POST", `/admin/accounts/${second}/uncool`);
    for (const door of doors) await seen(async () => (await ask(door, forSecond)).status === 200);
  });

  test("a revoked key, another primary, an account that is switched off: seen everywhere without a restart", async () => {
    // Everybody has just seen them as they were.
    await Promise.all(doors.flatMap((door) => [any, toRevoke, forSecond].map((key) => ask(door, key))));
    await Promise.all([
      admin(3, "POST", `/admin/keys/${toRevoke.id}/revoke`),
      admin(2, "POST", `/admin/accounts/${endedSignIn}/primary`),
      admin(1, "PATCH", `/admin/accounts/${second}`, { enabled: false }),
    ]);
    // How soon at the latest is shown on a virtual clock, in tests/storage/read-cache.test.ts.
    await Promise.all(
      doors.flatMap((door) => [
        seen(async () => (await ask(door, toRevoke)).status === 401),
        seen(async () => (await ask(door, any)).account === endedSignIn),
        seen(async () => (await ask(door, forSecond)).status >= 400),
      ]),
    );
  });
});
