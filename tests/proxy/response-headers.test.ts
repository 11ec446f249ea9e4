/** Which of a provider's response headers a client gets. */
import { expect, test } from "vitest";
import { forwardedHeaders } from "../../src/proxy/response/headers.ts";

test("a client gets the headers that it acts upon, and none about the provider's connection", () => {
  const upstream = new Headers({
    connection: "close, X-RateLimit-Hop ,openai-hop",
    "keep-alive": "timeout=5",
    "set-cookie": "a=b",
    "openai-hop": "1",
    "openai-processing-ms": "12",
    "x-ratelimit-hop": "1",
    "x-ratelimit-remaining": "9",
    "request-id": "req_1",
    "x-own-id": "own_1",
    "x-own-id-of-others": "1",
  });
  expect([...forwardedHeaders(upstream, { passed: ["openai-"], requestIds: ["x-own-id"] })]).toEqual([
    ["openai-processing-ms", "12"],
    ["request-id", "req_1"],
    ["x-own-id", "own_1"],
    ["x-ratelimit-remaining", "9"],
  ]);
});
