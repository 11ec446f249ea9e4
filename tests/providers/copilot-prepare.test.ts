import { describe, expect, test } from "vitest";
import type { Operation } from "../../src/protocols/protocol.ts";
import { USER_AGENT } from "../../src/version.ts";
import { prepared, TOKEN } from "./copilot-setup.ts";

const CLIENT = {
  authorization: "Bearer kleis_client",
  "x-api-key": "kleis_client",
  cookie: "session=1",
  "user-agent": "opencode/1.18.33",
  "x-forwarded-for": "203.0.113.7",
  "cf-ray": "1",
  "x-stainless-lang": "js",
  "openai-organization": "org",
  "chatgpt-account-id": "1",
  "editor-version": "vscode/1.107.0",
  "copilot-integration-id": "vscode-chat",
  "accept-encoding": "gzip, br, zstd",
  accept: "*/*",
  "content-type": "application/json; charset=utf-8",
  "x-session-id": "ses_example",
};

const SENT = {
  authorization: `Bearer ${TOKEN}`,
  "content-type": "application/json",
  accept: "text/event-stream",
  "accept-encoding": "identity",
  "user-agent": USER_AGENT,
  "openai-intent": "conversation-edits",
  "x-initiator": "user",
  "x-github-api-version": "2026-06-01",
};

describe("a request to Copilot", () => {
  test.each<[Operation, string]>([
    ["chat", "https://api.githubcopilot.com/chat/completions"],
    ["responses", "https://api.githubcopilot.com/responses"],
    ["messages", "https://api.githubcopilot.com/v1/messages"],
    ["count_tokens", "https://api.githubcopilot.com/v1/messages/count_tokens"],
  ])("%s goes to %s, without the client's query", async (operation, url) => {
    expect((await prepared({ model: "m" }, { operation, query: "beta=true" })).url).toBe(url);
  });

  test("carries exactly the chosen headers and nothing else of the client's", async () => {
    const body = { stream: true, messages: [{ role: "user", content: "hi" }] };
    const request = await prepared(body, {
      headers: { ...CLIENT, "anthropic-beta": "x", "anthropic-version": "y" },
    });
    expect(Object.fromEntries(request.headers)).toEqual(SENT);
    expect(request.streams).toBe(true);
  });

  test("asks for JSON when the client does not stream", async () => {
    const request = await prepared({ messages: [] });
    expect(request.headers.get("accept")).toBe("application/json");
    expect(request.streams).toBe(false);
    expect((await prepared({ stream: true }, { operation: "count_tokens" })).streams).toBe(false);
  });

  test("on messages carries the version and the betas that the backend takes, thinking always", async () => {
    const headers = {
      ...CLIENT,
      "anthropic-version": "2026-10-21",
      "anthropic-beta":
        "claude-code-20250219, oauth-2025-04-20,context-management-2025-06-27,fine-grained-tool-streaming-2025-05-14," +
        "context-1m-2025-08-07, advanced-tool-use-2025-11-20,interleaved-thinking-2025-05-14,prompt-caching-2024-07-31",
    };
    const request = await prepared({ stream: true }, { operation: "messages", headers });
    expect(Object.fromEntries(request.headers)).toEqual({
      ...SENT,
      "anthropic-version": "2026-10-21",
      "anthropic-beta":
        "interleaved-thinking-2025-05-14,context-management-2025-06-27,advanced-tool-use-2025-11-20",
    });
  });

  test("on messages states a version and thinking where the client does not", async () => {
    const { headers } = await prepared({}, { operation: "messages" });
    expect(headers.get("anthropic-version")).toBe("2023-06-01");
    expect(headers.get("anthropic-beta")).toBe("interleaved-thinking-2025-05-14");
  });

  test("may end without the formal end on chat and messages, not on responses", async () => {
    const plan = async (operation: Operation) => (await prepared({ stream: true }, { operation })).response;
    expect((await plan("chat")).mayOmitTerminator).toBe(true);
    expect((await plan("messages")).mayOmitTerminator).toBe(true);
    expect((await plan("responses")).mayOmitTerminator).toBeUndefined();
  });
});
