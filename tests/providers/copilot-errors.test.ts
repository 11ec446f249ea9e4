import { describe, expect, test } from "vitest";
import type { Operation } from "../../src/protocols/protocol.ts";
import { prepared } from "./copilot-setup.ts";

async function answered(operation: Operation, status: number, body: string, type = "text/plain") {
  const { answer } = await prepared({ stream: true }, { operation });
  return answer.error?.(status, type, body);
}

const openai = (message: string, code: string) => JSON.stringify({ error: { message, code } });

/** Rows of the reference's table of refusals: status, body, the words, and Anthropic's type. */
const ROWS: [number, string, string, string][] = [
  [
    400,
    '{"error":{"message":"The requested model is not supported.","code":"model_not_supported","param":"model","type":"invalid_request_error"}}',
    "The requested model is not supported.",
    "invalid_request_error",
  ],
  [
    400,
    openai("prompt token count of 130000 exceeds the limit of 128000", "model_max_prompt_tokens_exceeded"),
    "prompt token count of 130000 exceeds the limit of 128000",
    "invalid_request_error",
  ],
  [
    400,
    openai("missing required Copilot-Vision-Request header for vision requests", ""),
    "missing required Copilot-Vision-Request header for vision requests",
    "invalid_request_error",
  ],
  [
    400,
    "checking third-party user token: bad request: Personal Access Tokens are not supported",
    "checking third-party user token: bad request: Personal Access Tokens are not supported",
    "invalid_request_error",
  ],
  [401, "unauthorized: token expired\n", "unauthorized: token expired", "authentication_error"],
  [402, openai("You have no quota", "quota_exceeded"), "You have no quota", "billing_error"],
  [402, openai("", "overage_limit_reached"), "overage_limit_reached", "billing_error"],
  [
    403,
    "unauthorized: not authorized to use this Copilot feature",
    "unauthorized: not authorized to use this Copilot feature",
    "permission_error",
  ],
  [
    403,
    '{"message":"Access denied by policy settings"}',
    "Access denied by policy settings",
    "permission_error",
  ],
  [413, "Request Entity Too Large", "Request Entity Too Large", "request_too_large"],
  [421, '{"error":"Misdirected Request"}', "Misdirected Request", "invalid_request_error"],
  [429, openai("Slow down.", "user_global_rate_limited:pro"), "Slow down.", "rate_limit_error"],
  [500, "", "GitHub Copilot answered 500 without words.", "api_error"],
  [503, openai("Upstream is busy", "upstream_provider_rate_limit"), "Upstream is busy", "overloaded_error"],
];

describe("a refusal of Copilot's", () => {
  test.each(ROWS)(
    "%i %j reaches a messages client in Anthropic's shape, word for word",
    async (status, body, message, type) => {
      expect(await answered("messages", status, body)).toMatchObject({
        body: { type: "error", error: { type, message } },
      });
      expect(await answered("count_tokens", status, body)).toMatchObject({
        body: { error: { type, message } },
      });
    },
  );

  test.each(ROWS)(
    "%i %j reaches OpenAI clients in OpenAI's shape, untouched where it has it",
    async (status, body, message) => {
      const shaped = body.startsWith('{"error":{');
      for (const operation of ["chat", "responses"] as const) {
        const answer = await answered(operation, status, body, shaped ? "text/plain" : "application/json");
        if (shaped) expect(answer).toBeNull();
        else expect(answer).toMatchObject({ body: { error: { message, type: expect.any(String) } } });
      }
    },
  );

  test("in Anthropic's shape passes to a messages client as it came, and not to an OpenAI client without its words", async () => {
    const body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    expect(await answered("messages", 529, body)).toBeNull();
    expect(await answered("chat", 529, body)).toBeNull();
  });

  test("keeps its status and its code", async () => {
    const answer = await answered("messages", 402, openai("You have no quota", "quota_exceeded"));
    expect(answer).toEqual({
      body: {
        type: "error",
        error: { type: "billing_error", message: "You have no quota", code: "quota_exceeded" },
      },
    });
  });

  test("is read for what it is, whatever its content type says", async () => {
    const asJson = await answered("chat", 502, "<html>Bad Gateway</html>", "application/json");
    expect(asJson).toMatchObject({ body: { error: { message: "<html>Bad Gateway</html>" } } });
  });
});
