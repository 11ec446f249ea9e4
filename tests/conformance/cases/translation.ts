/** A model through a protocol that its provider does not speak. */
import { expect } from "vitest";
import { type Dict, objectOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { endsOf, eventsOf, PATH, type Protocol, request, streamedText, wholeText } from "../wire.ts";
import type { AccountName, World } from "../world.ts";

const area = "translation";

/** Which account's model speaks each protocol and nothing else. */
const TARGETS: Record<
  Protocol,
  { readonly account: AccountName; readonly provider: "claude" | "codex" | "copilot"; readonly model: string }
> = {
  messages: { account: "claude", provider: "claude", model: "claude-sonnet-5" },
  responses: { account: "codex", provider: "codex", model: "gpt-5.5" },
  chat: { account: "copilot", provider: "copilot", model: "copilot/grok-4.5" },
};

const PROTOCOLS: readonly Protocol[] = ["messages", "responses", "chat"];
const PAIRS = PROTOCOLS.flatMap((from) =>
  PROTOCOLS.filter((to) => to !== from).map((to) => ({ from, to, ...TARGETS[to] })),
);
type Pair = (typeof PAIRS)[number];

const GOOD_END: Record<Protocol, string> = {
  messages: "message_stop",
  responses: "response.completed",
  chat: "[DONE]",
};

const BAD_ENDS: Record<Protocol, readonly string[]> = {
  messages: ["error"],
  responses: ["error", "response.failed"],
  chat: ["error"],
};

function ask(world: World, pair: Pair, text: string, stream: boolean): Promise<Response> {
  const { key } = world.accounts[pair.account];
  return world.ask(PATH[pair.from], request(pair.from, pair.model, text, stream), { key });
}

export const cases: Case[] = PAIRS.flatMap((pair) => [
  {
    area,
    name: `a ${pair.from} client is answered by a model that speaks ${pair.to}, in one piece and streamed`,
    async run(world: World) {
      const whole = await ask(world, pair, "whole", false);
      expect(whole.status).toBe(200);
      expect(whole.headers.get("x-kleis-changes")).toContain(`translated:${pair.from}-${pair.to}`);
      const body: Dict = objectOf(await whole.json()) ?? {};
      expect(wholeText(pair.from, body)).toContain("whole");
      expect(body.model).toBe(pair.model);

      const streamed = await ask(world, pair, "streamed", true);
      expect(streamed.status).toBe(200);
      expect(streamed.headers.get("content-type")).toContain("text/event-stream");
      const events = eventsOf(await streamed.text());
      expect(streamedText(pair.from, events)).toContain("streamed");
      expect(endsOf(pair.from, events)).toEqual([GOOD_END[pair.from]]);
    },
  },
  {
    area,
    name: `a ${pair.to} stream that breaks ends a ${pair.from} client's with its own error`,
    async run(world: World) {
      world.fakes[pair.provider].script({ scenario: "long", events: 40, cutAfterEvents: 12 });
      const response = await ask(world, pair, "broken", true);
      expect(response.status).toBe(200);
      const events = eventsOf(await response.text());
      expect(streamedText(pair.from, events)).not.toBe("");
      expect(endsOf(pair.from, events)).toEqual(BAD_ENDS[pair.from]);
    },
  },
]);
