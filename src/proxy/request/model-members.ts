/**
 * The models that a body names. A provider may take the first of two members of one name, or match names without case: what
 * Kleis checks must be what the provider reads. So a body names its model once, and a key's scope covers every model that a
 * tool of it names as well.
 */
import { KleisError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import { type Part, partsOf } from "../../protocols/json-edit.ts";

const decoder = new TextDecoder();

/** Deeper than any namespace of tools in use. */
const MAX_TOOLS_DEPTH = 8;

/** After so many bytes other requests come first. */
const PAUSE_BYTES = 4 * 1024 * 1024;

/** Throws `invalid_request` for a body with a second member named `model`, in any case. */
export function checkOneModel(bytes: Uint8Array<ArrayBuffer>): void {
  if (partsOf(bytes).filter(isModel).length > 1) {
    throw new KleisError(
      "invalid_request",
      "The request has more than one `model` (names differing in case count as the same). Send one.",
      { param: "model" },
    );
  }
}

/**
 * Every model that a tool of the request names, in any case of its member's name and however often. `pause` lets other
 * requests come first between two steps of a large body.
 */
export async function* toolModels(
  bytes: Uint8Array<ArrayBuffer>,
  pause: () => Promise<void>,
): AsyncGenerator<string> {
  let passed = 0;
  /** The values inside, after a pause where one is due. */
  const inside = async (value: Uint8Array<ArrayBuffer>): Promise<Part[]> => {
    passed += value.length;
    if (passed > PAUSE_BYTES) {
      passed = 0;
      await pause();
    }
    return partsOf(value);
  };
  for (const part of await inside(bytes)) {
    if (isNamed(part.key, "tools")) yield* modelsOfTools(part, 0);
    if (!isNamed(part.key, "input")) continue;
    // Codex adds tools to a running conversation as an item of its input.
    for (const item of await inside(part.bytes))
      for (const member of await inside(item.bytes))
        if (isNamed(member.key, "tools")) yield* modelsOfTools(member, 0);
  }

  async function* modelsOfTools(tools: Part, depth: number): AsyncGenerator<string> {
    if (depth > MAX_TOOLS_DEPTH) return;
    for (const tool of await inside(tools.bytes)) {
      for (const member of await inside(tool.bytes)) {
        if (isNamed(member.key, "tools")) yield* modelsOfTools(member, depth + 1);
        else if (isModel(member)) {
          const model = parseJson(decoder.decode(member.bytes));
          if (typeof model === "string") yield model;
        }
      }
    }
  }
}

function isModel({ key }: Part): boolean {
  return isNamed(key, "model");
}

function isNamed(key: string | number, name: string): boolean {
  return typeof key === "string" && key.length === name.length && key.toLowerCase() === name;
}
