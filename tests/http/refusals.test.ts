/**
 * A refusal, named: in the request's line, to the client, beside the account (page, admin API, another process, doctor),
 * until a later request of the same kind succeeds. Nothing is sent around a decision about the client or the owner.
 */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  type MockInstance,
  test,
  vi,
} from "vitest";
import { examine } from "../../adapters/doctor/doctor.ts";
import { type Finding, report } from "../../adapters/doctor/finding.ts";
import { lookAtDeployment } from "../../adapters/doctor/remote.ts";
import { clock } from "../../adapters/edge/platform.ts";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { type JsonObject, parseJson } from "../../src/json.ts";
import type { ClaudeError } from "../fakes/claude/errors.ts";
import { CLAUDE_ERRORS } from "../fakes/claude/errors.ts";
import { CODEX_ERRORS, type CodexError } from "../fakes/codex/errors.ts";
import { COPILOT_ERRORS, type CopilotError } from "../fakes/copilot/errors.ts";
import type { Reply } from "../fakes/server.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { OPERATIONS } from "./own-error.ts";
import { type WireAnswer, wire } from "./wire.ts";

let door: Door;
let beside: Door;
let key: string;
let ids: Record<"claude" | "codex" | "copilot", string>;
let output: MockInstance;

beforeAll(async () => {
  door = await openDoor({ env: { LOG_LEVEL: "info" } });
  ids = await connectAll(door);
  key = await door.key();
  beside = await openDoor({ folder: door.folder, fakes: door.fakes });
});
afterAll(async () => {
  await beside.close();
  await door.close();
});
beforeEach(() => {
  output = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(async () => {
  await door.uncool();
  output.mockRestore();
  for (const fake of [door.fakes.claude, door.fakes.codex, door.fakes.copilot]) fake.always();
});

type Name = keyof typeof ids;
const ASK: Record<Name, { path: string; body: object }> = {
  // Forced, for a model that is refused leaves the account's list.
  claude: { ...OPERATIONS.messages, path: `/claude${OPERATIONS.messages.path}` },
  codex: { ...OPERATIONS.responses, path: `/codex${OPERATIONS.responses.path}` },
  copilot: { ...OPERATIONS.chat, path: `/copilot${OPERATIONS.chat.path}` },
};

const ask = (name: Name, change: JsonObject = {}, path = ASK[name].path): Promise<WireAnswer> =>
  wire(door.url + path, { headers: { "x-api-key": key }, body: { ...ASK[name].body, ...change } });

/** The lines of requests for answers that have ended. */
const lines = () =>
  output.mock.calls
    .map(([line]) => parseJson(String(line)) as JsonObject)
    .filter((line) => line?.event === "request" && line.model !== undefined);

interface Shown {
  class: string;
  summary: string;
  model: string;
  words: string | null;
  advice: string;
  at: number;
}

async function shown(name: Name, at = door): Promise<Shown | null> {
  const { accounts } = await at.admin<{ accounts: { id: string; last_refusal: Shown | null }[] }>(
    "GET",
    "/admin/accounts",
  );
  return accounts.find(({ id }) => id === ids[name])?.last_refusal ?? null;
}

async function card(name: Name): Promise<string> {
  const login = await fetch(`${door.url}/admin/login`, {
    method: "POST",
    headers: { origin: door.url, "content-type": "application/json" },
    body: JSON.stringify({ token: door.adminToken }),
  });
  const cookie = login.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  const page = await (await fetch(`${door.url}/admin`, { headers: { cookie } })).text();
  const html = page.split("<article").find((each) => each.includes(ids[name])) ?? "";
  const words = html
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"');
  return words.replace(/\s+/g, " ");
}

const here = () =>
  examine({
    variables: {
      ...door.fakes.env,
      ADMIN_TOKEN: door.adminToken,
      ENCRYPTION_KEY: testKeyOf("seven"),
      KLEIS_DATA_DIR: door.folder,
    },
    fetch: nodeFetch,
  });
const fromOutside = () => lookAtDeployment(nodeFetch, clock, door.url, door.adminToken);
const ofAccounts = (findings: readonly Finding[]) =>
  report(findings.filter(({ area }) => area === "accounts"));

const messageOf = ({ json }: WireAnswer) => (json as { error: { message: string } }).error.message;

/** By provider: what is refused, as which class, with which of the provider's words, and what the owner reads. */
const CASES: readonly [Name, CodexError | ClaudeError | CopilotError, string, string, RegExp, boolean][] = [
  ["codex", "error:404-model", "version_gate", "Model not found gpt-6-sol", /CODEX_CLIENT_VERSION/, true],
  [
    "codex",
    "error:400-newer-version",
    "version_gate",
    "requires a newer version of Codex",
    /CODEX_CLIENT_VERSION/,
    true,
  ],
  ["codex", "error:403-identity", "identity", "This client is not allowed", /API key/, true],
  ["codex", "error:400-plan-model", "plan", "is not supported when using Codex", /API key/, false],
  ["codex", "error:401-deactivated", "policy", "has been deactivated", /support/, false],
  ["codex", "error:429", "limit", "The usage limit has been reached", /reset/, false],
  [
    "claude",
    "error:claude-code-only",
    "identity",
    "only authorized for use with Claude Code",
    /CLAUDE_USER_AGENT/,
    true,
  ],
  [
    "claude",
    "error:401-unsupported",
    "identity",
    "OAuth authentication is currently not supported",
    /CLAUDE_USER_AGENT/,
    true,
  ],
  ["claude", "error:third-party", "metering", "Third-party apps now draw", /usage credits/, false],
  ["claude", "error:400-disabled", "policy", "This organization has been disabled", /administrator/, false],
  ["claude", "error:404", "plan", "model: claude-none", /\/claude\/v1\/models/, false],
  [
    "copilot",
    "error:model-not-supported",
    "plan",
    "The requested model is not supported",
    /COPILOT_CLIENT_ID/,
    false,
  ],
  ["copilot", "error:466", "identity", "client is not supported", /update Kleis/, true],
  ["copilot", "error:403-policy", "policy", "Access denied by policy settings", /administrator/, false],
  // Of no known window, but for 58 hours.
  ["copilot", "error:429", "limit", "you have exceeded your rate limit", /window to reset/, false],
  ["copilot", "error:402", "limit", "You have no quota", /settings\/copilot/, false],
];

const ERRORS: Record<Name, Record<string, (now: number) => Reply>> = {
  claude: CLAUDE_ERRORS,
  codex: CODEX_ERRORS,
  copilot: COPILOT_ERRORS,
};

describe.each(CASES)("%s, %s", (name, error, expected, words, advice, isTold) => {
  const fake = () => door.fakes[name];

  test(`is ${expected} to the log, the client, the owner and the doctor, until one succeeds`, async () => {
    fake().always(ERRORS[name][error]?.(Date.now()) ?? { status: 500 });
    const before = fake().inference.length;
    const answer = await ask(name);

    const status = ERRORS[name][error]?.(0).status;
    expect(answer.status).toBe(status);
    const message = messageOf(answer);
    expect(message).toContain(words);
    expect(message.includes(` [Kleis: ${expected.replace("_", " ")}. `)).toBe(isTold);
    if (isTold) expect(message).toMatch(advice);
    // Sent once: nothing is renewed, moved or sent again around it.
    expect(fake().inference.length - before).toBe(1);

    const [line] = lines();
    expect(line).toMatchObject({ status, outcome: "provider_error", refusal: expected });
    expect(line?.refusal_words).toContain(words);
    expect(JSON.stringify(line)).not.toContain("advice");

    const noted = await shown(name);
    expect(noted).toMatchObject({ class: expected, words: expect.stringContaining(words) });
    expect(noted?.advice).toMatch(advice);
    expect(Math.abs(Date.now() - (noted?.at ?? 0))).toBeLessThan(60_000);
    expect(await shown(name, beside)).toEqual(noted);

    const page = await card(name);
    expect(page).toContain(noted?.summary);
    expect(page).toContain(words);
    expect(page).toMatch(advice);
    expect(page).toContain("Last refused");
    for (const findings of [await here(), await fromOutside()]) {
      expect(ofAccounts(findings)).toContain(noted?.summary);
      expect(ofAccounts(findings)).toContain(words);
      expect(ofAccounts(findings)).toMatch(advice);
    }

    fake().always();
    await door.uncool();
    expect((await ask(name)).status).toBe(200);
    expect(await shown(name)).toBeNull();
    expect(await shown(name, beside)).toBeNull();
    expect(await card(name)).not.toContain("Last refused");
    expect(lines().at(-1)).not.toHaveProperty("refusal");
  });
});

test("what passes by itself, and what is the request's own fault, is in the log and not beside the account", async () => {
  for (const [name, error, expected] of [
    ["codex", "error:overloaded", "overload"],
    ["codex", "error:rate-limit", "limit"],
    ["codex", "error:context-length", "content"],
    ["claude", "error:529", "overload"],
    ["claude", "error:too-long", "content"],
    ["copilot", "error:502", "overload"],
  ] as const) {
    door.fakes[name].always(ERRORS[name][error]?.(Date.now()) ?? { status: 500 });
    await ask(name);
    expect([error, lines().at(-1)?.refusal]).toEqual([error, expected]);
    // Content is refused by quoting it.
    expect(lines().at(-1)).toHaveProperty(expected === "content" ? "refusal_code" : "refusal_words");
    if (expected === "content") expect(lines().at(-1)).not.toHaveProperty("refusal_words");
    expect([error, await shown(name)]).toEqual([error, null]);
    door.fakes[name].always();
  }
});

test("a gate of one model stays noted while other models and token counts answer", async () => {
  door.fakes.codex.script("error:404-model");
  expect((await ask("codex")).status).toBe(404);
  expect((await ask("codex", { model: "gpt-5.4" })).status).toBe(200);
  expect(await shown("codex")).toMatchObject({ class: "version_gate", model: "gpt-5.5" });
  expect((await ask("codex")).status).toBe(200);
  expect(await shown("codex")).toBeNull();

  door.fakes.claude.script("error:claude-code-only");
  expect((await ask("claude")).status).toBe(400);
  const { path, body } = OPERATIONS.count_tokens;
  const counted = await wire(`${door.url}/claude${path}`, { headers: { "x-api-key": key }, body });
  expect(counted.status).toBe(200);
  expect(await shown("claude")).toMatchObject({ class: "identity" });
  expect((await ask("claude", { stream: true })).status).toBe(200);
  expect(await shown("claude")).toBeNull();
});

test("an error event in a stream that has begun is named, and reaches the client as it came", async () => {
  const failed = {
    type: "response.failed",
    sequence_number: 2,
    response: {
      id: "resp_1",
      status: "failed",
      error: { code: "usage_not_included", message: "Your plan has no Codex." },
    },
  };
  const body = `event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`;
  const reply = { status: 200, headers: { "content-type": "text/event-stream" }, body };
  for (const stream of [true, false]) {
    door.fakes.codex.script(reply);
    const answer = await ask("codex", { stream });
    if (stream) expect(answer.text).toBe(body);
    else expect(messageOf(answer)).toBe("Your plan has no Codex.");
    expect(lines().at(-1)).toMatchObject({ refusal: "plan", refusal_words: "Your plan has no Codex." });
    expect(await shown("codex")).toMatchObject({ class: "plan", words: "Your plan has no Codex." });
    expect((await ask("codex", { stream })).status).toBe(200);
    expect(await shown("codex")).toBeNull();
  }
  door.fakes.claude.script({
    status: 200,
    headers: { "content-type": "text/event-stream" },
    body: `event: error\ndata: ${JSON.stringify({ type: "error", error: { type: "permission_error", message: "Not for you." } })}\n\n`,
  });
  expect((await ask("claude", { stream: true })).text).toContain("Not for you.");
  expect(lines().at(-1)).toMatchObject({ refusal: "policy", refusal_words: "Not for you." });
  expect(await shown("claude")).toMatchObject({ class: "policy" });
  await ask("claude");
});

test("a page of something in between is the network's refusal, whatever its status", async () => {
  for (const [name, status] of [
    ["claude", 403],
    ["copilot", 403],
    ["copilot", 200],
    ["claude", 511],
  ] as const) {
    door.fakes[name].script({
      status,
      headers: { "content-type": "text/html" },
      body: "<!doctype html><title>Blocked by your company</title>",
    });
    const answer = await ask(name);
    expect(answer.status).toBe(status === 200 ? 502 : status);
    expect(answer.text).not.toContain("Blocked by");
    if (status === 403) expect(messageOf(answer)).toMatch(/\[Kleis: network\. .*HTTPS_PROXY/);
    expect(lines().at(-1)).toMatchObject({ refusal: "network" });
    // A bad gateway passes; what filters the network does not.
    if (status < 500) expect(await shown(name)).toMatchObject({ class: "network", words: null });
    expect((await ask(name)).status).toBe(200);
    expect(await shown(name)).toBeNull();
  }
  door.fakes.codex.script("error:html403");
  expect(messageOf(await ask("codex"))).toMatch(/network protection(?!.*\[Kleis)/);
  expect(await shown("codex")).toMatchObject({
    class: "network",
    advice: expect.stringContaining("CODEX_API_URL"),
  });
  await ask("codex");
});

test("words that hold a secret, line ends or no end are shown without them", async () => {
  const [{ token = "" } = {}] = door.fakes.copilot.tokens.list();
  door.fakes.copilot.script({
    status: 403,
    headers: { "content-type": "text/plain" },
    body: `Denied by policy\r\n\t to ${token} and sk-ant-oat01-${"x".repeat(40)}: ${"long ".repeat(500)}`,
  });
  await ask("copilot");
  const noted = await shown("copilot");
  expect(noted?.words).toMatch(/^Denied by policy to \[hidden\] and \[hidden\]: long .*…$/);
  expect(noted?.words?.length).toBeLessThan(310);
  expect(lines().at(-1)?.refusal_words).toBe(noted?.words);
  expect(await card("copilot")).not.toContain(token);
  await ask("copilot");
});
