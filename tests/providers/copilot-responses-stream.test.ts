import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isObject, type JsonObject } from "../../src/json.ts";
import { eventData } from "../../src/protocols/sse/event.ts";
import { responsesRepair } from "../../src/providers/copilot/repair-responses.ts";
import { event, prepared } from "./copilot-setup.ts";

function repaired(events: JsonObject[]): JsonObject[] {
  const repair = responsesRepair();
  return events.map((value) =>
    JSON.parse(eventData(repair.rewrite(event(value)) ?? event("null")) ?? "null"),
  );
}

const item = (id: string, more = {}) => ({ type: "message", id, content: [], ...more });

describe("a Responses stream whose ids change with every event", () => {
  test("keeps the ids of its first mention, encrypted content as it comes", () => {
    const out = repaired([
      { type: "response.created", response: { id: "resp_a", output: [] } },
      {
        type: "response.output_item.added",
        output_index: 0,
        item: item("rs_a", { encrypted_content: "e1" }),
      },
      { type: "response.output_text.delta", output_index: 0, item_id: "rs_b", delta: "x" },
      { type: "response.output_item.done", output_index: 0, item: item("rs_c", { encrypted_content: "e2" }) },
      {
        type: "response.completed",
        response: { id: "resp_b", output: [item("rs_d", { encrypted_content: "e3" })] },
      },
    ]);
    expect(out).toEqual([
      { type: "response.created", response: { id: "resp_a", output: [] } },
      {
        type: "response.output_item.added",
        output_index: 0,
        item: item("rs_a", { encrypted_content: "e1" }),
      },
      { type: "response.output_text.delta", output_index: 0, item_id: "rs_a", delta: "x" },
      { type: "response.output_item.done", output_index: 0, item: item("rs_a", { encrypted_content: "e2" }) },
      {
        type: "response.completed",
        response: { id: "resp_a", output: [item("rs_a", { encrypted_content: "e3" })] },
      },
    ]);
  });

  test("adopts the first id seen where the item was never announced", () => {
    const out = repaired([
      { type: "response.output_text.delta", output_index: 3, item_id: "msg_a" },
      { type: "response.output_text.delta", output_index: 3, item_id: "msg_b" },
      { type: "response.output_item.done", output_index: 3, item: item("msg_c") },
    ]);
    expect(out.map((value) => value.item_id ?? (isObject(value.item) ? value.item.id : null))).toEqual([
      "msg_a",
      "msg_a",
      "msg_a",
    ]);
  });

  test("passes as the very bytes that came where ids hold, and where there is none", () => {
    const repair = responsesRepair();
    for (const bytes of [
      event({ type: "response.created", response: { id: "resp_a" } }, "response.created"),
      event({ type: "response.output_item.added", output_index: 0, item: item("msg_a") }),
      event({ type: "response.output_text.delta", output_index: 0, item_id: "msg_a", delta: "x" }),
      event({ type: "error", code: "rate_limited", message: "slow down" }),
      event({ type: "response.output_text.delta", item_id: "msg_z", delta: "no index" }),
      event('{"item_id": broken'),
      event("[DONE]"),
      new TextEncoder().encode(": ping\n\n"),
    ]) {
      expect(repair.rewrite(bytes)).toBe(bytes);
    }
  });

  test("keeps the event's other lines", () => {
    const repair = responsesRepair();
    repair.rewrite(event({ output_index: 0, item_id: "a" }));
    const out = repair.rewrite(event({ output_index: 0, item_id: "b" }, "response.output_text.delta"));
    expect(new TextDecoder().decode(out ?? undefined)).toBe(
      'event: response.output_text.delta\ndata: {"output_index":0,"item_id":"a"}\n\n',
    );
  });

  test("keeps every byte but the ids: numbers, keys and spaces", () => {
    const repair = responsesRepair();
    const completed = (id: string, item: string) =>
      `{"type":"response.completed", "response":{"id":"${id}","10":1.0,"2":12345678901234567890,"output":[ {"n":1e400, "id" : "${item}"}]}}`;
    repair.rewrite(event(completed("resp_a", "a")));
    expect(repair.rewrite(event(completed("resp_b", "b")))).toEqual(event(completed("resp_a", "a")));
  });

  test("does not share ids with another stream of the same plan", async () => {
    const { response } = await prepared({ stream: true }, { operation: "responses" });
    response.stream?.().rewrite(event({ output_index: 0, item_id: "first" }));
    const bytes = event({ output_index: 0, item_id: "second" });
    expect(response.stream?.().rewrite(bytes)).toBe(bytes);
  });

  test("has one id per output index and one response id, and is otherwise equal, whatever it holds", () => {
    const index = fc.nat({ max: 3 });
    const shape = fc.oneof(
      fc.record({
        type: fc.constant("response.output_item.added"),
        output_index: index,
        item: fc.constant("item"),
      }),
      fc.record({
        type: fc.constant("response.output_item.done"),
        output_index: index,
        item: fc.constant("item"),
      }),
      fc.record({ type: fc.constant("response.output_text.delta"), output_index: index, delta: fc.string() }),
      fc.record({ type: fc.constant("response.in_progress"), outputs: index }),
    );
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 40 }), (shapes) => {
        let fresh = 0;
        const next = (prefix: string) => `${prefix}_${fresh++}`;
        const sources = shapes.map((made): JsonObject => {
          if ("delta" in made) return { ...made, item_id: next("msg") };
          if ("item" in made) {
            return { ...made, item: { id: next("msg"), call_id: "call_1", encrypted_content: next("enc") } };
          }
          const output = Array.from({ length: made.outputs }, () => ({
            id: next("msg"),
            encrypted_content: next("enc"),
          }));
          return { type: made.type, response: { id: next("resp"), output } };
        });
        const out = repaired(sources);
        const ids = new Map<string, Set<unknown>>();
        const note = (key: string, id: unknown) => ids.set(key, (ids.get(key) ?? new Set()).add(id));
        for (const value of out) {
          if (value.item_id !== undefined) note(`${value.output_index}`, value.item_id);
          if (isObject(value.item)) note(`${value.output_index}`, value.item.id);
          if (!isObject(value.response)) continue;
          note("response", value.response.id);
          const output = Array.isArray(value.response.output) ? value.response.output : [];
          for (const [at, entry] of output.entries()) note(`${at}`, isObject(entry) ? entry.id : null);
        }
        for (const seen of ids.values()) expect(seen.size).toBe(1);
        expect(out.map(withoutIds)).toEqual(sources.map(withoutIds));
      }),
    );
  });
});

/** The value without the ids that the repair is about, all else in place. */
function withoutIds(value: JsonObject): unknown {
  return JSON.parse(JSON.stringify(value, (key, held) => (key === "id" || key === "item_id" ? "" : held)));
}
