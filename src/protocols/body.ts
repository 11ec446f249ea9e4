/** A JSON request body: the bytes as they came, and the value they hold, parsed once. */
import type { JsonObject } from "../json.ts";
import type { TranslationChange } from "./translate/changes.ts";

export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Read only: a change is an `Edit`, never an assignment. */
  readonly value: JsonObject;
}

/**
 * The names of changes in `x-kleis-changes`, beside those of a translation. A provider's folder adds its own
 * (`providers/<id>/changes.ts`).
 */
export interface ChangeNames {
  /** The provider prefix was taken off the model id. */
  "model-prefix": true;
  /** The model id was written as the provider writes it (dots, dashes, date). */
  "model-spelling": true;
}

/** Every edit of a body has one of these names, so that an undeclared change cannot be written. */
export type Change = TranslationChange | keyof ChangeNames;

export type Path = readonly (string | number)[];

/**
 * One change of a body, at a path into the parsed value. Paths refer to the body as it came: an edit never
 * shifts the indices of another. An edit inside a value that another edit sets or removes is without effect.
 */
export type Edit = { change: Change; path: Path } & (
  | { op: "set"; value: unknown } // replaces the value, or adds the member at the end of its (existing) object
  | { op: "remove" } // an object's member or an array's element
  | { op: "prepend"; value: unknown } // puts an element at the start of the array at the path
);
