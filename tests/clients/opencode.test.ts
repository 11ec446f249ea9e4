/** Three generations of OpenCode against all three providers: titles, chats and tool turns as they send them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { FakeClaude, FakeCodex, FakeCopilot, RecordedRequest } from "../fakes/index.ts";
import type { WireAnswer } from "../http/wire.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import {
  type AgentRequest,
  type Dict,
  expectNothingLeaked,
  expectStream,
  readRequests,
  sendAs,
} from "./fixture.ts";

const IDENTITY = "You are Claude Code, Anthropic's official CLI for Claude.";
const CANONICAL: Record<string, string> = {
  bash: "Bash",
  read: "Read",
  skill: "Skill",
  todowrite: "TodoWrite",
};
const upstreamName = (name: string) => CANONICAL[name] ?? `mcp_${name}`;
const upstreamText = (text: string) =>
  text.replaceAll("OpenCode", "Claude Code").replace(/(?<!\/)opencode/g, "Claude");

let door: Door;
let key: string;

beforeAll(async () => {
  door = await openDoor();
  await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());
afterEach(() => expect(door.fakes.violations()).toEqual([]));

const providerOf = ({ path }: AgentRequest) => path.split("/")[1] as "claude" | "codex" | "copilot";
const fakeOf = (request: AgentRequest): FakeClaude | FakeCodex | FakeCopilot =>
  door.fakes[providerOf(request)];
const changesOf = ({ headers }: WireAnswer) => String(headers["x-kleis-changes"]).split(",").sort();
const without = (body: Dict, ...names: string[]) =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
const dicts = (value: unknown) => value as Dict[];

async function ask(
  request: AgentRequest,
): Promise<{ answer: WireAnswer; recorded: RecordedRequest; sent: Dict }> {
  const answer = await sendAs(door, key, request.path, request.headers, request.body);
  expectStream(answer, request.path);
  const recorded = fakeOf(request).last();
  expectNothingLeaked(recorded, key);
  expect(answer.headers["x-kleis-provider"]).toBe(providerOf(request));
  return { answer, recorded, sent: recorded.json as Dict };
}

describe.each(["1.18.33", "1.17.0", "1.2.11"])("OpenCode %s", (version) => {
  const requests = readRequests(`opencode-${version}.json`);
  const to = (start: string) =>
    requests
      .filter(({ path }) => path.startsWith(start))
      .map((request) => [request.purpose, request] as const);

  test.each(to("/codex/v1/responses"))(
    "on Codex, %s: the backend gets what it takes, and all of it",
    async (_, request) => {
      const { answer, recorded, sent } = await ask(request);
      const { body } = request;
      const [prompt, ...turns] = dicts(body.input);
      expect(sent.instructions).toBe(prompt?.content);
      expect(dicts(sent.input)).toEqual(turns.map((item) => without(item, "id")));
      const own = ["instructions", "input", "max_output_tokens", "prompt_cache_key"];
      expect(without(sent, ...own)).toEqual(without(body, ...own));

      expect(sent.prompt_cache_key).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(recorded.headers["session-id"]).toBe(sent.prompt_cache_key);
      expect(changesOf(answer)).toEqual(
        [
          "codex-fields",
          "codex-instructions",
          "codex-cache-key",
          ...(request.purpose === "tool turn" ? ["codex-item-ids"] : []),
        ].sort(),
      );
    },
  );

  test.each(to("/claude/v1/messages"))(
    "on Claude, %s: a subscription's form, and back again",
    async (_, request) => {
      const { answer, recorded, sent } = await ask(request);
      const { body } = request;
      const [system] = dicts(body.system);
      const text = String(system?.text);
      expect(sent.system).toEqual([
        { type: "text", text: IDENTITY },
        { ...system, text: upstreamText(text) },
      ]);
      expect(text).not.toBe(upstreamText(text));
      const tools = (list: unknown) =>
        list === undefined
          ? undefined
          : dicts(list).map((tool) => ({ ...tool, name: upstreamName(String(tool.name)) }));
      expect(sent.tools).toEqual(tools(body.tools));
      const own = ["system", "tools", "messages"];
      expect(without(sent, ...own)).toEqual(without(body, ...own));
      expect(sent.messages).toEqual(renamed(body.messages));

      expect(recorded.query.get("beta")).toBe("true");
      const asked = request.headers["anthropic-beta"];
      const required = "oauth-2025-04-20,interleaved-thinking-2025-05-14";
      expect(recorded.headers["anthropic-beta"]).toBe(
        asked === undefined ? required : `${required},${asked}`,
      );
      expect(recorded.headers["x-api-key"]).toBeUndefined();
      expect(changesOf(answer)).toEqual(
        [
          "claude-identity",
          "claude-system-text",
          "claude-user-agent",
          ...(body.tools === undefined ? [] : ["claude-tool-names"]),
        ].sort(),
      );
    },
  );

  test.each(to("/copilot/v1/chat/completions"))(
    "on Copilot chat, %s: only usage is asked for",
    async (_, request) => {
      const { answer, recorded, sent } = await ask(request);
      const usage = { include_usage: true };
      expect(sent).toEqual({ ...request.body, stream_options: usage });
      expect(changesOf(answer)).toEqual([
        request.body.stream_options === undefined ? "copilot-usage" : "none",
      ]);
      expect(recorded.headers["x-initiator"]).toBe(request.purpose === "tool turn" ? "agent" : "user");
    },
  );

  test.each(to("/copilot/v1/responses"))(
    "on Copilot responses, %s: at most the item ids go",
    async (_, request) => {
      const { answer, recorded, sent } = await ask(request);
      const input = dicts(request.body.input).map((item) => without(item, "id"));
      expect(sent).toEqual({ ...request.body, input });
      expect(changesOf(answer)).toEqual([request.purpose === "tool turn" ? "copilot-item-ids" : "none"]);
      expect(recorded.headers["x-initiator"]).toBe(request.purpose === "tool turn" ? "agent" : "user");
    },
  );

  test.each(to("/copilot/v1/messages"))(
    "on Copilot messages, %s: only what it refuses goes",
    async (_, request) => {
      const { answer, recorded, sent } = await ask(request);
      const tools = dicts(request.body.tools ?? []).map((tool) => ({
        ...without(tool, "eager_input_streaming"),
        input_schema: without(tool.input_schema as Dict, "$schema"),
      }));
      expect(sent).toEqual({ ...request.body, ...(tools.length > 0 ? { tools } : {}) });
      expect(changesOf(answer)).toEqual([tools.length > 0 ? "copilot-fields" : "none"]);
      expect(recorded.headers["anthropic-beta"]).toBe("interleaved-thinking-2025-05-14");
      expect(recorded.headers["x-initiator"]).toBe(request.purpose === "tool turn" ? "agent" : "user");
    },
  );
});

describe("an answer that calls OpenCode's tools", () => {
  const requests = readRequests("opencode-1.18.33.json");
  const chatOn = (path: string) =>
    requests.find((request) => request.purpose === "chat" && request.path === path)!;

  test("names them on Claude as OpenCode declared them", async () => {
    const request = chatOn("/claude/v1/messages");
    door.fakes.claude.script("parallel-tools");
    const { answer, sent } = await ask(request);
    const names = expectStream(answer, request.path)
      .map((event) => (event as { content_block?: Dict }).content_block)
      .flatMap((block) => (block?.type === "tool_use" ? [block.name] : []));
    const declared = dicts(request.body.tools).map(({ name }) => name);
    expect(names).toEqual(declared.slice(0, 2));
    // Upstream they had other names.
    expect(dicts(sent.tools).map(({ name }) => name)).not.toEqual(declared);
  });

  test("gives each call on Copilot chat an index of its own", async () => {
    const request = chatOn("/copilot/v1/chat/completions");
    door.fakes.copilot.script({ scenario: "parallel-tools", sharedIndex: true });
    const { answer } = await ask(request);
    const calls = expectStream(answer, request.path)
      .filter((event) => typeof event !== "string")
      .flatMap((chunk) =>
        dicts(chunk.choices).flatMap(({ delta }) => dicts((delta as Dict).tool_calls ?? [])),
      );
    const opened = calls.filter((call) => (call.function as Dict).name !== undefined);
    expect(opened.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("keeps one id per item on Copilot responses", async () => {
    const request = chatOn("/copilot/v1/responses");
    door.fakes.copilot.script("parallel-tools");
    const { answer } = await ask(request);
    const ids = new Map<unknown, Set<unknown>>();
    for (const event of expectStream(answer, request.path)) {
      if (typeof event === "string" || event.output_index === undefined) continue;
      const id = event.item_id ?? (event.item as Dict | undefined)?.id;
      ids.set(event.output_index, (ids.get(event.output_index) ?? new Set()).add(id));
    }
    expect(ids.size).toBe(2);
    for (const seen of ids.values()) expect(seen.size).toBe(1);
  });
});

/** Messages with the tool names of their calls as they stand upstream. */
function renamed(messages: unknown): Dict[] {
  return dicts(messages).map((message) => ({
    ...message,
    content: dicts(message.content).map((block) =>
      block.type === "tool_use" ? { ...block, name: upstreamName(String(block.name)) } : block,
    ),
  }));
}
