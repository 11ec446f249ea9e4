/** A model that the operator has defined: its type, the schema that admits it, and how many there may be. */
import * as z from "zod/mini";
import type { RegistryModel } from "../../providers/registry-model.ts";
import { MAX_MODEL_ID } from "../registry/schema.ts";

export interface CustomModel {
  /** What clients ask for. */
  readonly id: string;
  /** The provider's id. */
  readonly provider: string;
  /** The id that goes upstream. */
  readonly model: string;
  /** For people. When absent the id, or for a model's own name the name that it has anyway. */
  readonly name?: string | undefined;
  /** In tokens; those of the upstream model when absent. */
  readonly limit?: RegistryModel["limit"] | undefined;
}

/** Entries at most. */
export const MAX_CUSTOM = 200;

const modelId = (what: string) =>
  z
    .string(`must be ${what}`)
    .check(
      z.minLength(1, `must be ${what}`),
      z.maxLength(MAX_MODEL_ID, `must have at most ${MAX_MODEL_ID} characters`),
      z.regex(/^[\x21-\x7e]+$/, "must have no spaces and only ASCII characters"),
      z.regex(/^[^/](.*[^/])?$/, "must not begin or end with a slash"),
    );

const tokens = z
  .int("must be a whole number of tokens")
  .check(
    z.positive("must be a positive number of tokens"),
    z.maximum(1_000_000_000, "must be a number of tokens below 1000000000"),
  );

/** One entry, as the admin API takes it and the store keeps it. */
export const customSchema = z.strictObject({
  id: modelId("the name that clients ask for"),
  provider: z.string("must be a provider's id").check(z.minLength(1, "must be a provider's id")),
  model: modelId("the id that goes upstream"),
  name: z.optional(
    z
      .string("must be a string")
      .check(
        z.trim(),
        z.minLength(1, "must not be empty"),
        z.maxLength(200, "must have at most 200 characters"),
      ),
  ),
  limit: z.optional(
    z
      .strictObject(
        { context: tokens, output: tokens, input: z.optional(tokens) },
        "must hold context and output",
      )
      .check(z.refine(({ context, input = 0 }) => input <= context, "must not have more input than context")),
  ),
});
