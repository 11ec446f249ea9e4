import { expect } from "vitest";
import { promptOf } from "../../fakes/codex/models.ts";
import { objectOf, objectsOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { expectRefusal, request } from "../wire.ts";
import { lastAsked } from "../world.ts";

const area = "models";
const ANTHROPIC = { "anthropic-version": "2023-06-01" };

async function ids(response: Response): Promise<unknown[]> {
  return objectsOf(objectOf(await response.json())?.data).map(({ id }) => id);
}

export const cases: Case[] = [
  {
    area,
    name: "lists what a key can use",
    async run({ ask, key, accounts }) {
      const all = await ids(await ask("/v1/models", undefined, { key }));
      expect(all).toEqual(expect.arrayContaining(["claude-sonnet-5", "gpt-5.5", "copilot/gpt-5-mini"]));
      const plan = await ids(await ask("/v1/models", undefined, { key: accounts.codex.key }));
      expect(plan).toContain("gpt-5.5");
      expect(plan).not.toContain("claude-sonnet-5");
    },
  },
  {
    area,
    name: "lists every model for Anthropic's clients too, by pages",
    async run({ ask, key }) {
      const response = await ask("/v1/models?limit=2", undefined, { key, headers: ANTHROPIC });
      const page = objectOf(await response.json()) ?? {};
      expect(objectsOf(page.data)).toHaveLength(2);
      expect(page).toMatchObject({ has_more: true });
      const next = await ask(`/v1/models?limit=2&after_id=${String(page.last_id)}`, undefined, {
        key,
        headers: ANTHROPIC,
      });
      expect(await ids(next)).not.toContain(page.last_id);
    },
  },
  {
    area,
    name: "shows one model, also one with a slash in its id",
    async run({ ask, key }) {
      for (const path of [
        "/v1/models/claude-sonnet-5",
        "/v1/models/copilot/gpt-5-mini",
        "/v1/models/copilot%2Fgpt-5-mini",
      ]) {
        const response = await ask(path, undefined, { key });
        expect(response.status, path).toBe(200);
        expect(await response.json()).toHaveProperty("id");
      }
      await expectRefusal(await ask("/v1/models/none-such", undefined, { key }), 404, "model_not_found");
    },
  },
  {
    area,
    name: "takes a name in any spelling, and sends the listed one",
    async run({ ask, key, accounts, fakes }) {
      for (const path of ["/v1/messages", "/claude/v1/messages", "/v1/messages/count_tokens"]) {
        const model = " Claude-Sonnet-5[1m]";
        const { messages } = request("messages", model, "hello", false);
        const body = path.endsWith("tokens") ? { model, messages } : { model, messages, max_tokens: 9 };
        const response = await ask(path, body, { key: accounts.claudeKey.key });
        expect(response.status, path).toBe(200);
        expect(response.headers.get("x-kleis-changes")).toBe("model-spelling");
        const answer = objectOf(await response.json());
        if (answer?.model !== undefined) expect(answer.model).toBe(model);
        expect(lastAsked(fakes.claude.inference).json).toMatchObject({
          model: "claude-sonnet-5",
        });
      }
      const one = await ask("/v1/models/GPT-5.5(high)", undefined, { key });
      expect(await one.json()).toMatchObject({ id: "gpt-5.5" });
    },
  },
  {
    area,
    name: "lists one provider under its prefix",
    async run({ ask, key }) {
      const list = await ids(await ask("/codex/v1/models", undefined, { key }));
      expect(list).toContain("gpt-5.5");
      expect(list).not.toContain("claude-sonnet-5");
    },
  },
  {
    area,
    name: "gives Codex CLI the backend's own rows, and takes a model that the backend refuses off the list",
    async run({ ask, accounts, fakes }) {
      const { key } = accounts.codex;
      const rows = async () => {
        const response = await ask("/v1/models?client_version=0.169.0", undefined, { key });
        return objectsOf(objectOf(await response.json())?.models);
      };
      const slugs = async () => (await rows()).map(({ slug }) => slug);
      await expect.poll(slugs).toEqual(expect.arrayContaining(["codex-auto-review", "gpt-6-luna"]));
      expect((await rows()).find(({ slug }) => slug === "gpt-6-luna")).toMatchObject({
        base_instructions: promptOf("gpt-6-luna"),
        use_responses_lite: true,
      });
      const { withheld } = fakes.codex.rules;
      withheld.add("gpt-6-luna");
      const refused = await ask("/v1/responses", request("responses", "gpt-6-luna", "hello", false), { key });
      withheld.delete("gpt-6-luna");
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("gpt-6-luna")]);
      await expect.poll(slugs).not.toContain("gpt-6-luna");
      const asked = await ask("/v1/responses", request("responses", "gpt-6-luna", "hello", false), { key });
      expect(asked.status).toBe(200);
      await asked.text();
    },
  },
];
