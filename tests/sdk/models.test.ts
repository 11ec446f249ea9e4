/** The vendors' own SDKs list models: each reads the same object as its own vendor's, and gets ids that answer. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { all, openScene, refusalOf } from "./scene.ts";

const scene = openScene();

/** Clients at the address where the model decides, or where a provider is forced. */
function clients(prefix = "", key = scene.key) {
  const { root, common } = scene.settings("claude", { prefix, key });
  return {
    openai: new OpenAI({ ...common, baseURL: `${root}/v1` }),
    anthropic: new Anthropic({ ...common, authToken: null, baseURL: root }),
  };
}

describe("OpenAI's SDK", () => {
  test("lists the models of all accounts, with those of Copilot under its prefix", async () => {
    const models = await all(clients().openai.models.list());
    const ids = models.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["claude-sonnet-5", "gpt-5.5", "copilot/gpt-5.4"]));
    expect(new Set(ids).size).toBe(ids.length);
    for (const model of models) {
      expect(model).toMatchObject({
        object: "model",
        owned_by: expect.stringMatching(/^(claude|codex|copilot)$/),
      });
      expect(Number.isInteger(model.created)).toBe(true);
    }
  });

  test("retrieves one by an id with a slash", async () => {
    const model = await clients().openai.models.retrieve("copilot/gpt-5.4");
    expect(model).toMatchObject({ id: "copilot/gpt-5.4", object: "model", owned_by: "copilot" });
  });

  test("raises NotFoundError for an unknown model, and AuthenticationError for a wrong key", async () => {
    const missing = await refusalOf(clients().openai.models.retrieve("no-such-model"));
    expect(missing).toBeInstanceOf(OpenAI.NotFoundError);
    expect(missing).toMatchObject({ code: "model_not_found" });
    const stranger = clients("", `kleis_${"x".repeat(43)}`).openai;
    expect(await refusalOf(all(stranger.models.list()))).toBeInstanceOf(OpenAI.AuthenticationError);
  });

  test("sees only what its key may use", async () => {
    const models = await all(clients("", scene.account("copilot").key).openai.models.list());
    expect(new Set(models.map(({ owned_by }) => owned_by))).toEqual(new Set(["copilot"]));
  });

  test.each(["claude", "codex", "copilot"])("lists bare ids where %s is forced", async (provider) => {
    const models = await all(clients(`/${provider}`).openai.models.list());
    expect(models.length).toBeGreaterThan(3);
    for (const { id, owned_by } of models) {
      expect(id).not.toContain("/");
      expect(owned_by).toBe(provider);
    }
  });
});

describe("Anthropic's SDK", () => {
  test("lists the models that can be asked by messages, translated ones too, in Anthropic's shape", async () => {
    const models = await all(clients().anthropic.models.list());
    const ids = models.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["claude-sonnet-5", "copilot/claude-sonnet-5", "gpt-5.5"]));
    for (const model of models) {
      expect(model).toMatchObject({ type: "model", display_name: expect.any(String) });
      expect(new Date(model.created_at).getTime()).not.toBeNaN();
    }
  });

  test("pages through the whole list and meets every model once", async () => {
    const { anthropic } = clients();
    const whole = (await all(anthropic.models.list())).map(({ id }) => id);
    const first = await anthropic.models.list({ limit: 3 });
    expect(first.data).toHaveLength(3);
    expect(first.has_more).toBe(true);
    expect((await all(anthropic.models.list({ limit: 3 }))).map(({ id }) => id)).toEqual(whole);
  });

  test("retrieves one by an id with a slash", async () => {
    const model = await clients().anthropic.models.retrieve("copilot/claude-sonnet-5");
    expect(model).toMatchObject({ id: "copilot/claude-sonnet-5", type: "model" });
  });

  test("raises NotFoundError for an unknown model, in Anthropic's shape", async () => {
    const error = await refusalOf(clients().anthropic.models.retrieve("no-such-model"));
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error).toMatchObject({ type: "not_found_error" });
  });
});

test("every id that Anthropic's SDK is shown answers to it, under that very id", async () => {
  const { anthropic } = clients();
  const served = /claude-(sonnet-4\.6|sonnet-5|opus-4\.8|haiku-4\.5)$/;
  for (const { id } of await all(anthropic.models.list())) {
    // The Copilot fake serves a few models of the list only.
    if (id.startsWith("copilot/") && !served.test(id)) continue;
    // The SDK itself warns of these on standard error.
    if (id.includes("-4-5")) continue;
    const messages = [{ role: "user" as const, content: "Hello there" }];
    const message = await anthropic.messages.create({ model: id, max_tokens: 50, messages });
    expect(message.model).toBe(id);
  }
});
