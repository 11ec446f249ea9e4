/** Claude Code as it asks: what it sends to Claude arrives as the very bytes, whichever account answers. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { wire } from "../http/wire.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import {
  type Dict,
  expectNothingLeaked,
  expectStream,
  NEVER_LEAVING,
  readFixture,
  sendAs,
} from "./fixture.ts";

const BETAS =
  "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,advanced-tool-use-2025-11-20,effort-2025-11-24,never-heard-of-2027-01-01";

/** As client 2.1.284 sends them with ANTHROPIC_AUTH_TOKEN set. */
const HEADERS = {
  accept: "application/json",
  authorization: "Bearer $KEY",
  "content-type": "application/json",
  "user-agent": "claude-cli/2.1.284 (external, cli)",
  "x-app": "cli",
  "anthropic-version": "2023-06-01",
  "anthropic-beta": BETAS,
  "anthropic-dangerous-direct-browser-access": "true",
  "x-claude-code-session-id": "6f1d3a52-0d5c-4a0e-9b62-4f7f3c8f6f01",
  "accept-encoding": "gzip, deflate, br, zstd",
};
const PATH = "/v1/messages?beta=true";
const MAIN = readFixture("claude-code.body.json");
const OLDER = readFixture("claude-code-older.body.json");

let door: Door;
let key: string;
/** Of the API-key account alone. */
let consoleKey: string;

beforeAll(async () => {
  door = await openDoor();
  const { claude, copilot } = await connectAll(door);
  key = await door.key({ accounts: [claude, copilot] });
  const api_key = door.fakes.claude.issueApiKey();
  consoleKey = await door.key({
    accounts: [await door.account({ provider: "claude", kind: "api_key", api_key })],
  });
});
afterAll(() => door.close());
afterEach(() => expect(door.fakes.violations()).toEqual([]));

describe("with a subscription", () => {
  test.each([
    ["a turn of a newer client, with its billing line first", MAIN],
    ["a side question of an older one", OLDER],
  ])("%s arrives byte for byte, only the authorization is another", async (_name, bytes) => {
    const answer = await sendAs(door, key, PATH, HEADERS, bytes);
    expectStream(answer, PATH);
    const recorded = door.fakes.claude.last();
    expect(recorded.body.equals(bytes)).toBe(true);
    expect(answer.headers["x-kleis-changes"]).toBe("none");

    expectNothingLeaked(recorded, key);
    expect(recorded.query.toString()).toBe("beta=true");
    expect(recorded.headers).toMatchObject({
      "anthropic-beta": `oauth-2025-04-20,${BETAS}`,
      "anthropic-version": HEADERS["anthropic-version"],
      "user-agent": HEADERS["user-agent"],
      "x-app": "cli",
      accept: "application/json",
      "content-length": String(bytes.length),
    });
    expect(recorded.headers["x-api-key"]).toBeUndefined();
  });

  test("its billing line alone tells who asks, where a gateway before Kleis has put its own name", async () => {
    const answer = await sendAs(door, key, PATH, { ...HEADERS, "user-agent": "some-gateway/3.1" }, MAIN);
    expectStream(answer, PATH);
    expect(door.fakes.claude.last().body.equals(MAIN)).toBe(true);
    expect(answer.headers["x-kleis-changes"]).toBe("none");
  });

  test("a model under a prefix changes in its own bytes and nowhere else", async () => {
    const [before, after] = [`"claude-sonnet-5"`, `"claude/claude-sonnet-5"`];
    const bytes = Buffer.from(MAIN.toString().replace(before, after));
    expect(bytes.equals(MAIN)).toBe(false);
    const answer = await sendAs(door, key, PATH, HEADERS, bytes);
    const events = expectStream(answer, PATH);
    expect(door.fakes.claude.last().body.equals(MAIN)).toBe(true);
    expect(answer.headers["x-kleis-changes"]).toBe("model-prefix");
    // The answer speaks of the model by the name that was asked for.
    expect(events[0]).toMatchObject({ message: { model: "claude/claude-sonnet-5" } });
  });

  test("a turn with tools: the answer's names and thinking come back untouched, and go up again the same", async () => {
    door.fakes.claude.script("thinking-tool");
    const events = expectStream(await sendAs(door, key, PATH, HEADERS, MAIN), PATH) as Dict[];
    const { name, id } = events
      .map(({ content_block }) => content_block as Dict)
      .find((b) => b?.type === "tool_use")!;
    expect(name).toBe("Read");
    const deltas = events.map(({ delta }) => delta as Dict | undefined);
    const thinking = deltas.map((delta) => delta?.thinking ?? "").join("");
    const signature = deltas.map((delta) => delta?.signature ?? "").join("");
    expect(signature).not.toBe("");

    // The fake refuses a signature that does not belong to its thinking.
    const body = JSON.parse(MAIN.toString()) as Dict & { messages: Dict[] };
    body.messages.push(
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking, signature },
          { type: "tool_use", id, name, input: { file_path: "a" } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "gone", is_error: true }] },
    );
    const bytes = Buffer.from(JSON.stringify(body));
    expectStream(await sendAs(door, key, PATH, HEADERS, bytes), PATH);
    expect(door.fakes.claude.last().body.equals(bytes)).toBe(true);
  });

  test("after a broken stream it asks again without one, and gets one JSON answer", async () => {
    door.fakes.claude.script({ scenario: "text", cutAfterEvents: 3 });
    const cut = await sendAs(door, key, PATH, HEADERS, MAIN);
    expect(cut.text).toMatch(/event: error\ndata: \{"type":"error"/);
    const whole = Buffer.from(MAIN.toString().replace('"stream": true', '"stream": false'));
    const answer = await sendAs(door, key, PATH, HEADERS, whole);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ type: "message", role: "assistant", stop_reason: "end_turn" });
    expect(door.fakes.claude.last().body.equals(whole)).toBe(true);
  });

  test("many token counts at once are answered, each with its own", async () => {
    const { max_tokens, stream, metadata, ...rest } = JSON.parse(MAIN.toString()) as Dict & {
      messages: Dict[];
    };
    const answers = await Promise.all(
      Array.from({ length: 35 }, async (_, at) => {
        const question = { role: "user", content: "x".repeat(at * 400) };
        const body = JSON.stringify({ ...rest, messages: [question] });
        const answer = await sendAs(door, key, "/v1/messages/count_tokens?beta=true", HEADERS, body);
        expect(answer.headers["x-kleis-changes"]).toBe("none");
        return (answer.json as { input_tokens: number }).input_tokens;
      }),
    );
    expect(answers).toEqual(answers.toSorted((a, b) => a - b));
    expect(new Set(answers).size).toBe(35);
  });
});

describe("with an API key", () => {
  test("everything arrives as it was sent: body, query, betas; and no identity or beta is added", async () => {
    for (const [path, beta] of [
      [PATH, BETAS],
      ["/v1/messages", undefined],
    ] as const) {
      const { "anthropic-beta": _, ...plain } = HEADERS;
      const headers = beta === undefined ? plain : HEADERS;
      // Without its beta this field would be refused by the API itself.
      const bytes = beta === undefined ? OLDER : MAIN;
      const answer = await sendAs(door, consoleKey, path, headers, bytes);
      expectStream(answer, path);
      const recorded = door.fakes.claude.last();
      expect(recorded.body.equals(bytes)).toBe(true);
      expect(recorded.headers["anthropic-beta"]).toBe(beta);
      expect(recorded.query.toString()).toBe(beta === undefined ? "" : "beta=true");
      expect(recorded.headers.authorization).toBeUndefined();
      expect(answer.headers["x-kleis-changes"]).toBe("none");
      expectNothingLeaked(recorded, consoleKey);
    }
  });
});

test("on Copilot its older form goes through, with the betas that Copilot knows", async () => {
  const bytes = Buffer.from(OLDER.toString().replace("claude-haiku-4-5", "claude-haiku-4.5"));
  const answer = await sendAs(door, key, "/copilot/v1/messages?beta=true", HEADERS, bytes);
  expectStream(answer, PATH);
  const recorded = door.fakes.copilot.last();
  expect(recorded.body.equals(bytes)).toBe(true);
  expect(answer.headers["x-kleis-changes"]).toBe("none");
  expect(recorded.headers["anthropic-beta"]).toBe(
    "interleaved-thinking-2025-05-14,context-management-2025-06-27,advanced-tool-use-2025-11-20",
  );
  expectNothingLeaked(recorded, key);
});

describe("what it asks beside", () => {
  test("its probe needs no key and is answered without a redirect", async () => {
    const answer = await wire(`${door.url}/api/hello`, { method: "HEAD", headers: NEVER_LEAVING });
    expect(answer.status).toBe(200);
  });

  test("its model discovery finds Claude models with a name to show", async () => {
    for (const headers of [{ authorization: `Bearer ${key}` }, { "x-api-key": key }] as Record<
      string,
      string
    >[]) {
      const answer = await wire(`${door.url}/v1/models?limit=1000`, {
        method: "GET",
        headers: { ...headers, "anthropic-version": "2023-06-01" },
      });
      expect(answer.status).toBe(200);
      const { data } = answer.json as { data: { id: string; display_name: string }[] };
      const found = data.filter(({ id }) => /claude|anthropic/.test(id));
      expect(found.map(({ id }) => id)).toContain("claude-sonnet-5");
      for (const { display_name } of found) expect(display_name).toMatch(/\S/);
    }
  });
});
