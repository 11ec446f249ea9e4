/**
 * What a decoder could not say in the model, or an encoder not to the target. A loss is either declared in
 * `x-kleis-changes` or refuses the request; a request that is malformed in its own protocol throws instead.
 */
import { KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { TranslationChange } from "./changes.ts";

/** A place in the client's own body, its steps joined by dots: `messages.3.content.1`. */
export type BodyPath = string;

export type Loss =
  | {
      /** The request goes on with this change. */
      readonly kind: "change";
      readonly path: BodyPath;
      readonly change: TranslationChange;
    }
  | {
      /** The request is refused with the code `untranslatable`. */
      readonly kind: "refuse";
      readonly path: BodyPath;
      /** A clause without a full stop that follows a colon: "Kleis keeps no conversations". */
      readonly why: string;
      /** A sentence that says what to do: "Send the whole input." */
      readonly instead: string;
    };

/** Collects the losses of one request, in the order of their discovery. */
export class Losses {
  readonly list: Loss[] = [];

  /** Declares a change. */
  change(path: BodyPath, change: TranslationChange): void {
    this.list.push({ kind: "change", path, change });
  }

  /** Refuses the request. Decoding and encoding go on: the first refusal is the one that the client gets. */
  refuse(path: BodyPath, why: string, instead: string): void {
    this.list.push({ kind: "refuse", path, why, instead });
  }

  /** Declares the members of an object that its table does not know. A null member counts as absent. */
  unknown(object: JsonObject, known: ReadonlySet<string>, path: BodyPath): void {
    for (const name in object)
      if (!known.has(name) && object[name] !== null && object[name] !== undefined)
        this.change(join(path, name), "dropped:unknown");
  }
}

/** A path one step further down. */
export function join(path: BodyPath, step: string | number): BodyPath {
  return path === "" ? String(step) : `${path}.${step}`;
}

/** The error for the first refusal; undefined where the request can go on. */
export function refusalOf(
  losses: readonly Loss[],
  target: { readonly model: string; readonly protocol: string },
): KleisError | undefined {
  const refused = losses.find((loss) => loss.kind === "refuse");
  if (refused === undefined) return undefined;
  const { path, why, instead } = refused;
  return new KleisError(
    "untranslatable",
    `\`${path}\` cannot be carried to \`${target.model}\`, which speaks ${target.protocol}: ${why}. ${instead}`,
    { param: path },
  );
}

/** The changes that losses declare, each once, in the order of their discovery. */
export function changesOf(losses: readonly Loss[]): TranslationChange[] {
  return [...new Set(losses.flatMap((loss) => (loss.kind === "change" ? [loss.change] : [])))];
}

/** Throws the error for a value that the client's own protocol does not allow. `must`: "must be a list of messages". */
export function malformed(path: BodyPath, must: string): never {
  throw new KleisError("invalid_request", `\`${path}\` ${must}.`, { param: path });
}

/** The value as an object; throws where it is none. */
export function objectAt(value: Json | undefined, path: BodyPath): JsonObject {
  return isObject(value) ? value : malformed(path, "must be an object");
}

/** The value as a list; throws where it is none. */
export function listAt(value: Json | undefined, path: BodyPath): Json[] {
  return Array.isArray(value) ? value : malformed(path, "must be a list");
}

/** The value as a string, the empty one included; throws where it is none. */
export function stringAt(value: Json | undefined, path: BodyPath): string {
  return typeof value === "string" ? value : malformed(path, "must be a string");
}

/** A string or nothing: null counts as absent; throws for any other value. */
export function stringIn(object: JsonObject, name: string, path: BodyPath): string | undefined {
  const value = object[name];
  return value === undefined || value === null ? undefined : stringAt(value, join(path, name));
}

/** A finite number or nothing: null counts as absent; throws for any other value. */
export function numberIn(object: JsonObject, name: string, path: BodyPath): number | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === "number" && Number.isFinite(value)
    ? value
    : malformed(join(path, name), "must be a number");
}

/** True, false or nothing: null counts as absent; throws for any other value. */
export function booleanIn(object: JsonObject, name: string, path: BodyPath): boolean | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === "boolean" ? value : malformed(join(path, name), "must be true or false");
}
