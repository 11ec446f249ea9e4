/** What `npm run doctor` finds, in-process, against the stand-ins and a Kleis that runs beside it. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DoctorInput, examine } from "../../adapters/doctor/doctor.ts";
import { type Finding, report } from "../../adapters/doctor/finding.ts";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";

let door: Door;
let variables: Record<string, string>;

beforeAll(async () => {
  door = await openDoor();
  variables = {
    ...door.fakes.env,
    ADMIN_TOKEN: door.adminToken,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
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

test("an account whose secrets do not open is a problem, and looking at it leaves it as it was", async () => {
  const client = createClient({ url: pathToFileURL(join(door.folder, "kleis.db")).href });
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
  expect(text).toContain("TURSO_DATABASE_URL must be");
});

test("a folder without a Kleis is a note, and stays empty", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kleis-none-"));
  const findings = await examine({ variables: { KLEIS_DATA_DIR: folder }, fetch: nodeFetch });
  expect(findings).toMatchObject([{ area: "variables", level: "note" }]);
  rmSync(folder, { recursive: true });
});

test("another encryption key is found out, and what mends it is said", async () => {
  const findings = await look({ ENCRYPTION_KEY: Buffer.alloc(32, 8).toString("base64") });
  expect(problems(of(findings, "accounts"))).toHaveLength(3);
  expect(report(findings)).toContain("Add the former key to ENCRYPTION_KEY");
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

test("an account whose token has ended and can not be renewed is a problem, one that can is not", async () => {
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

test("a provider that can not be reached is named", async () => {
  const findings = await look({ CLAUDE_API_URL: "http://127.0.0.1:9" });
  expect(problems(findings)).toMatchObject([
    { area: "providers", text: "http://127.0.0.1:9 can not be reached." },
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
  const findings = await examine({
    variables: { ADMIN_TOKEN: door.adminToken },
    address: door.url,
    fetch: nodeFetch,
  });
  expect(problems(findings)).toEqual([]);
  expect(of(findings, "deployment")[0]?.text).toContain("runs version");
  expect(of(findings, "database")).toMatchObject([{ level: "ok" }]);
  expect(of(findings, "accounts").length).toBeGreaterThan(0);
});

test("a deployment with a wrong admin token, or none that is Kleis's, is a problem", async () => {
  const wrong = await examine({
    variables: { ADMIN_TOKEN: "another-token-of-some-length" },
    address: door.url,
    fetch: nodeFetch,
  });
  expect(problems(wrong)).toMatchObject([{ area: "database", text: expect.stringContaining("ADMIN_TOKEN") }]);
  const other = createServer((_, res) => res.end("<html>hello</html>"));
  await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
  const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  expect(problems(await examine({ variables: {}, address, fetch: nodeFetch }))).toMatchObject([
    { area: "deployment", text: `${address} gives no answer that is Kleis's.` },
  ]);
  other.close();
});
