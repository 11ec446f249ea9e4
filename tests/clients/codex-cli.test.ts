/** The Codex CLI as it asks: its classic body, and the newer one that carries tools and instructions in its input. */
import { zstdCompressSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { wire } from "../http/wire.ts";
import { connectAll, connectKeys, type Door, openDoor } from "../support/door.ts";
import {
  type Dict,
  expectNothingLeaked,
  expectStream,
  NEVER_LEAVING,
  readFixture,
  sendAs,
} from "./fixture.ts";

const SESSION = "019a0c1e-7f3d-7bb2-9d51-2f6f0b9a6c01";

/** As client 0.156 sends them to a provider with `env_key`. */
const HEADERS = {
  authorization: "Bearer $KEY",
  accept: "text/event-stream",
  "content-type": "application/json",
  originator: "codex_cli_rs",
  "user-agent": "codex_cli_rs/0.156.0 (Debian 13.0.0; x86_64) xterm",
  version: "0.156.0",
  "session-id": SESSION,
  "thread-id": SESSION,
  "x-client-request-id": SESSION,
  "x-codex-window-id": `${SESSION}:0`,
  "x-codex-installation-id": "b6a1f0e2-7c1d-4f6a-8e55-0d9a1c2b3e4f",
  "x-codex-turn-metadata": '{"turn_id":"1","sandbox":"seatbelt"}',
  "x-codex-beta-features": "some_feature",
};
const LITE = "x-openai-internal-codex-responses-lite";
const PATH = "/v1/responses";
const CLASSIC = readFixture("codex-classic.body.json");
const NEWER = readFixture("codex-lite.body.json");

let door: Door;
let key: string;

beforeAll(async () => {
  door = await openDoor();
  await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());
afterEach(() => expect(door.fakes.violations()).toEqual([]));

/** The bytes that are to arrive: the client's, with the session replaced by the one of this key and account. */
function withSession(bytes: Buffer, session: unknown): string {
  const [before, after] = bytes.toString().split(`"prompt_cache_key": "${SESSION}"`);
  return `${before}"prompt_cache_key": ${JSON.stringify(session)}${after}`;
}

describe.each([
  ["its classic body", CLASSIC, HEADERS],
  ["its newer body, without tools and instructions", NEWER, { ...HEADERS, [LITE]: "true" }],
])("%s", (_name, bytes, headers) => {
  test("arrives whole, but for the session that it belongs to", async () => {
    const answer = await sendAs(door, key, PATH, headers, bytes);
    expectStream(answer, PATH);
    const recorded = door.fakes.codex.last();
    const { prompt_cache_key } = recorded.json as Dict;
    // Of the client's UUIDv7 the time stays.
    expect(prompt_cache_key).toMatch(/^019a0c1e-7f3d-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(prompt_cache_key).not.toBe(SESSION);
    expect(recorded.body.toString()).toBe(withSession(bytes, prompt_cache_key));
    expect(answer.headers["x-kleis-changes"]).toBe("codex-cache-key");
    expect(recorded.headers["session-id"]).toBe(prompt_cache_key);
    expectNothingLeaked(recorded, key);
  });

  test("goes up under Kleis's own name, without the CLI's telemetry", async () => {
    await sendAs(door, key, PATH, headers, bytes);
    const { headers: sent } = door.fakes.codex.last();
    expect(sent).toMatchObject({ originator: "kleis", accept: "text/event-stream" });
    expect(sent["user-agent"]).toMatch(/^kleis\//);
    expect(JSON.stringify(sent)).not.toContain(SESSION);
    for (const name of ["version", "thread-id", "x-codex-window-id", "x-codex-turn-metadata"]) {
      expect([name, sent[name]]).toEqual([name, undefined]);
    }
    // The header that marks the newer body travels with it, and only with it.
    expect(sent[LITE]).toBe((headers as Record<string, string>)[LITE]);
  });

  test("keeps its session from turn to turn, and shares it with no other key", async () => {
    const sessionOf = async (secret: string) => {
      await sendAs(door, secret, PATH, headers, bytes);
      return (door.fakes.codex.last().json as Dict).prompt_cache_key;
    };
    const first = await sessionOf(key);
    expect(await sessionOf(key)).toBe(first);
    expect(await sessionOf(await door.key())).not.toBe(first);
  });

  test("packed with zstd arrives just so", async () => {
    const packed = zstdCompressSync(bytes);
    const answer = await sendAs(door, key, PATH, { ...headers, "content-encoding": "zstd" }, packed);
    expectStream(answer, PATH);
    const recorded = door.fakes.codex.last();
    expect(recorded.body.toString()).toBe(withSession(bytes, (recorded.json as Dict).prompt_cache_key));
    expect(recorded.headers["content-encoding"]).toBeUndefined();
  });
});

test("its newer body reaches an OpenAI API key with the header that belongs to it, byte for byte", async () => {
  const { openaiKey } = await connectKeys(door);
  const scoped = await door.key({ accounts: [openaiKey] });
  const answer = await sendAs(door, scoped, PATH, { ...HEADERS, [LITE]: "true" }, NEWER);
  expectStream(answer, PATH);
  const recorded = door.fakes.codex.last();
  expect(recorded.path).toBe("/v1/responses");
  expect(recorded.headers[LITE]).toBe("true");
  expect(recorded.body.equals(NEWER)).toBe(true);
  expectNothingLeaked(recorded, scoped);
});

test("a custom tool call of the newer body comes back with its namespace", async () => {
  door.fakes.codex.script("custom-tool");
  const events = expectStream(await sendAs(door, key, PATH, { ...HEADERS, [LITE]: "true" }, NEWER), PATH);
  const calls = events
    .map((event) => (event as Dict).item as Dict | undefined)
    .filter((item) => item?.type === "custom_tool_call");
  expect(calls.length).toBeGreaterThan(0);
  for (const call of calls) expect(call).toMatchObject({ name: "apply_patch", namespace: "files" });
});

test("what it reads of a plan's limits and its turn state comes back, and the turn state goes up again", async () => {
  const first = await sendAs(door, key, PATH, HEADERS, CLASSIC);
  expect(first.headers["x-codex-primary-used-percent"]).toBe("12");
  expect(first.headers["x-codex-plan-type"]).toBe("plus");
  const turn = String(first.headers["x-codex-turn-state"]);
  expectStream(await sendAs(door, key, PATH, { ...HEADERS, "x-codex-turn-state": turn }, CLASSIC), PATH);
  const returned = String(door.fakes.codex.last().headers["x-codex-turn-state"]);
  expect(returned).toMatch(/^turn-/);
  expect(turn).toBe(`${first.headers["x-kleis-account"]}.${returned}`);
});

test("a used-up plan stops it at once: the words, the type and the reset time are the backend's", async () => {
  door.fakes.codex.script("error:429");
  const answer = await sendAs(door, key, PATH, HEADERS, CLASSIC);
  expect(answer.status).toBe(429);
  expect(answer.json).toMatchObject({
    error: { type: "usage_limit_reached", resets_at: expect.any(Number) },
  });
  await door.uncool();
});

describe("what it asks beside", () => {
  test("its websocket is refused with 426 before any other answer, and the POST after it works", async () => {
    const upgrade = {
      ...NEVER_LEAVING,
      authorization: `Bearer ${key}`,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "a2xlaXMta2xlaXMta2xlaQ==",
      "openai-beta": "responses_websockets=2026-02-06",
    };
    const before = door.fakes.codex.requests.length;
    expect((await wire(door.url + PATH, { method: "GET", headers: upgrade })).status).toBe(426);
    expect(door.fakes.codex.requests.length).toBe(before);
    expectStream(await sendAs(door, key, PATH, HEADERS, CLASSIC), PATH);
  });

  test("its models list has the shape that it reads, with every field that it cannot do without", async () => {
    const answer = await wire(`${door.url}/v1/models?client_version=0.155.0`, {
      method: "GET",
      headers: { authorization: `Bearer ${key}` },
    });
    const { models } = answer.json as { models: Dict[] };
    const model = models.find(({ slug }) => slug === "gpt-5.5");
    expect(model).toMatchObject({ slug: "gpt-5.5", visibility: "list", supported_in_api: true });
    for (const name of ["display_name", "supported_reasoning_levels", "shell_type", "truncation_policy"]) {
      expect(Object.keys(model ?? {})).toContain(name);
    }
  });
});
