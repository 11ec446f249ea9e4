/** A provider that repeats the account's credential does not give it to the holder of a key, wherever it says it. */
import { describe, expect, test } from "vitest";
import type { ByteSource } from "../../src/bytes.ts";
import { hideInBody } from "../../src/proxy/response/hide-credential.ts";
import { startSeededKleis } from "../security/kleis.ts";
import { newAccount } from "../support/storage.ts";

const encoder = new TextEncoder();
const TOKEN = "gho_planted-credential-0123456789";

/** The account's token stands in the request; what stands in its place sends it back. */
const ACCOUNTS = [
  ["copilot", "/copilot/v1/chat/completions", "gpt-5-mini"],
  ["copilot", "/copilot/v1/responses", "gpt-5.5"],
  ["copilot", "/copilot/v1/messages", "claude-sonnet-4.6"],
  ["codex", "/codex/v1/responses", "gpt-5.5"],
  ["claude", "/claude/v1/messages", "claude-sonnet-5"],
] as const;

type Echo = (sent: string) => Response;
const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
const ECHOES: Record<string, Echo> = {
  "an error object": (sent) =>
    json(400, { type: "error", error: { type: "invalid_request_error", message: `bad header ${sent}` } }),
  "an error of another shape": (sent) =>
    json(403, { detail: { code: "x", request: { authorization: sent } } }),
  "plain text": (sent) =>
    new Response(`refused: ${sent}\n${sent}`, { status: 429, headers: { "retry-after": "1" } }),
  "a server error": (sent) => json(500, { message: sent }),
  "a header": (sent) =>
    new Response('{"error":{"message":"x"}}', {
      status: 400,
      headers: {
        "request-id": sent,
        "x-ratelimit-reset": sent,
        "anthropic-note": sent,
        "openai-note": sent,
        "x-codex-note": sent,
      },
    }),
  "an error event": (sent) =>
    new Response(
      `event: error\ndata: ${JSON.stringify({ type: "error", error: { type: "api_error", message: sent } })}\n\n`,
      { headers: { "content-type": "text/event-stream" } },
    ),
  "a failed response": (sent) =>
    new Response(
      `event: response.failed\ndata: ${JSON.stringify({ type: "response.failed", response: { id: "r", output: [], status: "failed", error: { code: "x", message: sent } } })}\n\n`,
      { headers: { "content-type": "text/event-stream" } },
    ),
};

test("a token that a response repeats is redacted, at every provider and in every protocol", async () => {
  let echo: Echo = () => json(500, {});
  const kleis = await startSeededKleis({
    network: async (_url, { headers }) => {
      const sent = new Headers(headers);
      return echo(sent.get("authorization") ?? sent.get("x-api-key") ?? "");
    },
  });
  for (const [at, provider] of ["copilot", "codex", "claude"].entries()) {
    const made = newAccount({
      id: `acc_plan_${at}`,
      provider,
      kind: "oauth",
      externalId: `plan-${at}`,
      metadata: {},
      expiresAt: null,
      accessToken: `${TOKEN}-${provider}`,
      refreshToken: null,
    });
    await kleis.runtime.storage.accounts.save(made);
    await kleis.runtime.storage.accounts.makePrimary(made.id, kleis.clock.ms);
  }
  for (const [provider, path, model] of ACCOUNTS) {
    for (const stream of [false, true]) {
      for (const [name, make] of Object.entries(ECHOES)) {
        // Who did not ask for events is sent none, but that Codex's plan answers with nothing else.
        if (!stream && provider !== "codex" && /event|failed/.test(name)) continue;
        echo = make;
        const answer = await kleis.request(path, {
          method: "POST",
          headers: { authorization: `Bearer ${kleis.keys.live.key}` },
          body: JSON.stringify({
            model,
            stream,
            max_tokens: 9,
            input: "x",
            messages: [{ role: "user", content: "x" }],
          }),
        });
        const seen = `${JSON.stringify([...answer.headers])} ${await answer.text()}`;
        expect(seen.includes(TOKEN), `${provider} ${path} ${stream} ${name}: ${seen}`).toBe(false);
        if (["a server error", "an error object", "plain text"].includes(name))
          expect(seen, name).toContain("[hidden]");
      }
    }
  }
});

describe("in a body that comes in pieces", () => {
  const other = "another-credential-of-the-account";
  const sourceOf = (pieces: Uint8Array<ArrayBuffer>[]): ByteSource => ({
    read: async () => {
      const value = pieces.shift();
      return value === undefined ? { done: true } : { done: false, value };
    },
    cancel: async () => {},
  });
  const readAll = async (pieces: Uint8Array<ArrayBuffer>[]) => {
    const source = hideInBody(sourceOf(pieces), [TOKEN, other]);
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await source.read();
      if (value !== undefined) text += decoder.decode(value, { stream: true });
      if (done) return text;
    }
  };

  test("the token is found however the body is cut", async () => {
    const text = `{"é":"${TOKEN}", "b":"${other}${TOKEN}", "c":"${TOKEN.slice(0, 9)}"} ${TOKEN.slice(0, -1)}`;
    const shown = text.replaceAll(TOKEN, "[hidden]").replaceAll(other, "[hidden]");
    const bytes = encoder.encode(text);
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(await readAll([bytes.slice(0, cut), bytes.slice(cut)]), String(cut)).toBe(shown);
    expect(await readAll([...bytes].map((byte) => new Uint8Array([byte])))).toBe(shown);
  });

  test("bytes without the token are the bytes that came", async () => {
    const bytes = encoder.encode('{"error":"gho_other"}');
    const source = hideInBody(sourceOf([bytes]), [TOKEN]);
    expect((await source.read()).value).toBe(bytes);
  });
});
