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
