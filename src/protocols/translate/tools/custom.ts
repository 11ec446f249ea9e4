/** Custom tools, whose input is free text, as functions with one string; and such calls as free text again. */
import { isObject, type JsonObject, parseJson } from "../../../json.ts";
import type { CustomTool } from "../model.ts";

/** The description and schema of the function that stands for a custom tool. */
export function wrapCustomTool({ description, grammar }: CustomTool): {
  readonly description: string;
  readonly schema: JsonObject;
} {
  const parts = [
    description ?? "",
    "Write the whole input as plain text in `input`, without quoting or JSON.",
  ];
  if (grammar !== undefined)
    parts.push(`The input must follow this ${grammar.syntax} grammar:\n${grammar.definition}`);
  return {
    description: parts.filter((part) => part !== "").join("\n\n"),
    schema: {
      type: "object",
      properties: { input: { type: "string", description: "The whole input of the tool." } },
      required: ["input"],
      additionalProperties: false,
    },
  };
}

/** The arguments of the function, as JSON text, for an input of the custom tool. */
export function wrapCustomInput(input: string): string {
  return JSON.stringify({ input });
}

/**
 * The input of the custom tool in a function's arguments. Models deviate: a single string member of another name is the
 * input, a bare string as well; what is no JSON is the input itself; of anything else it is the JSON text.
 */
export function unwrapCustomInput(args: string): string {
  const value = parseJson(args);
  if (typeof value === "string") return value;
  if (!isObject(value)) return args;
  if (typeof value.input === "string") return value.input;
  const [only, ...others] = Object.values(value);
  return typeof only === "string" && others.length === 0 ? only : args;
}
