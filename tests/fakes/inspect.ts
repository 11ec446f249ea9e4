/** Looking into JSON of unknown shape without trusting it. */

export type Dict = Record<string, unknown>;

/** The value as a JSON object; null when it is anything else. */
export function objectOf(value: unknown): Dict | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Dict) : null;
}

export function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The objects of an array; everything else in it is left out. */
export function objectsOf(value: unknown): Dict[] {
  return arrayOf(value)
    .map(objectOf)
    .filter((entry) => entry !== null);
}

/** Every object inside a value, itself included, depth first. */
export function* walk(value: unknown): Generator<Dict> {
  if (Array.isArray(value)) {
    for (const entry of value) yield* walk(entry);
    return;
  }
  const object = objectOf(value);
  if (object === null) return;
  yield object;
  for (const entry of Object.values(object)) yield* walk(entry);
}

export function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
