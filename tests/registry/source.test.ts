import { describe, expect, test } from "vitest";
import { rawModel, sampleWith } from "../../harness/models-dev.ts";
import type { Catalogue } from "../../src/models/catalogue/catalogue.ts";
import { createModelSource, type LiveModelSource } from "../../src/models/catalogue/source.ts";
import { FRESH_MS } from "../../src/models/registry/upstream.ts";
import { codex } from "../../src/providers/codex/index.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { accounts } from "../models/resolve-context.ts";
import { MODELS_DEV, type RegistryContext, registryContext, serving } from "./context.ts";
import { copilotList, copilotRow } from "./live-rows.ts";

const never = new Promise<never>(() => {});
const NEWER = sampleWith((registry) => {
  registry.openai!.models["gpt-9"] = rawModel("gpt-9");
});
const ALL = accounts("codex", "claude", "copilot");

function start(context: RegistryContext): LiveModelSource {
  const credentials = { fresh: async () => ({ kind: "oauth" as const, token: "token" }) };
  return createModelSource({ runtime: context.runtime, providers: PROVIDERS, credentials });
}

const knows = (catalogue: Catalogue, id: string) =>
  catalogue.served(codex, [{ id: "", kind: "oauth" }]).get(id) !== undefined;

describe("a cold process", () => {
  test("waits for nothing but the store before a request to a model goes on", async () => {
    const context = registryContext();
    context.serve(() => never);
    const { value, ms } = await context.measured(start(context).current(ALL));
    expect(knows(value, "gpt-5.6-sol")).toBe(true);
    expect(ms).toBeLessThanOrEqual(10);
  });

  test.each(["network", "text"] as const)(
    "answers a list within two seconds while everything hangs (%s)",
    async (patience) => {
      const context = registryContext();
      context.serve(() => never);
      const { value, ms } = await context.measured(start(context).current(ALL, patience));
      expect(knows(value, "gpt-5.6-sol")).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(1_400);
      expect(ms).toBeLessThan(2_000);
    },
  );

  test("answers a list as soon as everything is there", async () => {
    const context = registryContext();
    const lists = copilotList(copilotRow("brand-new-1"));
    context.serve((asked) => (asked.url === MODELS_DEV ? serving(NEWER)(asked) : Response.json(lists)));
    const { value } = await context.measured(start(context).current(ALL, "text"));
    expect(knows(value, "gpt-9")).toBe(true);
    const copilot = PROVIDERS.find(({ id }) => id === "copilot")!;
    expect(value.served(copilot, accounts("copilot")).entries.map(({ id }) => id)).toEqual(["brand-new-1"]);
  });

  test("answers within a second while the store hangs", async () => {
    const context = registryContext();
    context.serve(() => never);
    context.runtime.storage.settings.get = () => never;
    const { value, ms } = await context.measured(start(context).current(ALL));
    expect(knows(value, "gpt-5.6-sol")).toBe(true);
    expect(ms).toBeLessThanOrEqual(1_010);
  });

  test("answers without store and network at once", async () => {
    const context = registryContext();
    context.down = true;
    const { value, ms } = await context.measured(start(context).current(ALL, "text"));
    expect(knows(value, "gpt-5.6-sol")).toBe(true);
    expect(ms).toBeLessThan(500);
  });

  test("asks once, and those who came second have what the first has brought", async () => {
    const context = registryContext();
    let answer: (response: Response) => void = () => {};
    context.serve((asked) =>
      asked.url === MODELS_DEV
        ? new Promise((resolve) => {
            answer = resolve;
          })
        : new Response("no list", { status: 404 }),
    );
    const source = start(context);
    const callers = Promise.all(Array.from({ length: 20 }, () => source.current(ALL, "text")));
    await context.clock.advance(200);
    answer(new Response(NEWER));
    const { value } = await context.measured(callers);
    expect(value.every((catalogue) => knows(catalogue, "gpt-9"))).toBe(true);
    expect(context.sent.filter(({ url }) => url === MODELS_DEV)).toHaveLength(1);
  });
});

test("asking at the owner's wish answers within a time limit while everything hangs", async () => {
  const context = registryContext();
  context.serve(() => never);
  const source = createModelSource({
    runtime: context.runtime,
    providers: PROVIDERS,
    credentials: { fresh: () => never },
  });
  let answer: object = {};
  void source.refresh(ALL).then((outcome) => {
    answer = outcome;
  });
  await context.clock.advance(20_000);
  expect(answer).toEqual({
    registry: "refused",
    accounts: new Map([
      ["acc-claude", false],
      ["acc-codex", false],
      ["acc-copilot", false],
    ]),
  });
});

describe("a warm process", () => {
  test("answers at once, with the same object, while it asks anew behind", async () => {
    const context = registryContext();
    context.serve((asked) =>
      asked.url === MODELS_DEV ? serving(NEWER)(asked) : new Response("no", { status: 404 }),
    );
    const source = start(context);
    await context.measured(source.current(ALL, "text"));
    await context.settled();
    const warm = source.current(ALL, "text");
    expect(warm).not.toBeInstanceOf(Promise);
    await context.clock.advance(FRESH_MS + 5 * 3_600_000);
    context.serve(() => never);
    expect(source.current(ALL, "text")).toBe(warm);
    expect(source.text()).toMatchObject({ version: expect.any(String) });
  });
});
