/** A sample of the chaos through the real Node door: real sockets, real cuts, the same judgement. */
import type { ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FakeClaude, FakeCodex, FakeCopilot } from "../fakes/index.ts";
import { cutConnection } from "../fakes/server.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { ask, pause } from "./support/client.ts";
import { type Sample, smallCorpus } from "./support/corpus.ts";
import { check, expectedAt, judge } from "./support/oracle.ts";
import { seeded } from "./support/seed.ts";
import { isErrorOf, parse, wanted } from "./support/vendors.ts";
import { requestBody, type WayName, wayOf } from "./support/ways.ts";
import { theOneEnd } from "./support/wire.ts";

let door: Door;
const keys = new Map<string, string>();
beforeAll(async () => {
  door = await openDoor();
  const { claude, codex, copilot } = await connectAll(door);
  const claudeKey = await door.account({
    provider: "claude",
    kind: "api_key",
    api_key: door.fakes.claude.issueApiKey(),
  });
  const openaiKey = await door.account({
    provider: "codex",
    kind: "api_key",
    api_key: door.fakes.codex.issueApiKey(),
  });
  for (const [name, id] of Object.entries({ claude, codex, copilot, claudeKey, openaiKey }))
    keys.set(name, await door.key({ accounts: [id] }));
});
afterAll(() => door.close());

interface Route {
  readonly as: string;
  readonly path: string;
  readonly model: string;
  readonly fake: () => FakeClaude | FakeCodex | FakeCopilot;
}

const claude = () => door.fakes.claude;
const codex = () => door.fakes.codex;
const copilot = () => door.fakes.copilot;
const ROUTES: Record<WayName, Route> = {
  "claude plan": { as: "claude", path: "/v1/messages", model: "claude-sonnet-4-6", fake: claude },
  "claude key": { as: "claudeKey", path: "/v1/messages", model: "claude-sonnet-4-6", fake: claude },
  "codex plan": { as: "codex", path: "/v1/responses", model: "gpt-5.5", fake: codex },
  "openai key responses": { as: "openaiKey", path: "/v1/responses", model: "gpt-5.5", fake: codex },
  "openai key chat": { as: "openaiKey", path: "/v1/chat/completions", model: "codex/gpt-5.5", fake: codex },
  "copilot chat": { as: "copilot", path: "/copilot/v1/chat/completions", model: "gpt-5-mini", fake: copilot },
  "copilot responses": { as: "copilot", path: "/copilot/v1/responses", model: "gpt-5.5", fake: copilot },
  "copilot messages": {
    as: "copilot",
    path: "/copilot/v1/messages",
    model: "claude-sonnet-4.6",
    fake: copilot,
  },
};

const CUTS = 4;
const { seed, int } = seeded("door");

describe(`cut at ${CUTS} places and whole, in pieces of any size (seed ${seed})`, () => {
  test.each(smallCorpus().map((sample) => [sample.name, sample] as const))("%s", async (_name, sample) => {
    const judged = judge(await wayOf(sample.way), sample.bytes);
    const { protocol } = judged.way;
    // Before the first byte of a body a reset is no cut stream but no answer at all.
    const { length } = sample.bytes;
    const places = [...Array.from({ length: CUTS }, () => 1 + int(length - 1)), length];
    for (const cut of places) {
      const how = cut === length || int(2) === 0 ? "end" : "reset";
      try {
        const got = await throughTheDoor(sample, cut, how);
        check(judged.way, expectedAt(judged, cut, how), got);
        theOneEnd(protocol, got);
        const want = wanted(protocol, got);
        const { events, error } = await parse(protocol, got);
        if (!isDeepStrictEqual(events, want.events)) throw new Error("the SDK reads other events");
        if (want.error === null ? error !== null : !isErrorOf(protocol, error, want.error))
          throw new Error(`the SDK throws ${error}`);
      } catch (error) {
        expect.fail(`${sample.name}, cut by a ${how} behind byte ${cut}: ${error}`);
      }
    }
  });
});

async function throughTheDoor(
  { way, bytes }: Sample,
  cut: number,
  how: "end" | "reset",
): Promise<Uint8Array> {
  const { as, path, model, fake } = ROUTES[way];
  const size = 1 + int(600);
  fake().script({
    raw: async (res: ServerResponse) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      for (let at = 0; at < cut; at += size) {
        await new Promise((resolve) => res.write(bytes.subarray(at, Math.min(at + size, cut)), resolve));
        if (int(4) === 0) await pause(1);
      }
      if (how === "end") res.end();
      else cutConnection(res);
    },
  });
  const protocol = path.endsWith("messages") ? "messages" : path.endsWith("responses") ? "responses" : "chat";
  const response = await ask(door.url + path, keys.get(as) ?? "", requestBody(protocol, model)).answered;
  const parts: Buffer[] = [];
  response.on("data", (part: Buffer) => parts.push(part));
  await new Promise((resolve) => response.on("close", resolve));
  if (response.statusCode !== 200 || !response.complete)
    throw new Error(`status ${response.statusCode}, complete: ${response.complete}: ${Buffer.concat(parts)}`);
  return Buffer.concat(parts);
}
