/** `npm run doctor -- --live` against a running Kleis over the fakes: what it finds, what it says, what it spends. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { askPlan, runPlan } from "../../adapters/doctor/live.ts";
import { examineLive, type LiveSession } from "../../adapters/doctor/live-main.ts";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { connectAll, connectKeys, type Door, openDoor } from "../support/door.ts";

let door: Door;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "kleis-live-"));
  door = await openDoor();
  await connectAll(door);
  await connectKeys(door);
  // The lists are asked for once an account is there; what comes later must be the checks' own.
  await door.admin("POST", "/admin/models/refresh");
  door.fakes.copilot.rules.countTokens = true;
  door.fakes.copilot.discovery.api = "https://api.individual.githubcopilot.com";
});
afterAll(async () => {
  await door.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything as the facts have it. */
beforeEach(() => {
  const { claude, codex, copilot } = door.fakes;
  claude.rules.refusedAgent = null;
  claude.cache.misses = false;
  codex.drift.newModel = null;
  codex.drift.contextWindow = null;
  claude.token.always({});
  copilot.device.clientId = COPILOT_APP;
  copilot.rules.apiVersion = COPILOT_VERSION;
});
const COPILOT_APP = "Ov23li8tweQw6odWQebz";
const COPILOT_VERSION = "2026-06-01";

const received = () => {
  const { claude, codex, copilot } = door.fakes;
  return claude.requests.length + claude.background.length + codex.requests.length + copilot.requests.length;
};

interface Ran {
  code: number;
  out: string;
  notes: string;
}

async function doctor(
  given: Parameters<typeof examineLive>[0],
  change: Partial<LiveSession> = {},
): Promise<Ran> {
  const ran = { code: -1, out: "", notes: "" };
  ran.code = await examineLive(
    { address: door.url, ...given },
    {
      fetch: nodeFetch,
      variables: { ADMIN_TOKEN: door.adminToken },
      print: (text) => {
        ran.out += text;
      },
      note: (text) => {
        ran.notes += text;
      },
      isInteractive: false,
      ask: async () => "",
      ...change,
    },
  );
  return ran;
}

const target = () => ({ fetch: nodeFetch, address: door.url, adminToken: door.adminToken });
const rowsWith = (text: string, verdict: string) =>
  text.split("\n").filter((row) => row.includes(`  ${verdict} `));

test("where every fact holds nothing differs, and exactly what was announced is spent", async () => {
  const plan = await askPlan(target());
  const before = received();
  const { code, out, notes } = await doctor({ yes: true });
  expect(rowsWith(out, "DIFFERS")).toEqual([]);
  expect(code).toBe(0);
  expect(received() - before).toBe(plan.cost.requests);
  expect(notes).toContain(`In all ${plan.cost.requests} requests, about `);
  expect(out).toContain(`Spent ${plan.cost.requests} requests`);
  expect(plan.cost.requests).toBe(plan.checks.reduce((sum, { cost }) => sum + cost.requests, 0));
});

test("each fact that a check is named for is seen, and agrees where the answer can tell", async () => {
  const read = readConfig({ ADMIN_TOKEN: door.adminToken, ENCRYPTION_KEY: testKeyOf("seven") });
  if (!read.ok) throw new Error(read.problems.join("\n"));
  const { config } = read;
  const plan = await askPlan(target());
  const results = await runPlan(target(), plan, () => {});
  expect(results.flatMap(({ problem }) => problem ?? [])).toEqual([]);
  for (const provider of PROVIDERS) {
    const seen = new Map(
      results
        .filter(({ account }) => account.provider === provider.id)
        .flatMap(({ compared }) => compared.map(({ fact, verdict, theirs }) => [fact, { verdict, theirs }])),
    );
    const named = provider.facts(config).filter(({ check }) => check !== undefined);
    expect(named.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
  }
});

test("five facts that are wrong are found, each with what to do, for what was announced", async () => {
  const { claude, codex, copilot } = door.fakes;
  claude.cache.misses = true;
  claude.token.always({
    reply: { status: 404, body: { type: "error", error: { type: "not_found_error" } } },
  });
  codex.drift.newModel = "gpt-7-nova";
  codex.drift.contextWindow = 200_000;
  copilot.device.clientId = "Ov23another";
  const plan = await askPlan(target());
  const before = received();
  const { code, out } = await doctor({ yes: true });
  expect(code).toBe(1);
  const found = out
    .split("\n")
    .flatMap((row, at, rows) => (row.includes("  DIFFERS ") ? [`${row} ${rows[at + 1]}`] : []));
  const expected = [
    // With the plan, and with the API key.
    [/Where cached tokens are counted .*no token of the second turn/, "billed in full"],
    [/Where cached tokens are counted .*no token of the second turn/, "billed in full"],
    [/Token endpoint .*404/, "CLAUDE_TOKEN_URL"],
    [/Codex version that the list of models is asked with .*gpt-7-nova/, "CODEX_CLIENT_VERSION"],
    [/Tokens of a plan's models, .*200000/, "PLAN_LIMITS"],
    [/Client id of the sign-in .*incorrect_client_credentials/, "COPILOT_CLIENT_ID"],
  ] as const;
  for (const [row, advice] of expected) {
    expect(
      found.filter((each) => row.test(each) && each.includes(advice)),
      `${row}\n${found.join("\n")}`,
    ).toHaveLength(expected.filter(([other]) => String(other) === String(row)).length);
  }
  expect(found).toHaveLength(expected.length);
  expect(received() - before).toBe(plan.cost.requests);
});

test("what refuses every request is found, and a second turn is not sent after a refused first", async () => {
  const { claude, copilot } = door.fakes;
  claude.rules.refusedAgent = /^claude-cli\/2\.1\.2 /;
  copilot.rules.apiVersion = "2027-01-01";
  const plan = await askPlan(target());
  const before = received();
  const { out } = await doctor({ yes: true });
  const found = rowsWith(out, "DIFFERS");
  expect(
    found.filter((row) => /User-agent of a plan's requests .*2\.1\.2.*Claude Code/.test(row)),
  ).toHaveLength(1);
  expect(found.filter((row) => /X-GitHub-Api-Version of completions .*2026-06-01/.test(row))).toHaveLength(1);
  expect(found).toHaveLength(2);
  expect(out).toContain("Set CLAUDE_USER_AGENT to");
  expect(received() - before).toBe(plan.cost.requests - 2);
  expect(out).toContain(`Spent ${plan.cost.requests - 2} requests`);
});

test("nothing is sent to a provider without a yes", async () => {
  const before = received();
  await expect(doctor({})).rejects.toThrow(/no terminal to ask at.*--yes/);
  for (const answer of ["", "n", "yesterday"]) {
    const { code, out, notes } = await doctor({}, { isInteractive: true, ask: async () => answer });
    expect([code, out]).toEqual([0, ""]);
    expect(notes).toContain("Nothing was sent.");
    expect(notes).toMatch(/Codex \(plan\): \d+ requests, about [\d,]+ tokens, asks gpt-/);
  }
  expect(received()).toBe(before);
});

test("a person's yes is enough", async () => {
  const before = received();
  await doctor({}, { isInteractive: true, ask: async () => " Y\n" });
  expect(received()).toBeGreaterThan(before);
});

test("the report and the JSON hold the table and no secret", async () => {
  const report = join(folder, "report.txt");
  const { out } = await doctor({ yes: true, json: true, report });
  const { results } = JSON.parse(out) as { results: { check: string; compared: { fact: string }[] }[] };
  expect(results.map(({ check }) => check)).toContain("tool-call");
  const text = readFileSync(report, "utf8");
  expect(text).toContain("Codex version that the list of models is asked with");
  expect(readdirSync(folder)).toEqual(["report.txt"]);
  const { claude, codex, copilot } = door.fakes;
  const secrets = [claude, codex, copilot].flatMap((fake) => fake.tokens.list().map(({ token }) => token));
  const { accounts } = await door.admin<{ accounts: { label: string }[] }>("GET", "/admin/accounts");
  const labels = accounts.map(({ label }) => label).filter((label) => label.includes("@"));
  for (const secret of [door.adminToken, ...secrets, ...labels]) {
    expect(text).not.toContain(secret);
    expect(out).not.toContain(secret);
  }
});

test("a report that cannot be written is said, and leaves no draft", async () => {
  const report = join(folder, "missing", "report.txt");
  await expect(doctor({ yes: true, report })).rejects.toThrow(/could not be written to .*ENOENT/);
  expect(existsSync(join(folder, "missing"))).toBe(false);
});

test.each([
  [
    "a wrong admin token",
    { variables: { ADMIN_TOKEN: "another-token-of-some-length" } },
    {},
    /ADMIN_TOKEN is not/,
  ],
  ["no admin token", { variables: {} }, {}, /need ADMIN_TOKEN/],
  ["an address where nothing answers", {}, { address: "http://127.0.0.1:9" }, /npm start/],
])("%s is said in words", async (_, session, given, words) => {
  await expect(doctor({ yes: true, ...given }, session)).rejects.toThrow(words);
});

test("the running Kleis of the folder is asked where no address is given", async () => {
  const { port } = new URL(door.url);
  const variables = {
    ...door.fakes.env,
    ADMIN_TOKEN: door.adminToken,
    ENCRYPTION_KEY: testKeyOf("seven"),
    KLEIS_DATA_DIR: door.folder,
    PORT: port,
  };
  const asked: string[] = [];
  const fetch: typeof nodeFetch = (url, init) => {
    asked.push(new URL(url).origin);
    return nodeFetch(url, init);
  };
  await examineLive(
    {},
    {
      fetch,
      variables,
      print: () => {},
      note: () => {},
      isInteractive: true,
      ask: async () => "n",
    },
  );
  expect(asked).toEqual([`http://127.0.0.1:${port}`]);
});

test("only what the plan lists can be run", async () => {
  const plan = await askPlan(target());
  const [first] = plan.checks;
  const before = received();
  for (const body of [
    { account: first?.account.id, check: "no-such-check" },
    { account: "acc_none", check: first?.check },
    { account: first?.account.id },
  ]) {
    await expect(door.admin("POST", "/admin/live-checks", body)).rejects.toThrow(/400/);
  }
  expect(received()).toBe(before);
});
