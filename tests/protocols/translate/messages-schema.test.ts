/**
 * Every field, block and tool that Anthropic's SDK knows is one that the decoder has read about: a new one in a newer SDK
 * fails here, so that its row is decided and not met by a user as `dropped:unknown`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/json.ts";
import { changesOf } from "../../../src/protocols/translate/losses.ts";
import { MESSAGES } from "../../../src/protocols/translate/messages/index.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SOURCE = readFileSync(
  join(ROOT, "node_modules/@anthropic-ai/sdk/resources/beta/messages/messages.d.ts"),
  "utf8",
).replace(/\/\*\*[\s\S]*?\*\//g, "");

/** The members of an interface, by name. */
function membersOf(name: string): Map<string, string> {
  const body = new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(SOURCE)?.[1] ?? "";
  return new Map(
    [...body.matchAll(/^ {4}(\w+)\??: ([^;]+);/gm)].map(([, key = "", type = ""]) => [key, type]),
  );
}

/** The interfaces of a union. */
function unionOf(name: string): string[] {
  const union = new RegExp(`export type ${name} = ([^;]+);`).exec(SOURCE)?.[1] ?? "";
  return union.split("|").map((each) => each.trim());
}

function changes(body: JsonObject): string[] {
  const request = { model: "m", max_tokens: 1, messages: [{ role: "user", content: "hi" }], ...body };
  return changesOf(MESSAGES.decodeRequest(request).losses);
}

/** Set for what no conversation depends on: who pays, and for whom. */
const UNKNOWN_FIELDS = new Set(["billing_policy", "user_profile_id", "workspace_id"]);

describe("Anthropic's SDK knows", () => {
  test("no field of a request that is met as unknown", () => {
    const fields = [...membersOf("MessageCreateParamsBase").keys()].filter(
      (name) => !UNKNOWN_FIELDS.has(name),
    );
    expect(fields.length).toBeGreaterThan(20);
    const wellFormed: JsonObject = {
      messages: [],
      model: "m",
      max_tokens: 1,
      system: "",
      tools: [],
      stop_sequences: [],
      thinking: { type: "adaptive" },
      tool_choice: { type: "auto" },
      temperature: 1,
      top_p: 1,
      output_format: { type: "json_schema", schema: {} },
      thread: null,
    };
    for (const name of fields) {
      const unknown = changes({ [name]: name in wellFormed ? wellFormed[name] : false }).filter(
        (each) => each === "dropped:unknown",
      );
      expect({ name, unknown }).toEqual({ name, unknown: [] });
    }
  });

  test("no block that is met as unknown, and no member of one", () => {
    const blocks = unionOf("BetaContentBlockParam");
    expect(blocks.length).toBeGreaterThan(15);
    for (const name of blocks) {
      const members = membersOf(name);
      const type = /'(\w+)'/.exec(members.get("type") ?? "")?.[1] ?? "";
      const role =
        type.startsWith("tool_addition") || type.startsWith("tool_removal") ? "system" : ROLE[type];
      const block: JsonObject = { ...sample(members), type };
      const messages = [
        { role: role ?? "assistant", content: [block] },
        { role: "user", content: "hi" },
      ];
      expect({ name, changes: changes({ messages }).filter((each) => each === "dropped:unknown") }).toEqual({
        name,
        changes: [],
      });
    }
  });

  test("no tool that is met as unknown", () => {
    const tools = unionOf("BetaToolUnion");
    expect(tools.length).toBeGreaterThan(20);
    for (const name of tools) {
      const members = membersOf(name);
      const type = /'([\w-]+)'/.exec(members.get("type") ?? "")?.[1];
      const tool = { ...sample(members), ...(type === undefined ? {} : { type }), input_schema: {} };
      if (type !== "custom") Reflect.deleteProperty(tool, "input_schema");
      expect({
        name,
        changes: changes({ tools: [tool] }).filter((each) => each === "dropped:unknown"),
      }).toEqual({ name, changes: [] });
    }
  });
});

const ROLE: Record<string, string> = {
  image: "user",
  document: "user",
  search_result: "user",
  tool_result: "user",
  container_upload: "user",
};

/** Members that a newer Anthropic may send but that carry nothing to another vendor. */
const WITHOUT_MEANING = new Set(["transformations", "toolset_name", "type"]);

/** A value for each member that is worth reading. */
function sample(members: ReadonlyMap<string, string>): JsonObject {
  const of: JsonObject = {};
  for (const [name, type] of members) {
    if (WITHOUT_MEANING.has(name)) continue;
    if (name === "source") of.source = type.includes("string") ? "s" : { type: "url", url: "https://a" };
    else if (name === "content") of.content = type.includes("string") ? "c" : [];
    else if (name === "tool") of.tool = { type: "tool_reference", name: "x" };
    else if (name === "citations" || name === "caller" || name === "input") of[name] = {};
    else if (name === "cache_control") of.cache_control = { type: "ephemeral" };
    else if (name === "is_error") of.is_error = false;
    else if (/domains|callers|examples/.test(name)) of[name] = [];
    else if (type.includes("boolean")) of[name] = false;
    else if (type.includes("number")) of[name] = 1;
    else if (type.includes("string") || type.includes("'")) of[name] = "s";
    else of[name] = {};
  }
  return of;
}
