/** The last seconds of a server: everything that still runs is told so, in its protocol, before it is cut. */
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RecordedRequest } from "../fakes/index.ts";
import type { Inference } from "../fakes/inference.ts";
import { ask, type Read, readAll, readUntil } from "../streams/support/client.ts";
import { requestBody, type StreamProtocol } from "../streams/support/ways.ts";
import { theOneEnd, utf8 } from "../streams/support/wire.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { until } from "./upstream.ts";

const ROUTES = [
  ["messages", "/v1/messages", "claude-sonnet-4-6", "claude"],
  ["responses", "/v1/responses", "gpt-5.5", "codex"],
  ["chat", "/copilot/v1/chat/completions", "gpt-5-mini", "copilot"],
] as const;

const WORDS = /Connection lost: Kleis is shutting down \(service unavailable\)/;

interface Ended extends Read {
  readonly status: number;
  /** The request that its provider got. */
  readonly provider?: RecordedRequest;
}

const toTheEnd = async (response: IncomingMessage): Promise<Ended> => ({
  ...(await readAll(response)),
  status: response.statusCode ?? 0,
});

const isRenewal = ({ path }: RecordedRequest) => path.endsWith("/oauth/token");

/** What became of each request: `<protocol>, <how far it had got>`. */
const ended = new Map<string, Promise<Ended>>();
let door: Door;

beforeAll(async () => {
  door = await openDoor();
  const accounts = await connectAll(door);
  const key = await door.key();
  for (const [protocol, path, model, provider] of ROUTES) {
    const fake: Inference<never> = door.fakes[provider];
    const begin = async (state: string, delivery: object, change: object) => {
      const from = fake.inference.length;
      fake.script({ scenario: "text", ...delivery } as never);
      const client = ask(door.url + path, key, { ...requestBody(protocol, model), ...change });
      const provider = await fake.arrived(from + 1);
      if (state === "streaming") await readUntil(await client.answered, "\n\n");
      const end = client.answered.then(toTheEnd);
      ended.set(
        `${protocol}, ${state}`,
        end.then((whole) => ({ ...whole, provider })),
      );
    };
    await begin("streaming", { silenceMs: 60_000 }, {});
    await begin("a stream without an answer yet", { headersAfterMs: 60_000 }, {});
    if (protocol === "responses")
      await begin("half gathered into one piece", { silenceMs: 60_000 }, { stream: false });
    await begin("one piece without an answer yet", { headersAfterMs: 60_000 }, { stream: false });
  }
  door.fakes.claude.token.script({ delayMs: 5_000 });
  const renewed = ask(`${door.url}/admin/accounts/${accounts.claude}/refresh`, door.adminToken, {});
  ended.set("a renewal", renewed.answered.then(toTheEnd));
  await until("the token endpoint is asked", () => door.fakes.claude.requests.some(isRenewal));
  await door.close();
});
afterAll(() => door.fakes.close());

const of = async (protocol: StreamProtocol, state: string) => {
  const end = await ended.get(`${protocol}, ${state}`);
  if (end?.provider === undefined) throw new Error("was not asked");
  return { ...end, provider: end.provider };
};

test("requests of the admin page get the shutdown error as well", async () => {
  const end = await ended.get("a renewal");
  expect([end?.status, JSON.parse(end?.text ?? "").error.code]).toEqual([503, "shutting_down"]);
});

test("a response that is being aggregated from a stream ends with 503 as well", async () => {
  const { status, text, provider } = await of("responses", "half gathered into one piece");
  expect([status, JSON.parse(text).error.code]).toEqual([503, "shutting_down"]);
  await provider.closed;
});

describe.each(ROUTES)("%s", (protocol) => {
  test("a stream gets the error event of its protocol and a whole end, and the provider is let go", async () => {
    const { text, complete, provider } = await of(protocol, "streaming");
    expect(complete).toBe(true);
    expect(text).toMatch(WORDS);
    expect(theOneEnd(protocol, utf8(text))).toBe("error");
    await provider.closed;
    expect(provider.aborted).toBe(true);
  });

  test.each(["a stream without an answer yet", "one piece without an answer yet"])(
    "%s gets 503 in the shape of its protocol, and the provider is let go",
    async (state) => {
      const { status, text, complete, provider } = await of(protocol, state);
      expect([status, complete]).toEqual([503, true]);
      const body = JSON.parse(text);
      expect(body.error).toMatchObject({ code: "shutting_down", message: expect.stringMatching(WORDS) });
      expect([body.type, body.error.type]).toEqual(
        protocol === "messages" ? ["error", "overloaded_error"] : [undefined, "server_error"],
      );
      await provider.closed;
      expect(provider.aborted).toBe(true);
    },
  );
});
