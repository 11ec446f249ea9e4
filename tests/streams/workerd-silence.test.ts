/**
 * Two minutes of silence in real workerd. Cloudflare is reported to cut the body of a `fetch` there after about 120 s
 * without a byte; workerd itself does not, and whoever cuts, the client's stream must not end without a word. The waits
 * are real time and run beside each other; `vitest.config.ts` starts this file first, so that other files run meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningBuild } from "../../harness/builds.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { openStage, type Stage } from "../conformance/stage.ts";
import { endsOf, eventsOf, PATH, type Protocol, request, streamedText } from "../conformance/wire.ts";
import { type AccountName, blamed, openWorld, type World } from "../conformance/world.ts";
import type { Delivery } from "../fakes/delivery.ts";

const SILENCE_MS = 121_000;
/** Without an answer of the provider's the client's headers come after 45 s. */
const HEADERS_MS = 45_000;
/** Kleis's sign of life comes after 15 s of silence; twice that for a machine that has much else to do. */
const KEEP_ALIVE_MS = 15_000;
const GAP_MS = 2 * KEEP_ALIVE_MS;
const COMMENT = ": kleis\n\n";
const ENDS: Record<Protocol, { good: readonly string[]; bad: readonly string[] }> = {
  messages: { good: ["message_stop"], bad: ["error"] },
  responses: { good: ["response.completed"], bad: ["error", "response.failed"] },
  chat: { good: ["[DONE]"], bad: ["error"] },
};

type Way = readonly [Protocol, AccountName, "claude" | "codex" | "copilot", model: string];
const WAYS: readonly [Way, ...Way[]] = [
  ["messages", "claudeKey", "claude", "claude-sonnet-5"],
  ["messages", "claude", "claude", "claude-sonnet-5"],
  ["responses", "codex", "codex", "gpt-5.5"],
  ["responses", "openaiKey", "codex", "gpt-5.5"],
  ["chat", "copilot", "copilot", "gpt-5-mini"],
];

type When = "in the stream" | "before the headers" | "before the provider breaks off";
const DELIVERY: Record<When, Delivery> = {
  "in the stream": { silenceMs: SILENCE_MS },
  "before the headers": { headersAfterMs: SILENCE_MS },
  // The second event leaves with the cut.
  "before the provider breaks off": { silenceMs: SILENCE_MS, cutAfterEvents: 1 },
};
const WHEN = Object.keys(DELIVERY) as When[];

interface Received {
  readonly text: string;
  /** The longest wait for a byte, ms, counted from the request. */
  readonly gap: number;
  /** From the request to the last byte, ms. */
  readonly took: number;
}

let stage: Stage;
let world: World;
let native: RunningBuild;
/** What clients get, by the name of the test that looks at it; all of it begins before the first test. */
const begun = new Map<string, Promise<Received>>();

beforeAll(async () => {
  if (sqldMissing !== null) return;
  stage = await openStage("workers");
  world = await openWorld("workers", stage);
  native = await stage.start({ ...world.fakes.env, KLEIS_NATIVE_STREAMS: "on" });
  for (const when of WHEN) {
    for (const way of WAYS) await begin(nameOf(way, when), world.url, way, when);
    await begin(`native ${when}`, native.url, WAYS[0], when);
  }
});

afterAll(async () => {
  await native?.close();
  await world?.close();
  await stage?.close();
});

function nameOf([protocol, account]: Way, when: When): string {
  return `${protocol} of ${account}, ${when}`;
}

/** Asks, and resolves once the provider has heard of it. */
async function begin(
  name: string,
  url: string,
  [protocol, account, provider, model]: Way,
  when: When,
): Promise<void> {
  const fake = world.fakes[provider];
  const before = fake.inference.length;
  fake.script({ scenario: "text", ...DELIVERY[when] });
  const received = receive(
    fetch(url + PATH[protocol], {
      method: "POST",
      headers: {
        authorization: `Bearer ${world.accounts[account].key}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(request(protocol, model, "think", true)),
    }),
  );
  received.catch(() => {});
  begun.set(name, received);
  await fake.arrived(before + 1);
}

async function receive(answering: Promise<Response>): Promise<Received> {
  const asked = performance.now();
  const response = await answering;
  expect(response.status).toBe(200);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let last = asked;
  let gap = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    gap = Math.max(gap, performance.now() - last);
    last = performance.now();
    text += next.value;
  }
  return { text, gap, took: last - asked };
}

function check(protocol: Protocol, when: When, { text }: Received): void {
  const events = eventsOf(text);
  const isBroken = when === "before the provider breaks off";
  expect(endsOf(protocol, events)).toEqual(ENDS[protocol][isBroken ? "bad" : "good"]);
  if (!isBroken) expect(streamedText(protocol, events)).toContain("think");
}

describe.skipIf(sqldMissing !== null).each(WHEN)("121 s of silence %s", (when) => {
  test.each(WAYS.map((way) => [nameOf(way, when), way] as const))(
    "leave the client a whole stream, and signs of life meanwhile: %s",
    async (name, [protocol]) => {
      const received = await begun.get(name)!;
      check(protocol, when, received);
      expect(received.took).toBeGreaterThanOrEqual(SILENCE_MS);
      expect(received.gap).toBeLessThan(when === "before the headers" ? HEADERS_MS + GAP_MS : GAP_MS);
      const comments = received.text.split(COMMENT).length - 1;
      const silence = SILENCE_MS - (when === "before the headers" ? HEADERS_MS : 0);
      expect(comments).toBeGreaterThanOrEqual(Math.floor(silence / GAP_MS));
      expect(blamed(world.fakes)).toEqual([]);
    },
    SILENCE_MS + 60_000,
  );

  test(
    "do not end a stream that workerd passes on by itself",
    async () => {
      check("messages", when, await begun.get(`native ${when}`)!);
    },
    SILENCE_MS + 60_000,
  );
});
