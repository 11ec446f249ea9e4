import { describe, expect, test } from "vitest";
import type { Catalogue } from "../../src/models/catalogue/catalogue.ts";
import { createModelSource, type LiveModelSource } from "../../src/models/catalogue/source.ts";
import { FRESH_MS } from "../../src/models/registry/upstream.ts";
import { codex } from "../../src/providers/codex/index.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { accounts } from "../models/fixtures/world.ts";
import { copilotList, copilotRow } from "./live-rows.ts";
import { createWorld, MODELS_DEV, rawModel, sampleWith, serving, type World } from "./world.ts";

const never = new Promise<never>(() => {});
const NEWER = sampleWith((registry) => {
  registry.openai!.models["gpt-9"] = rawModel("gpt-9");
});
const ALL = accounts("codex", "claude", "copilot");

function start(world: World): LiveModelSource {
  const credentials = { fresh: async () => ({ kind: "oauth" as const, token: "token" }) };
  return createModelSource({ runtime: world.runtime, providers: PROVIDERS, credentials });
}

const knows = (catalogue: Catalogue, id: string) =>
  catalogue.served(codex, [{ id: "", kind: "oauth" }]).get(id) !== undefined;

describe("a cold process", () => {
  test("waits for nothing but the store before a request to a model goes on", async () => {
    const world = createWorld();
    world.network = () => never;
    const { value, ms } = await world.measured(start(world).current(ALL));
    expect(knows(value, "gpt-5.6-sol")).toBe(true);
    expect(ms).toBeLessThanOrEqual(10);
  });

  test.each(["network", "text"] as const)(
    "answers a list within two seconds while everything hangs (%s)",
    async (patience) => {
      const world = createWorld();
      world.network = () => never;
      const { value, ms } = await world.measured(start(world).current(ALL, patience));
      expect(knows(value, "gpt-5.6-sol")).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(1_400);
      expect(ms).toBeLessThan(2_000);
    },
  );

  test("answers a list as soon as everything is there", async () => {
    const world = createWorld();
    const lists = copilotList(copilotRow("brand-new-1"));
    world.network = (asked) => (asked.url === MODELS_DEV ? serving(NEWER)(asked) : Response.json(lists));
    const { value } = await world.measured(start(world).current(ALL, "text"));
    expect(knows(value, "gpt-9")).toBe(true);
    const copilot = PROVIDERS.find(({ id }) => id === "copilot")!;
    expect(value.served(copilot, accounts("copilot")).entries.map(({ id }) => id)).toEqual(["brand-new-1"]);
  });

  test("answers within a second while the store hangs", async () => {
    const world = createWorld();
    world.network = () => never;
    world.runtime.storage.settings.get = () => never;
    const { value, ms } = await world.measured(start(world).current(ALL));
    expect(knows(value, "gpt-5.6-sol")).toBe(true);
    expect(ms).toBeLessThanOrEqual(1_010);
  });

  test("answers without store and network at once", async () => {
    const world = createWorld();
    world.down = true;
    const { value, ms } = await world.measured(start(world).current(ALL, "text"));
    expect(knows(value, "gpt-5.6-sol")).toBe(true);
    expect(ms).toBeLessThan(500);
  });

  test("asks once, and those who came second have what the first has brought", async () => {
    const world = createWorld();
    let answer: (response: Response) => void = () => {};
    world.network = (asked) =>
      asked.url === MODELS_DEV
        ? new Promise((resolve) => {
            answer = resolve;
          })
        : new Response("no list", { status: 404 });
    const source = start(world);
    const callers = Promise.all(Array.from({ length: 20 }, () => source.current(ALL, "text")));
    await world.clock.advance(200);
    answer(new Response(NEWER));
    const { value } = await world.measured(callers);
    expect(value.every((catalogue) => knows(catalogue, "gpt-9"))).toBe(true);
    expect(world.asked.filter(({ url }) => url === MODELS_DEV)).toHaveLength(1);
  });
});

test("asking at the owner's wish answers within a time limit while everything hangs", async () => {
  const world = createWorld();
  world.network = () => never;
  const source = createModelSource({
    runtime: world.runtime,
    providers: PROVIDERS,
    credentials: { fresh: () => never },
  });
  let answer: object = {};
  void source.refresh(ALL).then((outcome) => {
    answer = outcome;
  });
  await world.clock.advance(20_000);
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
    const world = createWorld();
    world.network = (asked) =>
      asked.url === MODELS_DEV ? serving(NEWER)(asked) : new Response("no", { status: 404 });
    const source = start(world);
    await world.measured(source.current(ALL, "text"));
    await world.settled();
    const warm = source.current(ALL, "text");
    expect(warm).not.toBeInstanceOf(Promise);
    await world.clock.advance(FRESH_MS + 5 * 3_600_000);
    world.network = () => never;
    expect(source.current(ALL, "text")).toBe(warm);
    expect(source.text()).toMatchObject({ version: expect.any(String) });
  });
});
