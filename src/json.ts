/** The values that JSON can hold. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** True for a plain JSON object: not an array, not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value when it is a non-empty string, else undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Parses JSON text; undefined where it is not JSON. */
export function parseJson(source: string): Json | undefined {
  try {
    return JSON.parse(source) as Json;
  } catch {
    return undefined;
  }
}

/** How many levels of objects and arrays a request body may have. */
export const MAX_DEPTH = 512;

/** True when a value has more levels than `limit`. Never goes deeper than that itself. */
export function isDeeper(value: Json | undefined, limit = MAX_DEPTH): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (limit === 0) return true;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (holdsDeeper(value[at], limit)) return true;
    return false;
  }
  for (const name in value) if (holdsDeeper(value[name], limit)) return true;
  return false;
}

/** Most members are no objects, and are not worth a call. */
function holdsDeeper(value: Json | undefined, limit: number): boolean {
  return typeof value === "object" && isDeeper(value, limit - 1);
}
