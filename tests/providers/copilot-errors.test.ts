import { describe, expect, test } from "vitest";
import { parseJson } from "../../src/json.ts";
import { holdsError, shapedError } from "../../src/protocols/error-shape.ts";
import { type Operation, protocolOf } from "../../src/protocols/protocol.ts";
import { prepared } from "./copilot-setup.ts";

/** The error as the client gets it; null where it is passed as it came. */
function answered(operation: Operation, status: number, body: string) {
  const protocol = protocolOf(operation);
  return holdsError(protocol, parseJson(body)) ? null : { body: shapedError(protocol, status, "", body) };
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
  [
    402,
    '{"error":{"code":"overage_limit_reached"}}',
    "The provider answered 402 Payment Required: overage_limit_reached.",
    "billing_error",
  ],
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
  [500, "", "The provider answered 500 Internal Server Error without words.", "api_error"],
  [503, openai("Upstream is busy", "upstream_provider_rate_limit"), "Upstream is busy", "overloaded_error"],
];

describe("a refusal of Copilot's", () => {
  test.each(ROWS)(
    "%i %j reaches a messages client in Anthropic's shape, word for word",
    (status, body, message, type) => {
      expect(answered("messages", status, body)).toMatchObject({
        body: { type: "error", error: { type, message } },
      });
      expect(answered("count_tokens", status, body)).toMatchObject({
        body: { error: { type, message } },
      });
    },
  );

  test.each(ROWS)(
    "%i %j reaches OpenAI clients in OpenAI's shape, untouched where it has it",
    (status, body, message) => {
      const shaped = body.startsWith('{"error":{"message"');
      for (const operation of ["chat", "responses"] as const) {
        const answer = answered(operation, status, body);
        if (shaped) expect(answer).toBeNull();
        else expect(answer).toMatchObject({ body: { error: { message, type: expect.any(String) } } });
      }
    },
  );

  test("in Anthropic's shape passes to a messages client as it came, and not to an OpenAI client without its words", () => {
    const body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    expect(answered("messages", 529, body)).toBeNull();
    expect(answered("chat", 529, body)).toBeNull();
  });

  test("keeps its status and its code", () => {
    const answer = answered("messages", 402, openai("You have no quota", "quota_exceeded"));
    expect(answer).toEqual({
      body: {
        type: "error",
        error: { type: "billing_error", message: "You have no quota", code: "quota_exceeded" },
      },
    });
  });

  test("never shows markup", () => {
    expect(answered("chat", 502, "<html>Bad Gateway</html>")).toMatchObject({
      body: { error: { message: "The provider answered 502 Bad Gateway without words." } },
    });
  });
});

/** What the provider's own plan makes of a refusal. */
async function meant(operation: Operation, status: number, body: string) {
  const { response } = await prepared({ stream: true }, { operation });
  return response.error?.(status, "text/plain", body);
}

describe("a prompt that is too long is told in the words that make clients compact", () => {
  const SAID = "prompt token count of 130000 exceeds the limit of 128000";
  test.each([
    openai(SAID, "model_max_prompt_tokens_exceeded"),
    openai(SAID, "invalid_request_body"),
    JSON.stringify({ message: SAID }),
    `${SAID}\n`,
  ])("%j", async (body) => {
    // Claude Code takes nothing else for it: /^prompt is too long: \d+ tokens > \d+ maximum$/
    for (const operation of ["messages", "count_tokens"] as const) {
      expect(await meant(operation, 400, body)).toMatchObject({
        status: 400,
        body: {
          type: "error",
          error: {
            type: "invalid_request_error",
            message: "prompt is too long: 130000 tokens > 128000 maximum",
          },
        },
      });
    }
    for (const operation of ["chat", "responses"] as const) {
      expect(await meant(operation, 400, body)).toMatchObject({
        status: 400,
        body: {
          error: {
            type: "invalid_request_error",
            code: "context_length_exceeded",
            message: expect.stringContaining(SAID),
          },
        },
      });
    }
  });

  test("by its code alone, in the provider's words", async () => {
    const body = openai("Too many tokens.", "model_max_prompt_tokens_exceeded");
    expect(await meant("responses", 400, body)).toMatchObject({
      body: { error: { code: "context_length_exceeded", message: "Too many tokens." } },
    });
    expect(await meant("messages", 400, body)).toMatchObject({
      body: { error: { message: "Too many tokens." } },
    });
  });
});
