import { expect } from "vitest";
import { stringOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { expectRefusal, request } from "../wire.ts";
import { until } from "../world.ts";

const area = "auth";
const UNKNOWN = `kleis_${"x".repeat(43)}`;
const HELLO = request("messages", "claude-sonnet-5", "hello", false);

export const cases: Case[] = [
  {
    area,
    name: "refuses a request without a key, in the shape of each protocol",
    async run({ ask }) {
      await expectRefusal(await ask("/v1/models"), 401, "missing_api_key");
      await expectRefusal(await ask("/v1/chat/completions", {}), 401, "missing_api_key", "chat");
      await expectRefusal(await ask("/v1/responses", {}), 401, "missing_api_key", "responses");
      await expectRefusal(await ask("/v1/messages", {}), 401, "missing_api_key", "messages");
    },
  },
  {
    area,
    name: "refuses an unknown key",
    async run({ ask }) {
      await expectRefusal(await ask("/v1/chat/completions", {}, { key: UNKNOWN }), 401, "invalid_api_key");
    },
  },
  {
    area,
    name: "takes the one Kleis key there is, in either header, whatever stands beside it",
    async run({ ask, key }) {
      expect((await ask("/v1/models", undefined, { key })).status).toBe(200);
      expect((await ask("/v1/models", undefined, { headers: { "x-api-key": key } })).status).toBe(200);
      expect((await ask("/v1/models", undefined, { key, headers: { "x-api-key": key } })).status).toBe(200);
      const foreign = { "x-api-key": "sk-ant-api03-not-ours" };
      expect((await ask("/v1/models", undefined, { key, headers: foreign })).status).toBe(200);
      await expectRefusal(await ask("/v1/models", undefined, { headers: foreign }), 401, "invalid_api_key");
      const both = await ask("/v1/models", undefined, { key, headers: { "x-api-key": UNKNOWN } });
      await expectRefusal(both, 401, "invalid_api_key");
    },
  },
  {
    area,
    name: "ends a key at once where it is revoked",
    async run({ ask, admin }) {
      const issued = await admin("POST", "/admin/keys", {});
      const key = stringOf(issued.body.key);
      expect((await ask("/v1/models", undefined, { key })).status).toBe(200);
      await admin("POST", `/admin/keys/${stringOf(issued.body.id)}/revoke`);
      await expectRefusal(await ask("/v1/models", undefined, { key }), 401, "invalid_api_key");
    },
  },
  {
    area,
    name: "ends a key at its time",
    async run({ ask, admin }) {
      const endsAt = Date.now() + 1_500;
      const issued = await admin("POST", "/admin/keys", { expires_at: endsAt });
      const asked = () => ask("/v1/models", undefined, { key: stringOf(issued.body.key) });
      await until("the key ends", 20_000, async () => (await asked()).status !== 200);
      expect(Date.now()).toBeGreaterThanOrEqual(endsAt);
      await expectRefusal(await asked(), 401, "expired_api_key");
    },
  },
  {
    area,
    name: "keeps a key inside its scopes",
    async run({ ask, admin, fakes }) {
      const codexOnly = await admin("POST", "/admin/keys", { providers: ["codex"] });
      const before = fakes.claude.requests.length;
      const response = await ask("/claude/v1/messages", HELLO, { key: stringOf(codexOnly.body.key) });
      await expectRefusal(response, 403, "key_scope", "messages");
      const oneModel = await admin("POST", "/admin/keys", { models: ["claude-haiku-4-5"] });
      const other = await ask("/v1/messages", HELLO, { key: stringOf(oneModel.body.key) });
      expect([403, 404]).toContain(other.status);
      await other.body?.cancel();
      expect(fakes.claude.requests.length).toBe(before);
    },
  },
];
