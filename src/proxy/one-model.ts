/**
 * What is judged must be what is read: a provider may take the first of two members of one name, or match names without
 * case. So a body names its model once, and a key's scope covers every model that a tool of it names, too.
 */
import { KleisError } from "../errors.ts";
import { type JsonObject, parseJson } from "../json.ts";
import { type Part, partsOf } from "../protocols/json-edit.ts";

const decoder = new TextDecoder();

/** Deeper than any namespace of tools that is in use. */
const TOOLS_DEPTH = 8;

/** Throws `invalid_request` for a body with a second member that is `model` in whatever case. */
export function checkOneModel(text: string, bytes: Uint8Array<ArrayBuffer>, value: JsonObject): void {
  const spelt = Object.keys(value).filter((name) => isNamed(name, "model"));
  if (spelt.length > 1 || (mayRepeat(text) && partsOf(bytes).filter(isModel).length > 1)) {
    throw new KleisError(
      "invalid_request",
      "The request has more than one `model` (names differing in case count as the same). Send one.",
      { param: "model" },
    );
  }
}

/** False where the name stands once in the whole body, which its characters tell without looking at its structure. */
function mayRepeat(text: string): boolean {
  const first = text.indexOf('"model"');
  // Letters may be written as escapes: \u006d is m, \u004d M.
  return text.indexOf('"model"', first + 1) >= 0 || text.includes("\\u006") || text.includes("\\u004");
}

/** Every model that a tool of the request names, in whatever case its member is written and however often. */
export function toolModels(bytes: Uint8Array<ArrayBuffer>): string[] {
  return partsOf(bytes).flatMap((part) => {
    if (isNamed(part.key, "tools")) return modelsOfTools(part, 0);
    if (!isNamed(part.key, "input")) return [];
    // Codex adds tools to a running conversation as an item of its input.
    return partsOf(part.bytes)
      .flatMap((item) => partsOf(item.bytes))
      .flatMap((member) => (isNamed(member.key, "tools") ? modelsOfTools(member, 0) : []));
  });
}

function modelsOfTools(tools: Part, depth: number): string[] {
  if (depth > TOOLS_DEPTH) return [];
  return partsOf(tools.bytes)
    .flatMap((tool) => partsOf(tool.bytes))
    .flatMap((member) => {
      if (isNamed(member.key, "tools")) return modelsOfTools(member, depth + 1);
      const model = isModel(member) ? parseJson(decoder.decode(member.bytes)) : undefined;
      return typeof model === "string" ? [model] : [];
    });
}

function isModel({ key }: Part): boolean {
  return isNamed(key, "model");
}

function isNamed(key: string | number, name: string): boolean {
  return typeof key === "string" && key.length === name.length && key.toLowerCase() === name;
}
