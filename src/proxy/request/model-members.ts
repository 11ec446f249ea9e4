/**
 * What is judged must be what is read: a provider may take the first of two members of one name, or match names without
 * case. So a body names its model once, and a key's scope covers every model that a tool of it names, too.
 */
import { KleisError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import { type Part, partsOf } from "../../protocols/json-edit.ts";

const decoder = new TextDecoder();

/** Deeper than any namespace of tools that is in use. */
const TOOLS_DEPTH = 8;

/** After so many bytes others have their turn. */
const TURN_BYTES = 4 * 1024 * 1024;

/** Throws `invalid_request` for a body with a second member that is `model` in whatever case. */
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
 * Every model that a tool of the request names, in whatever case its member is written and however often. `pause`: lets
 * others come first between two steps of a large body.
 */
export async function* toolModels(
  bytes: Uint8Array<ArrayBuffer>,
  pause: () => Promise<void>,
): AsyncGenerator<string> {
  let gone = 0;
  /** The values inside, once others have had their turn. */
  const inside = async (value: Uint8Array<ArrayBuffer>): Promise<Part[]> => {
    gone += value.length;
    if (gone > TURN_BYTES) {
      gone = 0;
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
    if (depth > TOOLS_DEPTH) return;
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
