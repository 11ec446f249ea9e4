/** Whatever shape an error body comes in, the client gets its protocol's, with the same words; what has it stays as it is. */
import { describe, expect, test } from "vitest";
import { parseJson } from "../../src/json.ts";
import { holdsError, shapedError } from "../../src/protocols/error-shape.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";

const PROTOCOLS: readonly Protocol[] = ["messages", "chat", "responses"];
const SAID = "Words of the provider.";

/** Bodies that hold the words somewhere. */
const SHAPES: Record<string, unknown> = {
  "detail text": { detail: SAID },
  "detail object": { detail: { message: SAID, code: "some_code" } },
  "a list of details": { detail: [{ loc: ["body"], msg: SAID, type: "missing" }] },
  "message at the top": { message: SAID, status: "401" },
  "error text": { error: SAID },
  "error object without a type": { error: { message: SAID } },
  "error with its description": { error: { code: "some_code", detail: SAID } },
  "an OpenAI error": {
    error: { message: SAID, type: "invalid_request_error", param: null, code: "some_code" },
  },
  "a nested OpenAI error": { type: "error", status: 400, error: { message: SAID, type: "x", code: null } },
  "an Anthropic error": { type: "error", error: { type: "api_error", message: SAID } },
  "title alone": { type: "about:blank", title: SAID, status: 400 },
  "title and detail": { title: "Bad Request", detail: SAID },
  "a list of errors": { errors: [{ message: SAID }] },
  "a JSON string": SAID,
  "a list": [{ message: SAID }],
  "words beside markup": { title: "<html></html>", error: { message: "<!doctype html>", detail: SAID } },
};

/** Bodies without words: the status speaks. */
const WORDLESS: Record<string, string> = {
  nothing: "",
  space: " \n",
  "a web page": "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>",
  "a web page in capitals, behind space": "\n <HTML><BODY>no</BODY></HTML>",
  xml: '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
  "a web page in JSON": JSON.stringify({ error: { message: "<html><body>Bad gateway</body></html>" } }),
  "no text": "{\u0000\ufffd}",
  null: "null",
  "an empty object": "{}",
  "an empty list": "[]",
  "empty words": JSON.stringify({ error: { message: "" }, detail: "" }),
  "a number": "503",
};

const messageOf = (body: unknown) => (body as { error: { message: string } }).error.message;

describe.each(PROTOCOLS)("on %s", (protocol) => {
  const asserted = (body: unknown) => {
    expect(holdsError(protocol, parseJson(JSON.stringify(body)))).toBe(true);
    return messageOf(body);
  };

  test.each(Object.entries(SHAPES))("the message reaches the client: %s", (_name, shape) => {
    expect(asserted(shapedError(protocol, 400, "", JSON.stringify(shape)))).toBe(SAID);
  });

  test("plain text is the message", () => {
    expect(asserted(shapedError(protocol, 502, "", " upstream connect error\n"))).toBe(
      "upstream connect error",
    );
  });

  test.each(Object.entries(WORDLESS))(
    "the status speaks where there are none, never markup: %s",
    (_name, source) => {
      const said = asserted(shapedError(protocol, 503, "", source));
      expect(said).toBe("The provider answered 503 Service Unavailable without words.");
      expect(asserted(shapedError(protocol, 599, "Odd Phrase", source))).toContain("599 Odd Phrase");
    },
  );

  test("a code is kept, and stands in where there is no message", () => {
    const source = JSON.stringify({ detail: { code: "deactivated_workspace" } });
    const body = shapedError(protocol, 402, "", source);
    expect(asserted(body)).toBe("The provider answered 402 Payment Required: deactivated_workspace.");
    expect(body).toMatchObject({ error: { code: "deactivated_workspace" } });
  });
});

test("a body that the protocol's clients can read is left alone", () => {
  const held = (name: string) => PROTOCOLS.filter((protocol) => holdsError(protocol, SHAPES[name] as never));
  expect(held("an Anthropic error")).toEqual(PROTOCOLS);
  expect(held("a nested OpenAI error")).toEqual(PROTOCOLS);
  expect(held("an OpenAI error")).toEqual(["chat", "responses"]);
  expect(held("error object without a type")).toEqual(["chat", "responses"]);
  for (const name of [
    "detail text",
    "message at the top",
    "error text",
    "title alone",
    "a JSON string",
    "a list",
  ])
    expect(held(name)).toEqual([]);
});
