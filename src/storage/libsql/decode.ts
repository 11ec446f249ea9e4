/** Decodes what the database holds as JSON or as a word of a fixed list; a row that does not decode is a broken store. */
import * as z from "zod/mini";
import { isObject, type JsonObject, parseJson } from "../../json.ts";
import { StorageError } from "../port.ts";

export const jsonObject = z.custom<JsonObject>(isObject);
export const names = z.nullable(z.array(z.string()));

/** `where` is a column's name; neither the value nor zod's text, which may quote it, is in the error. */
export function decode<T extends z.ZodMiniType>(schema: T, value: unknown, where: string): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw new StorageError(`${where} holds something that Kleis did not write`);
  return result.data;
}

/** Decodes JSON text; null stays null for the schema to judge. */
export function decodeJson<T extends z.ZodMiniType>(
  schema: T,
  source: string | null,
  where: string,
): z.output<T> {
  return decode(schema, source === null ? null : parseJson(source), where);
}

/**
 * A row as far as it decodes, field by field, so that one odd row shows itself as damaged instead of taking a whole list
 * with it. `odd` names the columns whose value Kleis did not write; `fallback` stands in for them.
 */
export function decodeRow<Shape extends Record<string, z.ZodMiniType>>(
  shape: Shape,
  row: Record<string, unknown>,
  fallback: { [Name in keyof Shape]: z.output<Shape[Name]> },
): { row: { [Name in keyof Shape]: z.output<Shape[Name]> }; odd: string[] } {
  const decoded = { ...fallback };
  const odd: string[] = [];
  for (const name in shape) {
    const result = shape[name]?.safeParse(row[name]);
    if (result?.success) Object.assign(decoded, { [name]: result.data });
    else odd.push(name);
  }
  return { row: decoded, odd };
}

/** JSON text, parsed; null stays null, and anything else is nothing that a schema takes. */
export function parsed(source: unknown): unknown {
  if (source === null) return null;
  return typeof source === "string" ? parseJson(source) : undefined;
}
