import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Exchange } from "../conformance/exchange.ts";
import { type FieldsByEndpoint, fieldsOf, merge, newIn } from "./fields.ts";

function exchange(headers: string[], body: Buffer | string, path = "/v1/messages?beta=true"): Exchange {
  const head = [`POST ${path} HTTP/1.1`, "Host: kleis", ...headers].join("\r\n");
  return { method: "POST", path, request: { head, body: Buffer.from(body) }, answer: null };
}

test("an endpoint's query, headers and body, by name", () => {
  const sent = exchange(["X-Api-Key: kleis_secret", "anthropic-beta: effort-2025-11-24, betas:x"], '{"a":1}');
  expect(fieldsOf([sent])).toEqual({
    "POST /v1/messages": {
      query: ["beta"],
      headers: ["anthropic-beta: betas:x", "anthropic-beta: effort-2025-11-24", "host", "x-api-key"],
      body: ["a: number"],
    },
  });
});

test.each([
  ["gzip", gzipSync('{"a":1}')],
  ["zstd", zstdCompressSync('{"a":1}')],
])("a body packed with %s is read", (packing, body) => {
  const fields = fieldsOf([exchange([`Content-Encoding: ${packing}`], body)]);
  expect(fields["POST /v1/messages"]?.body).toEqual(["a: number"]);
});

test.each(["{", "a text with a secret"])("a body %j that is no JSON is only that", (body) => {
  expect(fieldsOf([exchange([], body)])["POST /v1/messages"]?.body).toEqual(["not JSON"]);
});

const fields = (body: string[]): FieldsByEndpoint => ({ "POST /x": { query: [], headers: ["h"], body } });

test("several requests make one list", () => {
  expect(merge([fields(["b"]), fields(["a", "b"])])).toEqual(fields(["a", "b"]));
});

test("only what was not there is new", () => {
  expect(newIn(fields(["a", "b"]), fields(["a", "c"]))).toEqual(["POST /x body: b"]);
  expect(newIn(fields(["a"]), fields(["a"]))).toEqual([]);
  expect(newIn(fields(["a"]), {})).toEqual(["POST /x: not asked for before"]);
});
