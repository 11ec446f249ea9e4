import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { SAMPLE, sampleWith } from "../../harness/models-dev.ts";
import { TIMEOUT_MS } from "../../src/models/registry/fetch-source.ts";
import { snapshot } from "../../src/models/registry/snapshot.ts";
import { FRESH_MS, PAUSE_MS } from "../../src/models/registry/upstream.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { MODELS_DEV, type RegistryContext, registryContext, SECOND, serving } from "./context.ts";
import { knows, NEWER, renew, start } from "./renewal.ts";

/** ms by which the context's clock may run ahead while real work (unpacking, hashing) is waited for. */
const SLIP_MS = 1_000;

const stored = (context: RegistryContext) => context.settings.has("models.registry");

describe("a process that has just started", () => {
  test("answers from the snapshot until upstream has answered, then from upstream", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    const upstream = start(context);
    expect(upstream.registry()).toBe(snapshot());
    expect(upstream.isReady("store")).toBe(false);
    await renew(context, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
    expect(upstream.isReady("text")).toBe(true);
    expect(context.sent.map(({ url }) => url)).toEqual([MODELS_DEV]);
  });

  test("names itself, brings no credential, and asks for a packed answer", async () => {
    const context = registryContext();
    context.serve(serving());
    await renew(context, start(context));
    const { headers } = context.sent[0]!;
    expect(Object.fromEntries(headers)).toEqual({
      accept: "application/json",
      "accept-encoding": "gzip",
      "user-agent": expect.stringMatching(/^kleis\/\d/),
    });
  });

  test("has the last good copy of the process before it, also offline", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    await renew(context, start(context));

    const later = context.restarted();
    await later.clock.advance(3 * 86_400_000);
    const upstream = start(later);
    await renew(later, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
    expect(upstream.text()).toBe(null);
    upstream.begin("text");
    await later.settled();
    expect(new TextDecoder().decode(upstream.text()?.head)).toBe(NEWER.slice(0, -1));
  });

  test("has that of a former version too, which does not say what it holds of its own", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    await renew(context, start(context));
    const { sources: _new, ...former } = JSON.parse(context.settings.get("models.registry") ?? "");
    context.settings.set("models.registry", JSON.stringify(former));
    const later = context.restarted();
    const upstream = start(later);
    await renew(later, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
  });

  test("does not ask upstream for what was stored within the last minutes", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    await renew(context, start(context));
    const next = context.restarted();
    const upstream = start(next);
    await renew(next, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
    expect(next.sent).toEqual([]);
  });

  test("asks only whether the stored copy has changed", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    await renew(context, start(context));
    const later = context.restarted();
    await later.clock.advance(FRESH_MS);
    later.serve(serving(NEWER));
    const upstream = start(later);
    await renew(later, upstream);
    expect(later.sent[0]?.headers.get("if-none-match")).toBe('"1"');
    expect(knows(upstream, "gpt-9")).toBe(true);
  });

  test("asks for everything when the store has lost the text", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    await renew(context, start(context));
    for (const broken of [
      undefined,
      "",
      "other\nAAAA",
      `${context.settings.get("models.registry.text")?.slice(0, 200)}`,
    ]) {
      const later = context.restarted();
      if (broken === undefined) later.settings.delete("models.registry.text");
      else later.settings.set("models.registry.text", broken);
      later.serve(serving(NEWER));
      await later.clock.advance(FRESH_MS);
      const upstream = start(later);
      for (let look = 0; look < 3; look++) {
        upstream.begin("text");
        await later.settled();
      }
      expect(upstream.text()).not.toBe(null);
      expect(later.sent.at(-1)?.headers.has("if-none-match")).toBe(false);
    }
  });

  test("does not trust a copy that cannot be read, is from elsewhere, or is older than the snapshot", async () => {
    const context = registryContext();
    context.serve(serving(NEWER));
    await renew(context, start(context));
    const good = JSON.parse(context.settings.get("models.registry") ?? "");
    for (const bad of [
      "",
      "{}",
      "[]",
      JSON.stringify({ ...good, url: "https://other.example/api.json" }),
      JSON.stringify({ ...good, at: 0 }),
    ]) {
      context.settings.set("models.registry", bad);
      const next = context.restarted();
      const upstream = start(next);
      await renew(next, upstream);
      expect(upstream.registry()).toBe(snapshot());
    }
  });

  test("lives without a store", async () => {
    const context = registryContext();
    context.down = true;
    context.serve(serving(NEWER));
    const upstream = start(context);
    await renew(context, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
    expect(context.logged.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["registry_not_read", "registry_not_stored"]),
    );
  });
});

describe("a process that is warm", () => {
  test("asks again after five minutes, answers the old meanwhile, and the new afterwards", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    await renew(context, upstream);
    context.serve(serving(NEWER, '"2"'));
    await context.clock.advance(FRESH_MS - SLIP_MS);
    await renew(context, upstream);
    expect(context.sent).toHaveLength(1);
    await context.clock.advance(SLIP_MS);
    upstream.begin("text");
    expect(knows(upstream, "gpt-9")).toBe(false);
    expect(upstream.isReady("text")).toBe(true);
    await context.settled();
    expect(knows(upstream, "gpt-9")).toBe(true);
  });

  test("asks once for many callers", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    for (let caller = 0; caller < 50; caller++) upstream.begin("text");
    await context.settled();
    expect(context.sent).toHaveLength(1);
  });

  test("keeps everything as it was when nothing has changed", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    await renew(context, upstream);
    const before = upstream.registry();
    const writes = context.settings.get("models.registry");
    await context.clock.advance(FRESH_MS);
    await renew(context, upstream);
    // The same content under a new tag, too.
    context.serve(serving(SAMPLE, '"2"'));
    await context.clock.advance(FRESH_MS);
    await renew(context, upstream);
    expect(context.sent).toHaveLength(3);
    expect(upstream.registry()).toBe(before);
    expect(context.settings.get("models.registry")).toBe(writes);
  });

  test("describes by the snapshot what upstream describes no more", async () => {
    const context = registryContext();
    context.serve(
      serving(
        sampleWith((registry) => {
          delete registry.openai;
        }),
      ),
    );
    const upstream = start(context);
    await renew(context, upstream);
    expect(upstream.registry().get("openai")).toBe(snapshot().get("openai"));
    expect(upstream.registry().get("anthropic")).not.toBe(snapshot().get("anthropic"));
  });

  test("asks at once at the owner's wish", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    await renew(context, upstream);
    context.serve(serving(NEWER, '"2"'));
    expect((await context.measured(upstream.refresh())).value).toBe("renewed");
    expect((await context.measured(upstream.refresh())).value).toBe("unchanged");
    context.serve(() => new Response("no", { status: 500 }));
    expect((await context.measured(upstream.refresh())).value).toBe("refused");
  });

  test("asks once for all who wish it at the same time, also cold, and tells them all what came of it", async () => {
    const context = registryContext();
    const upstream = start(context);
    for (const [network, outcome] of [
      [serving(), "renewed"],
      [serving(), "unchanged"],
      [serving(NEWER, '"2"'), "renewed"],
      [() => new Response("no", { status: 500 }), "refused"],
    ] as const) {
      context.sent.length = 0;
      context.serve(network);
      const wishes = Promise.all(Array.from({ length: 10 }, () => upstream.refresh()));
      expect((await context.measured(wishes)).value).toEqual(Array(10).fill(outcome));
      expect(context.sent.filter(({ url }) => url === MODELS_DEV)).toHaveLength(1);
    }
  });

  test("tells whoever waits for a renewal that was cut off with its request, within a time limit", async () => {
    const context = registryContext();
    const upstream = start(context);
    context.serve(() => never);
    const { sleep } = context.clock;
    // A runtime that ends the request's work: its timers never come.
    context.clock.sleep = () => never;
    void upstream.refresh();
    await expect.poll(() => context.sent.length).toBe(1);
    context.clock.sleep = sleep;
    let answer = "";
    void upstream.refresh().then((value) => {
      answer = value;
    });
    await context.clock.advance(16_000);
    expect(answer).toBe("refused");
  });

  test("asks again though the clock was set back", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    await renew(context, upstream);
    const { clock } = context;
    const now = clock.now.bind(clock);
    clock.now = () => now() - 86_400_000;
    context.serve(serving(NEWER, '"2"'));
    await renew(context, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
  });

  test("asks again though the stored copy is from the future", async () => {
    const context = registryContext();
    context.serve(serving());
    await renew(context, start(context));
    const earlier = registryContext({
      settings: context.settings,
      clock: new VirtualClock(context.clock.now() - 86_400_000),
    });
    earlier.serve(serving(NEWER, '"2"'));
    const upstream = start(earlier);
    await renew(earlier, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
  });

  test("unpacks a packed answer, whether or not it is labelled", async () => {
    for (const headers of [new Headers(), new Headers({ "content-encoding": "gzip" })]) {
      const context = registryContext();
      context.serve(() => new Response(gzipSync(NEWER), { headers }));
      const upstream = start(context);
      await renew(context, upstream);
      expect(knows(upstream, "gpt-9")).toBe(true);
    }
  });
});

const never = new Promise<never>(() => {});
const hanging = new ReadableStream({ pull: () => never });

describe("an upstream that fails costs nobody his registry, and the log says why", () => {
  test.each<[string, () => Response | Promise<Response>, RegExp]>([
    ["a web page", () => new Response("<!doctype html>"), /web page/],
    ["5 MB of junk", () => new Response("x".repeat(5_000_000)), /not JSON/],
    ["an array", () => new Response("[]"), /not an object/],
    ["a half file", () => new Response(SAMPLE.subarray(0, 90_000)), /not JSON/],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: SECOND } }), /redirect/],
    ["an error status", () => new Response("busy", { status: 503 }), /status 503/],
    ["no content", () => new Response(null, { status: 204 }), /empty/],
    ["no network", () => Promise.reject(new Error("ENOTFOUND")), /could not be reached/],
    [
      "no name",
      () => Promise.reject(Object.assign(new Error("lookup"), { code: "ENOTFOUND" })),
      /name could not be resolved \(ENOTFOUND\)/,
    ],
    ["silence", () => never, /within 5000 ms/],
    ["a body that hangs", () => new Response(hanging.tee()[0]), /within 5000 ms/],
    ["more than 16 MB", () => new Response("x".repeat(16 * 1024 * 1024 + 1)), /more than/],
    ["more than 16 MB, packed", () => new Response(gzipSync("x".repeat(17 * 1024 * 1024))), /more than/],
    ["broken packing", () => new Response(gzipSync(NEWER).subarray(0, 500)), /broke off/],
  ])("%s", async (_name, answer, reason) => {
    const context = registryContext({ url: "https://mirror.example/api.json" });
    context.serve(serving(NEWER));
    const upstream = start(context);
    await renew(context, upstream);
    context.serve(answer);
    await context.clock.advance(FRESH_MS);
    const { ms } = await context.measured(renew(context, upstream));
    expect(ms).toBeLessThanOrEqual(TIMEOUT_MS + 20);
    expect(context.reasons().join()).toMatch(reason);
    expect(knows(upstream, "gpt-9")).toBe(true);
    expect(upstream.text()).not.toBe(null);
  });

  test("an answer to a question that was not asked", async () => {
    const context = registryContext();
    context.serve(() => new Response(null, { status: 304 }));
    const upstream = start(context);
    await renew(context, upstream);
    expect(context.reasons().join()).toMatch(/304/);
    expect(upstream.registry()).toBe(snapshot());
  });

  test("a cold process is left with the snapshot, and does not ask again at once", async () => {
    const context = registryContext();
    context.serve(() => new Response("no", { status: 500 }));
    const upstream = start(context);
    await renew(context, upstream);
    expect(context.sent.map(({ url }) => url)).toEqual([MODELS_DEV, SECOND]);
    expect(upstream.registry()).toBe(snapshot());
    expect(upstream.isReady("text")).toBe(true);
    await context.clock.advance(PAUSE_MS - SLIP_MS);
    await renew(context, upstream);
    expect(context.sent).toHaveLength(2);
    await context.clock.advance(SLIP_MS);
    context.serve(serving(NEWER));
    await renew(context, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);
    expect(stored(context)).toBe(true);
  });

  test("the second source helps out, and only beside the default", async () => {
    const context = registryContext();
    context.serve((asked) =>
      asked.url === SECOND ? serving(NEWER)(asked) : new Response("no", { status: 500 }),
    );
    const upstream = start(context);
    await renew(context, upstream);
    expect(knows(upstream, "gpt-9")).toBe(true);

    const own = registryContext({ url: "https://mirror.example/api.json" });
    own.network = context.network;
    const alone = start(own);
    await renew(own, alone);
    expect(own.sent.map(({ url }) => url)).toEqual(["https://mirror.example/api.json"]);
    expect(alone.registry()).toBe(snapshot());
  });

  test("a renewal that was cut off with its request does not block for ever", async () => {
    const context = registryContext();
    context.serve(serving());
    const upstream = start(context);
    await renew(context, upstream);
    await context.clock.advance(FRESH_MS);
    context.serve(() => never);
    // A runtime that ends the request's work: its timers never come.
    const { sleep } = context.clock;
    context.clock.sleep = () => never;
    upstream.begin("store");
    context.clock.sleep = sleep;
    context.serve(serving(NEWER, '"2"'));
    await context.clock.advance(15_000);
    upstream.begin("store");
    await expect.poll(() => knows(upstream, "gpt-9")).toBe(true);
  });
});

test("an empty MODELS_DEV_URL means that nothing is asked and nothing stored is read", async () => {
  const context = registryContext();
  context.serve(serving(NEWER));
  await renew(context, start(context));
  const off = registryContext({ url: "", settings: context.settings });
  const upstream = start(off);
  expect(upstream.isReady("text")).toBe(true);
  upstream.begin("text");
  expect((await off.measured(upstream.refresh())).value).toBe("off");
  await off.settled();
  expect(off.sent).toEqual([]);
  expect(upstream.registry()).toBe(snapshot());
});
