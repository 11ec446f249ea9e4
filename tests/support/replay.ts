/** Every decision that a test records is made again from its stored inputs, and must come out the same. */
import { afterEach, expect } from "vitest";
import { isObject, type JsonObject } from "../../src/json.ts";
import { decide } from "../../src/limits/decide.ts";
import type { DecisionInputs } from "../../src/limits/decision.ts";
import { resultOf } from "../../src/limits/record.ts";
import type { DecisionRow, Storage } from "../../src/storage/port.ts";

const wrong: unknown[] = [];

afterEach(() => expect(wrong.splice(0)).toEqual([]));

/** What each stored decision of a record came to, and what it comes to when it is made again. */
export function replay(record: JsonObject): { recorded: JsonObject; again: JsonObject }[] {
  const decisions = Array.isArray(record.decisions) ? record.decisions.filter(isObject) : [];
  return decisions.flatMap(({ inputs, ...recorded }) => {
    // Where there was no room for the inputs, the result alone is kept.
    if (inputs === undefined) return [];
    return [{ recorded, again: resultOf(decide(inputs as unknown as DecisionInputs)) }];
  });
}

/** The storage, with every decision that is written to it replayed. */
export function replaying(storage: Storage): Storage {
  const { usage } = storage;
  return {
    ...storage,
    usage: {
      write(batch) {
        for (const row of batch.decisions) wrong.push(...problemsOf(row));
        return usage.write(batch);
      },
    },
  };
}

function problemsOf({ id, record }: DecisionRow): unknown[] {
  const bytes = new TextEncoder().encode(JSON.stringify(record)).length;
  const changed = replay(record).filter(
    ({ recorded, again }) => JSON.stringify(recorded) !== JSON.stringify(again),
  );
  return [...changed, ...(bytes > 2_048 ? [{ id, bytes }] : [])];
}
