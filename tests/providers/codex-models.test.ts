import { describe, expect, test } from "vitest";
import type { CredentialKind } from "../../src/providers/account.ts";
import { codex } from "../../src/providers/codex/index.ts";
import type { RegistryModel } from "../../src/providers/registry-model.ts";

const OAUTH: ReadonlySet<CredentialKind> = new Set(["oauth"]);
const KEY: ReadonlySet<CredentialKind> = new Set(["api_key"]);

/** Ids that models.dev listed under `openai` on 2026-09-28. */
const LISTED =
  `chatgpt-image-latest gpt-5.4 gpt-5.4-pro gpt-5.5-pro text-embedding-3-small gpt-5.4-nano gpt-realtime-2.1
gpt-4o gpt-4o-2024-08-06 gpt-5-mini gpt-image-2 gpt-5.2-pro gpt-5.3-codex gpt-5-nano gpt-5.6 gpt-5-pro gpt-5.3-codex-spark
gpt-6-astra gpt-5.1 gpt-4o-mini o3-pro gpt-daybreak-blue-latest gpt-5.4-mini gpt-5.6-luna gpt-5.2 gpt-5.5 gpt-4.1
gpt-4.1-mini gpt-6-luna gpt-5.6-terra gpt-daybreak-red-latest o3 gpt-5 gpt-5.6-sol gpt-6-sol`.split(/\s+/);

function model(id: string, more: Partial<RegistryModel> = {}): RegistryModel {
  return {
    id,
    name: id,
    reasoning: true,
    tool_call: true,
    release_date: "2026-01-01",
    modalities: { input: ["text"], output: ["text"] },
    limit: { context: 1_050_000, input: 922_000, output: 128_000 },
    ...more,
  };
}

test("a plan serves exactly the ten models that its gate lets through", () => {
  expect(LISTED.filter((id) => codex.serves(model(id), "oauth")).sort()).toEqual([
    "gpt-5.3-codex-spark",
    "gpt-5.4",
    "gpt-5.4-mini",
    "gpt-5.5",
    "gpt-5.6-luna",
    "gpt-5.6-sol",
    "gpt-5.6-terra",
    "gpt-6-astra",
    "gpt-6-luna",
    "gpt-6-sol",
  ]);
});

test.each(["gpt-5.6-sol", "gpt-5.4", "gpt-9.1", "gpt-10", "gpt-5.10-sol"])("a plan claims %s", (id) => {
  expect(codex.ownership(id, OAUTH)).toBe("own");
});

test.each([
  ..."gpt-5-mini gpt-5.3-codex gpt-5.4-nano gpt-5.6 gpt-5.5-pro gpt-7-nano gpt-4.1 gpt-4o gpt-5 o3 o4-mini".split(
    " ",
  ),
  ..."codex-mini-latest chatgpt-4o-latest gpt-5.2".split(" "),
])("%s fails the plan's gate, but an API key answers for it", (id) => {
  expect(codex.ownership(id, OAUTH)).toBeNull();
  expect(codex.ownership(id, KEY)).toBe("own");
});

test.each([
  ..."text-embedding-3-small gpt-image-2 chatgpt-image-latest gpt-realtime-2.1 tts-1 whisper-1 gpt-4o-mini-tts".split(
    " ",
  ),
  ..."claude-sonnet-5 gemini-3.6-flash grok-4.6 foo/bar oswe-1 openai".split(" "),
])("%s is claimed by no account of this provider", (id) => {
  expect(codex.ownership(id, new Set<CredentialKind>(["oauth", "api_key"]))).toBeNull();
});

test("a model of the plan is claimed before any account is there, so that the refusal can say so", () => {
  expect(codex.ownership("gpt-5.5", new Set())).toBe("own");
});

test.each([
  { tool_call: false },
  { status: "deprecated" },
  { modalities: { input: ["text"], output: ["image"] } },
])("a model that agents have no use for is not served: %j", (more) => {
  expect(codex.serves(model("gpt-5.5", more), "oauth")).toBe(false);
  expect(codex.serves(model("gpt-5.5", more), "api_key")).toBe(false);
});

test("an API key serves what the plan does not", () => {
  expect(codex.serves(model("gpt-5-mini"), "api_key")).toBe(true);
});

describe("the plan's limits", () => {
  const plan = { context: 400_000, input: 272_000, output: 128_000 };

  test.each([
    ...LISTED.filter((id) => codex.serves(model(id), "oauth")),
    ..."gpt-7 gpt-5.7-sol gpt-6.1-terra gpt-5.41 GPT-5.4 gpt-5.4-2026-03-05 gpt-6-astra-2026-09-24".split(
      " ",
    ),
    "gpt-5.3-codex-spark-2026-02-12",
  ])("stand in for the API's on %s", (id) => {
    const narrow: [RegExp, number][] = [
      [/^gpt-5\.4(-2026-03-05)?$/i, 272_000],
      [/^gpt-6-astra/, 272_000],
      [/spark/, 128_000],
    ];
    const context = narrow.find(([ids]) => ids.test(id))?.[1] ?? 400_000;
    expect(codex.modelLimits(model(id), "oauth")).toEqual({
      context,
      input: Math.min(context, plan.input),
      output: plan.output,
    });
    expect(codex.modelLimits(model(id), "api_key").context).toBe(1_050_000);
  });

  const NARROW: RegistryModel["limit"][] = [
    { context: 128_000, input: 100_000, output: 32_000 },
    { context: 200_000, output: 64_000 },
  ];
  test.each(NARROW.map((limit) => [limit]))("never widen what the registry knows: %j", (limit) => {
    const { context, input, output } = codex.modelLimits(model("gpt-5.6-sol", { limit }), "oauth");
    expect([context, output]).toEqual([limit.context, limit.output]);
    expect(input).toBeLessThanOrEqual(limit.input ?? limit.context);
  });
});

test("a plan speaks responses, an API key chat too", () => {
  expect(codex.operations("gpt-5.5", "oauth")).toEqual(["responses"]);
  expect(codex.operations("gpt-5.5", "api_key")).toEqual(["responses", "chat"]);
});

test("ids are spelled as given and listed bare", () => {
  expect(codex.spellings("gpt-5.5")).toEqual(["gpt-5.5"]);
  expect([codex.id, codex.source, codex.listPrefixed]).toEqual(["codex", "openai", false]);
  expect(codex.aliases).toEqual(["openai", "openai-codex"]);
});
