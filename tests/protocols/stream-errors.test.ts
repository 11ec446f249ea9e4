/** The table of stream failures against the rules by which agents repeat: what broke is repeated by all, a refusal by none. */
import { describe, expect, test } from "vitest";
import { ERROR_STATUS, type ErrorCode, KleisError } from "../../src/errors.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";
import {
  brokenStream,
  failureEvents,
  type StreamBreak,
  type StreamFailure,
} from "../../src/protocols/stream-errors.ts";
import { ownFailure } from "../../src/proxy/stream/late-error.ts";
import { checkErrorEvent } from "../streams/support/oracle.ts";
import { theOneEnd, utf8 } from "../streams/support/wire.ts";
import { type Verdict, verdicts } from "../support/agent-rules.ts";

const PROTOCOLS: readonly Protocol[] = ["messages", "chat", "responses"];
const CAUSES: readonly StreamBreak[] = [
  "ended_early",
  "broke_off",
  "no_stop_reason",
  "idle",
  "too_large",
  "shutting_down",
];

/** What a client may have had of the answer before. */
const BEGUN: Record<Protocol, readonly string[]> = {
  messages: [
    "",
    ": kleis\n\n",
    'event: ping\ndata: {"type":"ping"}\n\n',
    'event: message_start\ndata: {"type":"message_start","message":{}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Po"}}\n\n',
  ],
  chat: ["", 'data: {"choices":[{"index":0,"delta":{"content":"Po"},"finish_reason":null}]}\n\n'],
  responses: [
    "",
    'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n',
    'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\nevent: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Po"}\n\n',
  ],
};

function expectAll(protocol: Protocol, stream: string, wanted: Verdict): void {
  const got = verdicts(protocol, stream);
  // Cline repeats nothing of which it has shown text, a plain drop neither.
  const expected = (agent: string) => (agent === "Cline" && stream.includes('"Po"') ? "gives up" : wanted);
  expect([stream, got]).toEqual([
    stream,
    Object.fromEntries(Object.keys(got).map((agent) => [agent, expected(agent)])),
  ]);
  expect(theOneEnd(protocol, utf8(stream))).toBe("error");
}

const eventsOf = (protocol: Protocol, failure: StreamFailure, begun: boolean) =>
  failureEvents(protocol, failure, { requestId: "req_x", model: "some-model", begun });

describe.each(PROTOCOLS)("on %s", (protocol) => {
  test.each(CAUSES)("every agent retries a stream that broke: %s", (cause) => {
    const failure = brokenStream(cause, cause === "idle" ? 900 : "one event is too large");
    for (const begun of BEGUN[protocol]) {
      const events = eventsOf(protocol, failure, begun !== "");
      checkErrorEvent(protocol, utf8(events));
      expectAll(protocol, begun + events, "repeats");
    }
    expect(failure.message).toMatch(/^Connection lost: /);
  });

  const own = Object.keys(ERROR_STATUS) as ErrorCode[];
  const words = "Do so at http://127.0.0.1:4747/admin.";
  test.each(own.map((code) => [code, ownFailure(new KleisError(code, words))] as const))(
    "an error of Kleis's own, %s, is repeated by all or by none",
    (_code, failure) => {
      expectAll(protocol, eventsOf(protocol, failure, false), failure.retryable ? "repeats" : "gives up");
    },
  );

  test.each(["account_needs_login", "accounts_exhausted", "key_scope", "upstream_blocked"] as const)(
    "%s is a refusal",
    (code) => expect(ownFailure(new KleisError(code, words)).retryable).toBe(false),
  );

  const names = [
    "usage_limit_reached",
    "insufficient_quota",
    "usage_not_included",
    "context_length_exceeded",
    "invalid_prompt",
    "rate_limit_exceeded",
    "user_weekly_rate_limited",
    "billing_error",
    "overloaded_error",
    "api_error",
    "server_error",
    "model_not_found",
    "upstream_error",
  ];
  test.each(names)("no agent retries a refusal, whatever its name: %s", (name) => {
    for (const failure of [
      { code: name, type: name },
      { code: "upstream_error", type: name },
      { code: name, type: "invalid_request_error" },
    ]) {
      const refusal = { ...failure, message: "The quota of this month is used up.", retryable: false };
      expectAll(protocol, eventsOf(protocol, refusal, false), "gives up");
    }
  });

  // Codex CLI repeats the status that goes with `server_is_overloaded`, but gives up on the name in `response.failed`.
  test.each([
    "overloaded_error",
    "server_is_overloaded",
    "rate_limit_exceeded",
    "api_error",
    "slow_down",
    "some_code",
  ])("every agent repeats what passes in a moment, by whatever name it comes: %s", (name) => {
    const passing = { code: name, type: name, message: "Busy.", retryable: true };
    expectAll(protocol, eventsOf(protocol, passing, false), "repeats");
  });
});

describe("on responses", () => {
  const failed = (failure: Partial<StreamFailure>) => {
    const all = eventsOf("responses", { code: "x", message: "Words.", retryable: false, ...failure }, false);
    return JSON.parse(/event: response\.failed\ndata: (.*)\n\n$/.exec(all)?.[1] ?? "").response.error;
  };

  test.each(["insufficient_quota", "usage_not_included", "context_length_exceeded", "invalid_prompt"])(
    "a code on which Codex CLI gives up keeps its name: %s",
    (code) => expect(failed({ code })).toEqual({ code, message: "Words." }),
  );

  test("any other refusal has the one code whose message Codex CLI shows, and its details", () => {
    expect(failed({ code: "usage_limit_reached", extra: { resets_at: 1 } })).toEqual({
      code: "invalid_prompt",
      message: "Words.",
      resets_at: 1,
    });
  });
});
