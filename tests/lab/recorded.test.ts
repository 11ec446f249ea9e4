/** The rules of the recorded field lists, and the lists themselves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AGENTS } from "./agents.ts";
import type { FieldsByEndpoint } from "./fields.ts";
import { newSince, RECORDED, readRecorded, type Sight, updated, writeRecorded } from "./recorded.ts";

const fields = (...body: string[]): FieldsByEndpoint => ({ "POST /x": { query: [], headers: [], body } });
const sight = (more: Partial<Sight> = {}): Sight => ({
  agent: "agent",
  version: "1.0.0",
  protocol: "chat",
  fields: fields("a"),
  isWhole: true,
  ...more,
});
const first = updated(null, sight(), "2026-11-30");

test("a record is written and read again", () => {
  const folder = mkdtempSync(join(tmpdir(), "kleis-recorded-"));
  expect(readRecorded("agent", folder)).toBeNull();
  writeRecorded(first, folder);
  expect(readRecorded("agent", folder)).toEqual(first);
  rmSync(folder, { recursive: true });
});

test("what the record has not is new, in the same protocol", () => {
  expect(newSince(first, sight({ fields: fields("a", "b") }))).toEqual(["POST /x body: b"]);
  expect(newSince(first, sight({ protocol: "messages" }))).toEqual(["POST /x: not asked for before"]);
  expect(newSince(null, sight())).toEqual(["POST /x: not asked for before"]);
});

test("a whole run replaces a protocol's list, part of one adds to it, and other protocols stay", () => {
  const both = updated(first, sight({ protocol: "messages", fields: fields("m") }), "2026-12-01");
  expect(both.protocols).toEqual({ chat: fields("a"), messages: fields("m") });
  const part = updated(both, sight({ fields: fields("b"), isWhole: false }), "2026-12-02");
  expect(part.protocols.chat).toEqual(fields("a", "b"));
  const whole = updated(part, sight({ fields: fields("b") }), "2026-12-03");
  expect(whole.protocols).toEqual({ chat: fields("b"), messages: fields("m") });
});

test("the date is that of the last change", () => {
  expect(updated(first, sight(), "2026-12-01").date).toBe("2026-11-30");
  expect(updated(first, sight({ version: "1.0.1" }), "2026-12-01")).toMatchObject({
    version: "1.0.1",
    date: "2026-12-01",
  });
});

test("every agent is recorded in each of its protocols, and nothing else is", () => {
  const recorded = Object.fromEntries(
    AGENTS.map(({ name }) => [name, Object.keys(readRecorded(name)?.protocols ?? {}).sort()]),
  );
  expect(recorded).toEqual(
    Object.fromEntries(AGENTS.map(({ name, protocols }) => [name, Object.keys(protocols).sort()])),
  );
  expect(readdirSync(RECORDED).sort()).toEqual(AGENTS.map(({ name }) => `${name}.json`).sort());
});

test("the lists hold no contents: no key, no address, no path of a machine, no long number", () => {
  for (const file of readdirSync(RECORDED)) {
    const text = readFileSync(join(RECORDED, file), "utf8");
    expect(text, file).not.toMatch(
      /kleis_|Bearer |127\.0\.0\.1|\/tmp\/|\/home\/|TASK-|NOTE-|[0-9a-f]{16}|[^\d]\d{9}/,
    );
  }
});
