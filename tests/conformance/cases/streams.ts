import { expect } from "vitest";
import { messagesEvents, messagesWire, renderEvents } from "../../fakes/index.ts";
import type { Case } from "../case.ts";
import { endsOf, eventsOf, PATH, type Protocol, request, streamedText } from "../wire.ts";
import { blamed, until, type World } from "../world.ts";

const area = "streams";

/** One way per protocol. */
const WAYS = [
  { protocol: "messages", account: "claudeKey", provider: "claude", model: "claude-sonnet-5" },
  { protocol: "responses", account: "openaiKey", provider: "codex", model: "gpt-5.5" },
  { protocol: "chat", account: "copilot", provider: "copilot", model: "gpt-5-mini" },
] as const;

async function stream(world: World, each: (typeof WAYS)[number], text = "stream"): Promise<string> {
  const body = request(each.protocol, each.model, text, true);
  const response = await world.ask(PATH[each.protocol], body, { key: world.accounts[each.account].key });
  expect(response.status).toBe(200);
  return response.text();
}

const ERROR_END: Record<Protocol, readonly string[]> = {
  messages: ["error"],
  responses: ["error", "response.failed"],
  chat: ["error"],
};

export const cases: Case[] = [
  {
    area,
    name: "an event reaches the client before the next one exists",
    async run({ ask, accounts, fakes }) {
      const [first, ...rest] = renderEvents(messagesEvents("text").map(messagesWire));
      let heard = () => {};
      const clientHeard = new Promise<void>((resolve) => {
        heard = resolve;
      });
      fakes.claude.script({
        async raw(res) {
          res.writeHead(200, { "content-type": "text/event-stream" });
          res.write(first);
          await clientHeard;
          res.end(Buffer.concat(rest));
        },
      });
      const body = request("messages", "claude-sonnet-5", "hello", true);
      const response = await ask("/v1/messages", body, { key: accounts.claudeKey.key });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const { value } = await reader.read();
      expect(value).toBe(first?.toString());
      heard();
      let whole = value ?? "";
      for (let next = await reader.read(); !next.done; next = await reader.read()) whole += next.value;
      expect(whole).toBe(Buffer.concat([first!, ...rest]).toString());
    },
  },
  ...WAYS.map((each) => ({
    area,
    name: `a thousand ${each.protocol} events in odd slices arrive whole and in order`,
    async run(world: World) {
      const options = { scenario: "long", events: 1000, chunk: 997 } as const;
      world.fakes[each.provider].script(options);
      const text = await stream(world, each);
      expect(text.split("\n\n").length).toBeGreaterThan(1000);
      expect(endsOf(each.protocol, eventsOf(text))).toHaveLength(1);
    },
  })),
  {
    area,
    name: "letters that are cut in two on the way arrive whole",
    async run(world) {
      for (const each of WAYS) {
        world.fakes[each.provider].script({ scenario: "emoji", chunk: 3 });
        expect(streamedText(each.protocol, eventsOf(await stream(world, each)))).toBe(
          "Grüße 👩‍👩‍👧‍👦 aus 東京 🇯🇵 – “ok” 🧵",
        );
      }
    },
  },
  {
    area,
    name: "a stream that the provider packed all the same arrives unpacked",
    async run(world) {
      for (const gzip of ["labelled", "unlabelled"] as const) {
        for (const each of WAYS) {
          world.fakes[each.provider].script({ scenario: "text", gzip });
          const text = await stream(world, each, `packed ${gzip}`);
          expect(streamedText(each.protocol, eventsOf(text))).toContain(`packed ${gzip}`);
        }
      }
    },
  },
  ...WAYS.map((each) => ({
    area,
    name: `a ${each.protocol} stream that breaks ends with the protocol's error`,
    async run(world: World) {
      for (const cut of ["destroy", "end"] as const) {
        world.fakes[each.provider].script({ scenario: "text", cutAfterEvents: 3, cut });
        const events = eventsOf(await stream(world, each));
        const ends = endsOf(each.protocol, events);
        expect(ends.at(-1) === "[DONE]" ? ends.slice(0, -1) : ends, cut).toEqual(ERROR_END[each.protocol]);
      }
    },
  })),
  {
    area,
    name: "a client that leaves in mid-stream ends the provider's side",
    async run(world) {
      for (const each of WAYS) {
        const fake = world.fakes[each.provider];
        fake.script({ scenario: "long", events: 2000, delayMs: 20 });
        const leaving = new AbortController();
        const body = request(each.protocol, each.model, "leave", true);
        const response = await world.ask(PATH[each.protocol], body, {
          key: world.accounts[each.account].key,
          signal: leaving.signal,
        });
        await response.body!.getReader().read();
        const asked = fake.inference.at(-1)!;
        expect(asked.aborted).toBe(false);
        leaving.abort();
        await until(`the ${each.provider} stream ends`, 3_000, () => asked.aborted);
      }
    },
  },
  {
    area,
    name: "a client that leaves before the provider has answered ends the provider's side",
    skip: {
      workers:
        "workerd tells a Worker that its client left only once the answer begins; then it ends (next case)",
    },
    async run({ ask, accounts, fakes }) {
      fakes.claude.script({ scenario: "text", headersAfterMs: 20_000 });
      const leaving = new AbortController();
      const before = fakes.claude.inference.length;
      const asking = ask("/v1/messages", request("messages", "claude-sonnet-5", "leave", true), {
        key: accounts.claudeKey.key,
        signal: leaving.signal,
      }).catch(() => null);
      const asked = await fakes.claude.arrived(before + 1);
      leaving.abort();
      await asking;
      await until("the request to the provider ends", 3_000, () => asked.aborted);
    },
  },
  {
    area,
    name: "a client that has left costs no more than the beginning of an answer",
    async run({ ask, accounts, fakes }) {
      fakes.claude.script({ scenario: "long", events: 3000, delayMs: 20, headersAfterMs: 300 });
      const leaving = new AbortController();
      const before = fakes.claude.inference.length;
      const asking = ask("/v1/messages", request("messages", "claude-sonnet-5", "leave", true), {
        key: accounts.claudeKey.key,
        signal: leaving.signal,
      }).catch(() => null);
      const asked = await fakes.claude.arrived(before + 1);
      leaving.abort();
      await asking;
      await until("the answer ends early", 5_000, () => asked.aborted);
    },
  },
  silence("messages", "claudeKey", "claude", "claude-sonnet-5"),
  silence("chat", "copilot", "copilot", "gpt-5-mini"),
];

/** The provider thinks for longer than connections are kept without a word. */
function silence(
  protocol: Protocol,
  account: "claudeKey" | "copilot",
  provider: "claude" | "copilot",
  model: string,
): Case {
  const running = new WeakMap<World, Promise<string>>();
  return {
    area,
    name: `a client hears a comment in 16 s of silence (${protocol})`,
    ...(protocol === "messages"
      ? { skip: { native: "nothing can be put between the events that workerd passes on by itself" } }
      : {}),
    async begin(world) {
      const fake = world.fakes[provider];
      const before = fake.inference.length;
      fake.script({ scenario: "text", silenceMs: 16_000 });
      const answer = world
        .ask(PATH[protocol], request(protocol, model, "think", true), { key: world.accounts[account].key })
        .then((response) => response.text());
      answer.catch(() => {});
      running.set(world, answer);
      await fake.arrived(before + 1);
    },
    async run(world) {
      const text = await running.get(world)!;
      const at = text.indexOf(": kleis\n\n");
      expect(at).toBeGreaterThan(0);
      expect(text.slice(0, at)).toMatch(/\n\n$/);
      expect(streamedText(protocol, eventsOf(text))).toContain("think");
      expect(endsOf(protocol, eventsOf(text))).toHaveLength(1);
      expect(blamed(world.fakes)).toEqual([]);
    },
  };
}
