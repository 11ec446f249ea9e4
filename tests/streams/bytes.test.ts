/** Answers keep their bytes: all of them where nothing is to change, all but a name where one is to be restored. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { anyJsonText, space } from "./support/json-text.ts";
import { bodyOf, drain, eventStream, type Way, type WayName, wayOf } from "./support/ways.ts";
import { concat, utf8 } from "./support/wire.ts";

const END: Record<string, string> = {
  messages:
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
  responses: 'data: {"type":"response.completed","response":{"id":"r"}}\n\n',
  chat: 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
};

const lineEnd = fc.constantFrom("\n", "\r\n");

/** A line of an event: a field, data in some form, a comment, or any bytes that do not end a line. */
const line: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("data:", "data: ", "data:  ", "event: ", "id: ", ": ", ""),
      fc.string({ unit: "grapheme" }),
    )
    .map(([name, text]) => utf8(name + text.replace(/[\r\n]/g, "_"))),
  anyJsonText.map((json) => utf8(`data: ${json.replace(/[\r\n]/g, " ")}`)),
  fc
    .uint8Array({ maxLength: 12 })
    .map((bytes) => bytes.map((byte) => (byte === 10 || byte === 13 ? 95 : byte))),
);

const event: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(fc.tuple(line, lineEnd), { maxLength: 4 }), lineEnd)
  .map(([lines, last]) => concat([...lines.flatMap(([bytes, end]) => [bytes, utf8(end)]), utf8(last)]));

/** Cuts bytes at places given as fractions of their length. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function pieces(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...at.map((share) => Math.floor(share * bytes.length)), bytes.length].sort((a, b) => a - b);
  return places.map((place, index) => bytes.subarray(places[index - 1] ?? 0, place));
}

async function through(way: Way, parts: readonly Uint8Array[]): Promise<Buffer> {
  const run = await way.run(async () => eventStream(bodyOf(parts)), new VirtualClock());
  return Buffer.from(concat(await drain(run.body)));
}

describe("where nothing is to change, the bytes that came are the bytes that go", () => {
  test.each([
    "claude plan",
    "claude key",
    "codex plan",
    "openai key responses",
    "copilot messages",
  ] as WayName[])("%s: for any events in any pieces", async (name) => {
    const way = await wayOf(name);
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 8 }), cuts, async (events, at) => {
        const bytes = concat([...events, utf8(END[way.protocol] ?? "")]);
        expect((await through(way, pieces(bytes, at))).equals(bytes)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe("where Claude's tool names are restored, nothing but the names differs", () => {
  let way: Way;
  beforeAll(async () => {
    way = await wayOf("claude plan");
  });

  const member = (key: string, value: string) =>
    fc.tuple(space, space, space, space).map(([a, b, c, d]) => `${a}"${key}"${b}:${c}${value}${d}`);
  const object = (members: fc.Arbitrary<string>[]) =>
    fc
      .tuple(...members)
      .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))
      .map((all) => `{${all.join(",")}}`);

  /** Stands where the name is, so that one text gives both what is sent and what must arrive. */
  const NAME = "@@name@@";

  /** The event that begins a tool call, in any order, with any spacing and with further members of any kind. */
  const toolStart = anyJsonText.chain((extra) =>
    object([
      member("type", '"tool_use"'),
      member("id", '"toolu_1"'),
      member("name", `"${NAME}"`),
      member("input", '{"name":"mcp_lookup"}'),
      member("extra", extra),
    ]).chain((block) =>
      object([
        member("type", '"content_block_start"'),
        member("index", "0"),
        member("name", '"mcp_lookup"'),
        member("content_block", block),
      ]),
    ),
  );

  const named = fc
    .tuple(
      toolStart,
      fc.constantFrom("data: ", "data:"),
      lineEnd,
      fc.constantFrom("", ": note\n", "id: 7\n"),
      fc.constantFrom<[string, string]>(
        ["mcp_lookup", "lookup"],
        ["Read", "read"],
        ["mcp_other", "mcp_other"],
        ["Lookup", "Lookup"],
      ),
    )
    .map(([json, prefix, end, more, names]) => {
      const lines = json.split(/\r\n|\n/).map((part) => `${prefix}${part}${end}`);
      const text = `event: content_block_start${end}${more}${lines.join("")}${end}`;
      return names.map((name) => utf8(text.replace(NAME, name)));
    });

  test("for any events in any pieces", async () => {
    const either = fc.oneof(
      event.map((bytes) => [bytes, bytes]),
      named,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(either, { maxLength: 6 }), cuts, async (events, at) => {
        const [sent, wanted] = [0, 1].map((side) =>
          concat([...events.map((pair) => pair[side] ?? utf8("")), utf8(END.messages ?? "")]),
        );
        const got = await through(way, pieces(sent ?? utf8(""), at));
        expect(got.toString("latin1")).toBe(Buffer.from(wanted ?? []).toString("latin1"));
      }),
      { numRuns: 400 },
    );
  });
});
