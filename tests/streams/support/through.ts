/** A stream's way through a whole door: from a stand-in that cuts it to a client that takes what comes. */
import type { ServerResponse } from "node:http";
import type { FakeClaude, FakeCodex, FakeCopilot } from "../../fakes/index.ts";
import { cutConnection } from "../../fakes/server.ts";
import { ask, pause } from "./client.ts";
import type { Sample } from "./corpus.ts";
import type { Seeded } from "./seed.ts";
import { requestBody, type StreamProtocol, type WayName } from "./ways.ts";

export type AccountName = "claude" | "claudeKey" | "codex" | "openaiKey" | "copilot";

/** A door with an account of each kind behind it. */
export interface Doorway {
  readonly url: string;
  readonly fakes: { claude: FakeClaude; codex: FakeCodex; copilot: FakeCopilot };
  /** The Kleis key that uses this account only. */
  readonly keyFor: (account: AccountName) => string;
}

interface Route {
  readonly as: AccountName;
  readonly path: string;
  readonly model: string;
  readonly fake: keyof Doorway["fakes"];
}

const ROUTES: Record<WayName, Route> = {
  "claude plan": { as: "claude", path: "/v1/messages", model: "claude-sonnet-4-6", fake: "claude" },
  "claude key": { as: "claudeKey", path: "/v1/messages", model: "claude-sonnet-4-6", fake: "claude" },
  "codex plan": { as: "codex", path: "/v1/responses", model: "gpt-5.5", fake: "codex" },
  "openai key responses": { as: "openaiKey", path: "/v1/responses", model: "gpt-5.5", fake: "codex" },
  "openai key chat": {
    as: "openaiKey",
    path: "/v1/chat/completions",
    model: "codex/gpt-5.5",
    fake: "codex",
  },
  "copilot chat": {
    as: "copilot",
    path: "/copilot/v1/chat/completions",
    model: "gpt-5-mini",
    fake: "copilot",
  },
  "copilot responses": { as: "copilot", path: "/copilot/v1/responses", model: "gpt-5.5", fake: "copilot" },
  "copilot messages": {
    as: "copilot",
    path: "/copilot/v1/messages",
    model: "claude-sonnet-4.6",
    fake: "copilot",
  },
};

export interface Got {
  readonly status: number | undefined;
  /** False when the connection broke before the answer had ended. */
  readonly complete: boolean;
  readonly bytes: Buffer;
}

export interface Cut {
  /** Bytes that get through. */
  readonly behind: number;
  readonly how: "end" | "reset";
}

/**
 * So many places at random, and the whole. Before the first byte of a body a reset is no cut stream but no answer at all,
 * so they begin behind it.
 */
export function cutsOf({ bytes }: Sample, count: number, { int }: Seeded): Cut[] {
  const { length } = bytes;
  const places = Array.from({ length: count }, () => 1 + int(length - 1));
  return [
    ...places.map((behind): Cut => ({ behind, how: int(2) === 0 ? "end" : "reset" })),
    { behind: length, how: "end" },
  ];
}

export async function through(
  { url, fakes, keyFor }: Doorway,
  { way, bytes }: Sample,
  { behind, how }: Cut,
  { int }: Seeded,
): Promise<Got> {
  const { as, path, model, fake } = ROUTES[way];
  const size = 1 + int(600);
  fakes[fake].script({
    raw: async (res: ServerResponse) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      for (let at = 0; at < behind; at += size) {
        await new Promise((resolve) => res.write(bytes.subarray(at, Math.min(at + size, behind)), resolve));
        if (int(4) === 0) await pause(1);
      }
      if (how === "end") res.end();
      else cutConnection(res);
    },
  });
  const response = await ask(url + path, keyFor(as), requestBody(protocolOf(path), model)).answered;
  const parts: Buffer[] = [];
  response.on("data", (part: Buffer) => parts.push(part));
  await new Promise((resolve) => response.on("close", resolve));
  return { status: response.statusCode, complete: response.complete, bytes: Buffer.concat(parts) };
}

function protocolOf(path: string): StreamProtocol {
  if (path.endsWith("messages")) return "messages";
  return path.endsWith("responses") ? "responses" : "chat";
}
