/** What the providers take and refuse today, shown at every door: each request here is one that a strict stand-in refused before. */
import { expect } from "vitest";
import { objectOf, objectsOf, stringOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { request } from "../wire.ts";
import { lastAsked } from "../world.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const cases: Case[] = [
  {
    area: "facts",
    name: "what Claude Code sends for betas that Copilot lacks is left out",
    async run({ ask, accounts, fakes }) {
      const cache_control = { type: "ephemeral", ttl: "1h", scope: "global" };
      const body = {
        model: "claude-sonnet-4.6",
        max_tokens: 2_000,
        betas: ["context-management-2025-06-27", "prompt-caching-scope-2026-01-05"],
        safeguards: { level: "default" },
        context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
        messages: [{ role: "user", content: [{ type: "text", text: "hello", cache_control }] }],
      };
      const response = await ask("/copilot/v1/messages", body, { key: accounts.copilot.key });
      expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
      await response.body?.cancel();
      expect(response.headers.get("x-kleis-changes")).toContain("copilot-betas");
      expect(lastAsked(fakes.copilot.inference).body.toString()).not.toMatch(/safeguards|"scope"|"betas"/);
    },
  },
  {
    area: "facts",
    name: "hosted tools that Copilot lacks are left out, a namespace gets a description",
    async run({ ask, accounts, fakes }) {
      const member = { type: "function", name: "read", parameters: { type: "object", properties: {} } };
      const tools = [
        { type: "image_generation" },
        { type: "web_search" },
        { type: "namespace", name: "files", description: "", tools: [member] },
      ];
      const body = { ...request("responses", "gpt-5.5", "hello", false), tools };
      const response = await ask("/copilot/v1/responses", body, { key: accounts.copilot.key });
      expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
      await response.body?.cancel();
      const sent = objectOf(JSON.parse(lastAsked(fakes.copilot.inference).body.toString()));
      expect(objectsOf(sent?.tools)).toEqual([expect.objectContaining({ name: "files" })]);
      expect(stringOf(objectsOf(sent?.tools)[0]?.description)).not.toBe("");
    },
  },
  {
    area: "facts",
    name: "a session at a ChatGPT plan is a UUIDv7 of its key, and its second turn is cached",
    async run({ ask, accounts, fakes, admin }) {
      const session = "0199a3f2-5c00-7abc-8def-0123456789ab";
      const turn = async (key: string) => {
        const body = { ...request("responses", "gpt-5.5", "hello", false), prompt_cache_key: session };
        const response = await ask("/v1/responses", body, { key, headers: { session_id: session } });
        expect(response.status).toBe(200);
        const usage = objectOf(objectOf(await response.json())?.usage);
        const { headers, body: sent } = lastAsked(fakes.codex.inference);
        const id = stringOf(objectOf(JSON.parse(sent.toString()))?.prompt_cache_key);
        expect(headers.session_id ?? headers["session-id"]).toBe(id);
        return { id, cached: Number(objectOf(usage?.input_tokens_details)?.cached_tokens) };
      };
      const { key, id } = accounts.codex;
      const first = await turn(key);
      const second = await turn(key);
      expect(first.id).toMatch(UUID_V7);
      // The client's time bits stay, so that the provider's cache knows how old the conversation is.
      expect(first.id.slice(0, 13)).toBe(session.slice(0, 13));
      expect(second.id).toBe(first.id);
      expect([first.cached, second.cached > 0]).toEqual([0, true]);
      const other = await admin("POST", "/admin/keys", { accounts: [id] });
      expect((await turn(stringOf(other.body.key))).id).not.toBe(first.id);
    },
  },
  {
    area: "facts",
    name: "the tier `fast` is asked for as `priority`; Codex's beta header reaches the public API too",
    async run({ ask, accounts, fakes }) {
      const fast = { ...request("responses", "gpt-5.5", "hello", false), service_tier: "fast" };
      const planned = await ask("/v1/responses", fast, { key: accounts.codex.key });
      expect(planned.status).toBe(200);
      await planned.body?.cancel();
      expect(lastAsked(fakes.codex.inference).body.toString()).toContain('"service_tier":"priority"');
      const headers = { "x-codex-beta-features": "remote_compaction" };
      const body = request("responses", "gpt-5.5", "hello", false);
      const paid = await ask("/v1/responses", body, { key: accounts.openaiKey.key, headers });
      expect(paid.status).toBe(200);
      await paid.body?.cancel();
      expect(lastAsked(fakes.codex.inference).headers).toMatchObject(headers);
    },
  },
  {
    area: "facts",
    name: "the live checks say what they cost, and run as announced, without a fact that differs",
    async run({ admin }) {
      const plan = await admin("GET", "/admin/live-checks");
      const checks = objectsOf(plan.body.checks);
      expect([plan.status, checks.length > 5]).toEqual([200, true]);
      // The stand-ins' Copilot counts no tokens, and what the sign-ins are asked with a made-up token counts as a mistake.
      const harmless = checks.filter(({ check }) => check !== "count-tokens" && check !== "sign-in");
      for (const { account, check, cost } of harmless) {
        const id = stringOf(objectOf(account)?.id);
        const run = await admin("POST", "/admin/live-checks", { account: id, check });
        const differing = objectsOf(run.body.compared).filter(({ verdict }) => verdict === "differs");
        const spent = Number(objectOf(run.body.spent)?.requests);
        expect([run.status, check, differing, run.body.problem]).toEqual([200, check, [], null]);
        expect(spent).toBeLessThanOrEqual(Number(objectOf(cost)?.requests));
        expect(spent).toBeGreaterThan(0);
      }
    },
  },
];
