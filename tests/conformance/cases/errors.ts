import { request as httpRequest } from "node:http";
import { expect } from "vitest";
import { objectsOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { expectRefusal, request } from "../wire.ts";

const area = "errors";
const MESSAGE = request("messages", "claude-sonnet-5", "hello", false);

export const cases: Case[] = [
  {
    area,
    name: "an address with doubled and trailing parts is the one that is meant",
    async run({ ask, key, accounts }) {
      for (const path of ["//v1//messages/", "/v1/v1/messages", "/claude//v1/v1/messages//"]) {
        const response = await ask(path, MESSAGE, { key: accounts.claudeKey.key });
        expect(response.status, path).toBe(200);
        await response.body?.cancel();
      }
      expect((await ask("//v1/v1/models//", undefined, { key })).status).toBe(200);
      expect((await ask("//models//own//api.json/")).status).toBe(200);
      const nothing = await ask("/v1/messages/batches", MESSAGE, { key });
      await expectRefusal(nothing, 404, "not_found", "messages");
    },
  },
  {
    area,
    name: "a provider's error passes with its status, bytes and headers",
    async run({ ask, accounts, fakes }) {
      const body = '{"type":"error", "error":{"type":"rate_limit_error","message":"Slow down, é"}}';
      fakes.claude.script({
        status: 429,
        headers: {
          "content-type": "application/json",
          "retry-after": "7",
          "request-id": "req_theirs",
          "anthropic-ratelimit-requests-remaining": "0",
          "set-cookie": "__cf_bm=not-for-clients",
          "x-internal": "not for clients",
        },
        body,
      });
      const response = await ask("/v1/messages", MESSAGE, { key: accounts.claudeKey.key });
      expect(response.status).toBe(429);
      expect(await response.text()).toBe(body);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "retry-after": "7",
        "request-id": "req_theirs",
        "anthropic-ratelimit-requests-remaining": "0",
      });
      expect(response.headers.get("set-cookie")).toBe(null);
      expect(response.headers.get("x-internal")).toBe(null);
    },
  },
  {
    area,
    name: "a web page in front of the Codex backend becomes advice, and the account stays",
    async run({ ask, admin, accounts, fakes }) {
      for (const stream of [false, true]) {
        fakes.codex.script({
          status: 403,
          headers: { "content-type": "text/html; charset=UTF-8", "cf-mitigated": "challenge" },
          body: "<!DOCTYPE html><title>Just a moment...</title>",
        });
        const body = request("responses", "gpt-5.5", "hello", stream);
        const response = await ask("/v1/responses", body, { key: accounts.codex.key });
        expect(response.status).toBe(503);
        const text = await response.text();
        expect(text).toContain("upstream_blocked");
        expect(text).toContain("CODEX_API_URL");
      }
      const { body } = await admin("GET", "/admin/accounts");
      const account = objectsOf(body.accounts).find(({ id }) => id === accounts.codex.id);
      expect(account).toMatchObject({ status: "active", enabled: true });
    },
  },
  {
    area,
    name: "a provider that hangs up without an answer is a 502",
    async run({ ask, accounts, fakes }) {
      // Every time: a connection that was kept may be tried once more on a new one.
      fakes.claude.always({ raw: (res) => res.destroy() });
      try {
        for (const stream of [false, true]) {
          const response = await ask("/v1/messages", { ...MESSAGE, stream }, { key: accounts.claudeKey.key });
          const words = await expectRefusal(response, 502, "upstream_unreachable", "messages");
          expect(words).toContain("could not be reached");
        }
      } finally {
        fakes.claude.always();
      }
    },
  },
  {
    area,
    name: "a redirect is not followed",
    async run({ ask, accounts, fakes }) {
      const elsewhere = fakes.codex.requests.length;
      fakes.claude.script({
        status: 307,
        headers: { location: `${fakes.codex.url}/v1/responses` },
        body: "",
      });
      const response = await ask("/v1/messages", MESSAGE, { key: accounts.claudeKey.key });
      await expectRefusal(response, 502, "upstream_unreachable", "messages");
      expect(fakes.codex.requests.length).toBe(elsewhere);
    },
  },
  {
    area,
    name: "what cannot be answered is refused with what to do instead",
    async run({ ask, key }) {
      const none = await ask("/v1/messages", { ...MESSAGE, model: "none-such" }, { key });
      await expectRefusal(none, 404, "model_not_found", "messages");
      const stored = { model: "claude-sonnet-5", input: "go on", previous_response_id: "resp_1" };
      const untranslatable = await ask("/v1/responses", stored, { key });
      const words = await expectRefusal(untranslatable, 400, "untranslatable", "responses");
      expect(words).toContain("`previous_response_id`");
      const method = await ask("/v1/messages", undefined, { key });
      await expectRefusal(method, 405, "method_not_allowed", "messages");
    },
  },
  {
    area,
    name: "a websocket is refused at once, so that Codex falls back",
    async run({ url, key }) {
      const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
        const sent = httpRequest(`${url}/v1/responses`, {
          headers: {
            authorization: `Bearer ${key}`,
            connection: "Upgrade",
            upgrade: "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": Buffer.alloc(16).toString("base64"),
          },
        });
        sent.on("error", reject);
        sent.on("response", async (response) => {
          let text = "";
          for await (const part of response) text += part;
          resolve({ status: response.statusCode ?? 0, text });
        });
        sent.end();
      });
      expect(answer.status).toBe(426);
      expect(answer.text).toContain("upgrade_required");
    },
  },
];
