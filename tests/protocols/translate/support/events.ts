/** What every decoder promises of its events, generated events, and what a client sees of them. */
import fc from "fast-check";
import type { CarrierPayload } from "../../../../src/protocols/translate/carriers/carrier.ts";
import type {
  Block,
  BlockKey,
  ResponseEvent,
  StopReason,
} from "../../../../src/protocols/translate/model.ts";

/** What is wrong with the order of a decoder's events; empty where the contract of `ResponseEvent` holds. */
export function contractFaults(events: readonly ResponseEvent[], { isWhole = true } = {}): string[] {
  const faults: string[] = [];
  const open = new Map<BlockKey, string>();
  const seen = new Set<BlockKey>();
  let hasStarted = false;
  let ended: string | undefined;
  for (const event of events) {
    if (ended !== undefined) faults.push(`${event.type} after ${ended}`);
    if (event.type === "start" && hasStarted) faults.push("a second start");
    if (event.type !== "start" && event.type !== "fail" && event.type !== "ping" && !hasStarted)
      faults.push(`${event.type} before start`);
    if (event.type === "start") hasStarted = true;
    if (event.type === "open") {
      if (seen.has(event.key)) faults.push(`key ${event.key} again`);
      seen.add(event.key);
      open.set(event.key, event.block.kind);
    } else if ("key" in event) {
      const kind = open.get(event.key);
      if (kind === undefined) faults.push(`${event.type} of a block that is not open`);
      if (event.type === "delta" && event.text === "") faults.push("an empty delta");
      if (event.type === "delta" && (kind === "redacted" || kind === "search"))
        faults.push(`a delta of ${kind}`);
      if (event.type === "close") open.delete(event.key);
    }
    if (event.type === "stop" || event.type === "fail") ended = event.type;
    if (event.type === "stop" && open.size > 0) faults.push("stop with open blocks");
  }
  if (isWhole && ended === undefined) faults.push("no stop and no fail");
  return faults;
}

/** A block of a response as a client knows it in the end. */
export interface SeenBlock {
  readonly block: Block;
  text: string;
  payload?: CarrierPayload;
  queries: readonly string[];
  results: readonly object[];
  cut: boolean;
}

/** The blocks of a response in order of opening, however they came. */
export function blocksOf(events: readonly ResponseEvent[]): SeenBlock[] {
  const blocks = new Map<BlockKey, SeenBlock>();
  for (const event of events) {
    if (event.type === "open")
      blocks.set(event.key, { block: event.block, text: "", queries: [], results: [], cut: false });
    const seen = "key" in event ? blocks.get(event.key) : undefined;
    if (seen === undefined) continue;
    if (event.type === "delta") seen.text += event.text;
    if (event.type === "opaque") seen.payload = event.payload;
    if (event.type === "found") Object.assign(seen, { queries: event.queries, results: event.results });
    if (event.type === "close") seen.cut = event.cut === true;
  }
  return [...blocks.values()];
}

const words = fc.string({
  unit: fc.constantFrom("a", "é", "\n", '"', "\\", "😀", " ", "data:"),
  minLength: 1,
  maxLength: 8,
});
const id = fc.stringMatching(/^[a-zA-Z0-9]{1,8}$/);

const payload: fc.Arbitrary<CarrierPayload> = fc.oneof(
  fc.record({
    from: fc.constant("responses" as const),
    encrypted: id,
    summary: fc.array(fc.string(), { maxLength: 3 }),
  }),
  fc.record({ from: fc.constant("chat" as const), opaque: id, text: words }),
  fc.record({ from: fc.constant("messages" as const), signature: id, text: words }),
);

interface GeneratedBlock {
  readonly block: Block;
  readonly inner: readonly (Record<string, unknown> & { type: string })[];
}

const jsonText = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify({ value }));

/** A text cut anywhere. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort(
    (a, b) => a - b,
  );
  return places
    .slice(1)
    .map((place, index) => text.slice(places[index], place))
    .filter((piece) => piece !== "");
}

const deltas = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(text, fc.array(fc.nat(200), { maxLength: 3 }))
    .map(([whole, cuts]) => pieces(whole, cuts).map((piece) => ({ type: "delta", text: piece })));

const blocks: fc.Arbitrary<GeneratedBlock> = fc.oneof(
  deltas(fc.oneof(words, words, fc.constant(""))).map((inner) => ({
    block: { kind: "text" as const },
    inner,
  })),
  deltas(words).map((inner) => ({ block: { kind: "refusal" as const }, inner })),
  fc
    .tuple(deltas(fc.oneof(words, fc.constant(""))), fc.option(payload, { nil: undefined }))
    .map(([inner, opaque]) => ({
      block: { kind: "thinking" as const },
      inner: opaque === undefined ? inner : [...inner, { type: "opaque", payload: opaque }],
    })),
  payload.map((opaque) => ({
    block: { kind: "redacted" as const },
    inner: [{ type: "opaque", payload: opaque }],
  })),
  fc.tuple(id, id, deltas(jsonText)).map(([callId, name, inner]) => ({
    block: { kind: "tool" as const, id: callId, call: "function" as const, name },
    inner,
  })),
  fc.tuple(id, words, words).map(([searchId, query, title]) => ({
    block: { kind: "search" as const, id: searchId },
    inner: [{ type: "found", queries: [query], results: [{ url: `https://a/${searchId}`, title }] }],
  })),
);

const usage = fc.record({
  input: fc.integer({ min: 2000, max: 9000 }),
  cacheRead: fc.nat(900),
  cacheWrite: fc.nat(900),
  output: fc.nat(900),
  reasoning: fc.nat(90),
  searches: fc.nat(2),
});

/** Whole responses: blocks one after the other, or overlapping; a usage and a stop at the end. */
export const responses: fc.Arbitrary<ResponseEvent[]> = fc
  .record({
    blocks: fc.array(blocks, { maxLength: 5 }),
    order: fc.array(fc.nat(4), { maxLength: 60 }),
    overlaps: fc.boolean(),
    reason: fc.constantFrom<StopReason>("end", "sequence", "tool", "length", "context", "pause", "refusal"),
    usage,
    pings: fc.nat(2),
  })
  .map(({ blocks: generated, order, overlaps, reason, usage: counted, pings }) => {
    const queues = generated.map(({ block, inner }, key) => [
      { type: "open", key, block },
      ...inner.map((event) => ({ ...event, key })),
      { type: "close", key },
    ]) as ResponseEvent[][];
    const events: ResponseEvent[] = [{ type: "start" }];
    for (let at = 0; at < pings; at++) events.push({ type: "ping" });
    // Overlapping blocks still open in order, as no decoder's keys do otherwise.
    const opened = new Set<number>();
    const turns = overlaps ? order : [];
    for (const turn of turns) {
      const which = turn % Math.max(1, queues.length);
      if (which > 0 && !opened.has(which - 1)) continue;
      const event = queues[which]?.shift();
      if (event === undefined) continue;
      opened.add(which);
      events.push(event);
    }
    for (const queue of queues) events.push(...queue);
    return [...events, { type: "usage", usage: counted }, { type: "stop", reason }];
  });
