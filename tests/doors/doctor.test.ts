/** What `npm run doctor` finds, in-process, against the stand-ins and a Kleis that runs beside it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lookAtDatabase } from "../../adapters/doctor/database.ts";
import { type DoctorInput, examine } from "../../adapters/doctor/doctor.ts";
import { type Finding, report } from "../../adapters/doctor/finding.ts";
import { clock, random } from "../../adapters/edge/platform.ts";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { OPERATIONS } from "../http/own-error.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";

let door: Door;
let variables: Record<string, string>;

beforeAll(async () => {
  door = await openDoor();
  variables = {
    ...door.fakes.env,
    ADMIN_TOKEN: door.adminToken,
    ENCRYPTION_KEY: testKeyOf("seven"),
    KLEIS_DATA_DIR: door.folder,
  };
  await connectAll(door);
  await door.key();
});
afterAll(() => door.close());

function look(
  change: Record<string, string | undefined> = {},
  more: Partial<DoctorInput> = {},
): Promise<Finding[]> {
  return examine({ variables: { ...variables, ...change }, fetch: nodeFetch, ...more });
}

const problems = (findings: readonly Finding[]) => findings.filter(({ level }) => level === "problem");
const of = (findings: readonly Finding[], area: Finding["area"]) =>
  findings.filter((each) => each.area === area);

test("where all is well it says so of every part, and spends no request for an answer", async () => {
  const findings = await look();
  expect(problems(findings)).toEqual([]);
  for (const area of ["variables", "database", "clock", "providers", "accounts", "keys"] as const) {
    expect(
      of(findings, area).map(({ level }) => level),
      area,
    ).toContain("ok");
  }
  expect(of(findings, "accounts")).toHaveLength(3);
  expect(report(findings)).toContain("Nothing is wrong.");
  const { claude, codex, copilot } = door.fakes;
  for (const fake of [claude, codex, copilot]) expect(fake.inference).toEqual([]);
  expect(claude.requests.some(({ path }) => path === "/v1/oauth/token")).toBe(false);
  expect(copilot.requests.some(({ path }) => path === "/models")).toBe(true);
});

test("a database that takes no write is a problem, and looking at it leaves no lock behind", async () => {
  const url = pathToFileURL(join(door.folder, "kleis.db")).href;
  const client = createClient({ url, timeout: 0, intMode: "bigint" });
  const other = createClient({ url, timeout: 5_000 });
  const sealer = createSealer([testKeyOf("seven")], random);
  try {
    expect(problems((await lookAtDatabase(client, clock.sleep, sealer)).findings)).toEqual([]);
    const lock = await other.transaction("write");
    expect(problems((await lookAtDatabase(client, clock.sleep, sealer)).findings)).toMatchObject([
      { area: "database", text: expect.stringContaining("another process is writing") },
    ]);
    await lock.rollback();
  } finally {
    client.close();
    other.close();
  }
});

test("an account whose secrets do not open is a problem, and looking at it leaves it as it was", async () => {
  const client = createClient({ url: pathToFileURL(join(door.folder, "kleis.db")).href, timeout: 5_000 });
  const rows = async () => (await client.execute("select * from provider_accounts order by id")).rows;
  const shift = (by: number) =>
    client.execute({
      sql: "update provider_accounts set token_version = token_version + ? where provider = 'claude'",
      args: [by],
    });
  try {
    await shift(1);
    const before = await rows();
    const found = problems(await look());
    expect(found.map(({ area }) => area)).toEqual(["accounts"]);
    expect(found[0]?.text).toContain("do not open");
    expect(await rows()).toEqual(before);
  } finally {
    await shift(-1);
    client.close();
  }
  expect(problems(await look())).toEqual([]);
});

test("no finding holds a secret", async () => {
  const text = report(await look());
  expect(text).not.toContain(door.adminToken);
  const known = [door.fakes.claude, door.fakes.codex, door.fakes.copilot].flatMap((fake) =>
    fake.tokens.list(),
  );
  for (const { token } of known) expect(text).not.toContain(token);
});

test("wrong variables are named with what to do", async () => {
  const findings = await look({ ADMIN_TOKEN: "short-one", TURSO_DATABASE_URL: "http://db.example.org" });
  const text = report(findings);
  expect(problems(findings)).toHaveLength(2);
  expect(text).toContain("ADMIN_TOKEN must have at least 24 characters");
  expect(text).toContain("TURSO_DATABASE_URL may be http:// only on this machine");
});

test.each([
  ["a port that is none", { PORT: "abc" }, "PORT must be a number from 0 to 65535"],
  ["a database of no known kind", { TURSO_DATABASE_URL: "postgres://db" }, "TURSO_DATABASE_URL must begin"],
  ["Turso without its token", { TURSO_DATABASE_URL: "libsql://a.turso.io" }, "TURSO_AUTH_TOKEN is not set"],
])("what keeps Kleis from starting is a problem: %s", async (_, change, words) => {
  expect(problems(await look(change))).toMatchObject([
    { area: "variables", text: expect.stringContaining(words) },
  ]);
});

test("it says of each secret where it comes from", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kleis-kept-"));
  const { ENCRYPTION_KEY, ...others } = variables;
  writeFileSync(
    join(folder, "secrets.env"),
    `ADMIN_TOKEN="kept-${door.adminToken}"\nENCRYPTION_KEY="${ENCRYPTION_KEY}"\n`,
  );
  const findings = await examine({ variables: { ...others, KLEIS_DATA_DIR: folder }, fetch: nodeFetch });
  expect(of(findings, "variables")[0]?.text).toContain(
    `ADMIN_TOKEN comes from the environment, ENCRYPTION_KEY (one key) from ${join(folder, "secrets.env")}`,
  );
  expect(of(await look(), "variables")[0]?.text).toContain("ENCRYPTION_KEY (one key) from the environment");
  rmSync(folder, { recursive: true });
});

test("a folder without a Kleis is a note, and stays empty", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kleis-none-"));
  const findings = await examine({ variables: { KLEIS_DATA_DIR: folder }, fetch: nodeFetch });
  expect(findings).toMatchObject([{ area: "variables", level: "note" }]);
  rmSync(folder, { recursive: true });
});

const ANOTHER_KEY = testKeyOf("eight");

test("another encryption key is found out, and what mends it is said", async () => {
  const findings = await look({ ENCRYPTION_KEY: ANOTHER_KEY });
  expect(problems(of(findings, "accounts"))).toHaveLength(3);
  expect(report(findings)).toContain("Add the former key to ENCRYPTION_KEY");
});

test("another encryption key is found out on a database without accounts, and not written into it", async () => {
  const empty = await openDoor();
  try {
    const at = { KLEIS_DATA_DIR: empty.folder };
    expect(problems(await look(at))).toEqual([]);
    const wrong = await look({ ...at, ENCRYPTION_KEY: ANOTHER_KEY });
    expect(problems(wrong)).toMatchObject([
      { area: "database", text: expect.stringContaining("ENCRYPTION_KEY does not open what it holds") },
    ]);
    expect(problems(await look(at))).toEqual([]);
  } finally {
    await empty.close();
  }
});

test("a database that does not answer is a problem", async () => {
  const findings = await look({ TURSO_DATABASE_URL: "http://127.0.0.1:9" });
  expect(problems(findings)).toMatchObject([
    { area: "database", text: expect.stringContaining("cannot reach") },
  ]);
});

test("a Copilot token that GitHub has ended is found without a premium request", async () => {
  const { accessToken } = door.fakes.copilot.issueTokens({ login: "gone", userId: 77 });
  const id = await door.account({ provider: "copilot", kind: "oauth", access_token: accessToken });
  door.fakes.copilot.revoke(accessToken);
  const findings = await look();
  expect(problems(findings)).toMatchObject([{ area: "accounts", text: expect.stringContaining(id) }]);
  await door.admin("PATCH", `/admin/accounts/${id}`, { enabled: false });
  expect(problems(await look())).toEqual([]);
  await door.admin("DELETE", `/admin/accounts/${id}`);
});

test("a key that its provider refused is a problem, from inside and from outside", async () => {
  const api_key = door.fakes.claude.issueApiKey();
  const id = await door.account({ provider: "claude", kind: "api_key", api_key });
  const secret = await door.key({ accounts: [id] });
  door.fakes.claude.revoke(api_key);
  const { path, body } = OPERATIONS.messages;
  const answer = await fetch(door.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(401);
  const from = { variables: { ADMIN_TOKEN: door.adminToken }, address: door.url, fetch: nodeFetch };
  for (const findings of [() => look(), () => examine(from)]) {
    await expect
      .poll(async () => problems(await findings()))
      .toMatchObject([{ area: "accounts", text: expect.stringContaining("refused this key") }]);
  }
  await door.admin("DELETE", `/admin/accounts/${id}`);
});

test("an account whose token has ended and cannot be renewed is a problem, one that can is not", async () => {
  const ended = door.fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: -60 });
  const past = { access_token: ended.accessToken, expires_at: ended.expiresAt };
  const [dead, renewable] = [
    await door.account({ provider: "claude", kind: "oauth", ...past }),
    await door.account({ provider: "claude", kind: "oauth", ...past, refresh_token: ended.refreshToken }),
  ];
  const accounts = of(await look(), "accounts");
  expect(accounts.find(({ text }) => text.includes(dead))).toMatchObject({ level: "problem" });
  expect(accounts.find(({ text }) => text.includes(renewable))).toMatchObject({ level: "ok" });
  for (const id of [dead, renewable]) await door.admin("DELETE", `/admin/accounts/${id}`);
});

test("an access token that nothing renews and whose end is not known is nobody's problem, and not tried", async () => {
  const { accessToken } = door.fakes.claude.issueTokens({ account: crypto.randomUUID() });
  const id = await door.account({ provider: "claude", kind: "oauth", access_token: accessToken });
  const found = of(await look(), "accounts").find(({ text }) => text.includes(id));
  expect(found).toMatchObject({ level: "ok", text: expect.stringContaining("not tried") });
  await door.admin("DELETE", `/admin/accounts/${id}`);
});

test("a token that has ended and could not be renewed is a problem on the spot and from outside", async () => {
  const ended = door.fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: -60 });
  const id = await door.account({
    provider: "claude",
    kind: "oauth",
    access_token: ended.accessToken,
    expires_at: ended.expiresAt,
    refresh_token: ended.refreshToken,
  });
  const lineOf = (findings: readonly Finding[]) =>
    of(findings, "accounts").find(({ text }) => text.includes(id));
  expect(lineOf(await lookFromOutside())).toMatchObject({
    level: "note",
    text: expect.stringContaining("Whether it can be renewed is not seen"),
  });
  await failRefresh(id);
  for (const findings of [await look(), await lookFromOutside()]) {
    expect(lineOf(findings)).toMatchObject({
      level: "problem",
      text: expect.stringContaining("The last renewal failed: planted reason"),
    });
  }
  await door.admin("DELETE", `/admin/accounts/${id}`);
});

/** Notes at the account what a refresh that failed would. */
async function failRefresh(id: string): Promise<void> {
  const client = createClient({ url: pathToFileURL(join(door.folder, "kleis.db")).href, timeout: 5_000 });
  await client.execute({
    sql: "update provider_accounts set last_refresh_status = 'failed', last_refresh_error = 'planted reason' where id = ?",
    args: [id],
  });
  client.close();
}

const lookFromOutside = (adminToken: string = door.adminToken) =>
  examine({ variables: { ADMIN_TOKEN: adminToken }, address: door.url, fetch: nodeFetch });

test("a provider that cannot be reached is named", async () => {
  const findings = await look({ CLAUDE_API_URL: "http://127.0.0.1:9" });
  expect(problems(findings)).toMatchObject([
    {
      area: "providers",
      text: "http://127.0.0.1:9 cannot be reached.",
      advice: expect.stringMatching(/^The connection was refused \(ECONNREFUSED\)\. /),
    },
  ]);
});

test("a deployment that cannot be reached is said to be so, with the system's code", async () => {
  const address = "http://127.0.0.1:9";
  expect(await examine({ variables: {}, address, fetch: nodeFetch })).toMatchObject([
    {
      level: "problem",
      text: `${address} cannot be reached.`,
      advice: expect.stringContaining("(ECONNREFUSED)"),
    },
  ]);
});

test("a proxy that is none is named", async () => {
  expect(problems(await look({ HTTPS_PROXY: "socks5://127.0.0.1:1080" }))).toMatchObject([
    { area: "variables", text: expect.stringContaining("HTTPS_PROXY must be") },
  ]);
});

test("a clock that is wrong is found by the servers' own time", async () => {
  const off = (ms: number) => ({ clock: { now: () => Date.now() + ms, sleep: async () => {} } });
  const clockOf = async (ms: number) =>
    of(await look({}, { clock: { ...off(ms).clock, sleep: never } }), "clock")[0];
  expect(await clockOf(0)).toMatchObject({ level: "ok" });
  expect(await clockOf(30_000)).toMatchObject({ level: "note", text: expect.stringContaining("ahead of") });
  expect(await clockOf(-300_000)).toMatchObject({
    level: "problem",
    text: expect.stringContaining("300 s behind"),
  });
});

/** Time limits of the storage are not what is tried here. */
const never = () => new Promise<void>(() => {});

test("a deployment is looked at from outside", async () => {
  const findings = await lookFromOutside();
  expect(problems(findings)).toEqual([]);
  expect(of(findings, "deployment")[0]?.text).toContain("runs version");
  expect(of(findings, "deployment").at(-1)?.text).toContain("Not seen from outside");
  expect(of(findings, "database")).toMatchObject([{ level: "ok" }]);
  expect(of(findings, "accounts").length).toBeGreaterThan(0);
  expect(of(findings, "keys")).toEqual(of(await look(), "keys"));
});

test("from outside every page of a list is looked at", async () => {
  const id = await door.account({
    provider: "claude",
    kind: "api_key",
    api_key: door.fakes.claude.issueApiKey(),
  });
  const small: typeof nodeFetch = (url, init) =>
    nodeFetch(/\/admin\/accounts/.test(url) ? `${url}${url.includes("?") ? "&" : "?"}limit=1` : url, init);
  const findings = await examine({
    variables: { ADMIN_TOKEN: door.adminToken },
    address: door.url,
    fetch: small,
  });
  expect(of(findings, "accounts").length).toBeGreaterThan(3);
  expect(of(findings, "accounts")).toEqual(of(await lookFromOutside(), "accounts"));
  await door.admin("DELETE", `/admin/accounts/${id}`);
});

test("a deployment with a wrong admin token, or none that is Kleis's, is a problem", async () => {
  expect(problems(await lookFromOutside("another-token-of-some-length"))).toMatchObject([
    { area: "variables", text: "ADMIN_TOKEN is not this deployment's." },
  ]);
  const other = createServer((_, res) => res.end("<html>hello</html>"));
  await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
  const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  expect(problems(await examine({ variables: {}, address, fetch: nodeFetch }))).toMatchObject([
    { area: "deployment", text: `${address} does not respond as Kleis does.` },
  ]);
  other.close();
});
