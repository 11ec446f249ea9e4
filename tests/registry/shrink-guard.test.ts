import { describe, expect, test } from "vitest";
import { type RawProvider, rawModel, rawProvider, sampleWith } from "../../harness/models-dev.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import { FRESH_MS } from "../../src/models/registry/upstream.ts";
import { MODELS_DEV, registryContext, SECOND, serving } from "./context.ts";
import { knows, NEWER, renew, start } from "./renewal.ts";

describe("an upstream that answers too little is refused, with the reason, and what is known stays", () => {
  const without = (source: string) =>
    sampleWith((registry) => {
      delete registry[source];
    });
  /** Breaks every model of a source but the first few. */
  const spoilt = (registry: Record<string, RawProvider>, source: string, whole: number) => {
    for (const model of Object.values(registry[source]!.models).slice(whole)) delete model.limit;
  };

  test.each<[string, string, RegExp]>([
    [
      "one provider with one model",
      JSON.stringify({ zz: rawProvider("zz", rawModel("a")) }),
      /openai and anthropic and github-copilot had/,
    ],
    ["nothing of one of our sources", without("github-copilot"), /^github-copilot had models before/],
    [
      "a source of ours without a model",
      sampleWith((registry) => {
        registry.anthropic!.models = {};
      }),
      /^anthropic had models before/,
    ],
    ["one sound model of 52 of a source", sampleWith((all) => spoilt(all, "openai", 1)), /^openai had/],
    [
      "mostly malformed models",
      sampleWith((all) => {
        for (const source of Object.keys(all)) if (source !== "opencode") spoilt(all, source, 0);
      }),
      /of its 274 models are malformed/,
    ],
  ])("%s", async (_name, answer, reason) => {
    const context = registryContext();
    context.serve(serving(NEWER));
    const upstream = start(context);
    await renew(context, upstream);
    const writes = context.settings.get("models.registry");
    const text = upstream.text();
    // Before and after a restart, from which only the store's copy is left.
    for (const [place, known] of [[context, upstream] as const, [context.restarted(), null] as const]) {
      await place.clock.advance(FRESH_MS);
      place.serve((asked) =>
        asked.url === MODELS_DEV ? new Response(answer) : new Response("no", { status: 500 }),
      );
      const now = known ?? start(place);
      await renew(place, now);
      expect(place.reasons()[0]).toMatch(reason);
      expect(place.settings.get("models.registry")).toBe(writes);
      expect(knows(now, "gpt-9")).toBe(true);
      if (known !== null) expect(now.text()).toBe(text);
    }
  });

  test("the second source is asked instead", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    await renew(context, upstream);
    await context.clock.advance(FRESH_MS);
    context.serve((asked) =>
      asked.url === SECOND ? serving(NEWER, '"2"')(asked) : new Response(without("openai")),
    );
    await renew(context, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
  });

  test("mostly malformed is refused by a cold process too, which has the snapshot", async () => {
    const context = registryContext();
    context.serve(() => new Response(sampleWith((all) => Object.keys(all).map((id) => spoilt(all, id, 1)))));
    const upstream = start(context);
    await renew(context, upstream);
    expect(upstream.registry()).toBe(snapshot());
    expect(upstream.text()).toBe(null);
  });

  test("a source that is mostly malformed is described by the snapshot, where nothing else is known", async () => {
    const context = registryContext();
    context.serve(serving(sampleWith((all) => spoilt(all, "openai", 1))));
    const upstream = start(context);
    await renew(context, upstream);
    expect(upstream.registry().get("openai")).toBe(snapshot().get("openai"));
    expect(upstream.registry().get("anthropic")).not.toBe(snapshot().get("anthropic"));
  });

  test("an operator's own registry without our sources keeps working, over restarts too", async () => {
    const url = "https://mirror.example/api.json";
    const own = (...ids: string[]) =>
      JSON.stringify({ mine: rawProvider("mine", ...ids.map((id) => rawModel(id))) });
    const context = registryContext({ url });
    context.serve(serving(own("a"), '"1"'));
    await renew(context, start(context));
    // A copy of a former version does not say what it holds of its own.
    const { sources: _new, ...former } = JSON.parse(context.settings.get("models.registry") ?? "");
    context.settings.set("models.registry", JSON.stringify(former));
    let tag = 1;
    for (const ids of [["a", "b"], ["c"]]) {
      const later = context.restarted();
      await later.clock.advance(FRESH_MS);
      later.serve(serving(own(...ids), `"${++tag}"`));
      const upstream = start(later);
      await renew(later, upstream);
      expect(later.reasons()).toEqual([]);
      expect(new TextDecoder().decode(upstream.text()?.head)).toBe(own(...ids).slice(0, -1));
      expect(upstream.registry().get("openai")).toEqual(snapshot().get("openai"));
    }
  });
});
