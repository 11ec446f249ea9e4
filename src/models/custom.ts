/** Models that the operator has defined: names of his own for what a provider serves, with limits that he vouches for. */
import * as z from "zod/mini";
import type { Provider, RegistryModel } from "../providers/provider.ts";
import type { Catalogue, CatalogueEntry, Seat } from "./catalogue.ts";
import { MAX_MODEL_ID } from "./registry.ts";

export interface CustomModel {
  /** What clients ask for. */
  readonly id: string;
  /** The provider's id. */
  readonly provider: string;
  /** The id that goes upstream. */
  readonly model: string;
  /** For people; the id when absent. */
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

export interface CustomProblem {
  /** The offending field, as a path. */
  readonly param: string;
  readonly message: string;
}

/** What is wrong with a list of definitions that a schema can not see; null when it can be used. */
export function customProblem(
  models: readonly CustomModel[],
  known: {
    providers: readonly Provider[];
    catalogue: Catalogue;
    accounts: readonly (Seat & { provider: string })[];
  },
): CustomProblem | null {
  for (const [at, { id, provider: providerId, model, limit }] of models.entries()) {
    const problem = (field: string, words: string) => {
      const param = `models.${at}.${field}`;
      return { param, message: `${param}: ${words}` };
    };
    if (models.findIndex((other) => other.id === id) !== at) return problem("id", "is defined twice.");
    const provider = known.providers.find((candidate) => candidate.id === providerId);
    if (provider === undefined) {
      const ids = known.providers.map((candidate) => candidate.id).join(", ");
      return problem("provider", `is not known. Known: ${ids}.`);
    }
    // Of any kind of account, connected or not.
    const seats = provider.kinds.map((kind) => ({ id: "", kind }));
    const own = known.accounts.filter((account) => account.provider === providerId);
    const isKnown = known.catalogue.served(provider, [...seats, ...own]).get(model) !== undefined;
    if (!isKnown && limit === undefined) {
      return problem(
        "limit",
        "is needed (context and output), since nothing else is known of this upstream model.",
      );
    }
  }
  return null;
}

/** A defined model as the catalogue's: over what is served, or of its own limits where nobody else knows it. */
export function customEntry(
  custom: CustomModel,
  provider: Provider,
  seats: readonly Seat[],
  served: CatalogueEntry | undefined,
): CatalogueEntry | undefined {
  const { name, limit } = custom;
  if (served !== undefined) {
    const model = { ...served.model, name: name ?? custom.id };
    return { ...served, model, limit: limit ?? served.limit };
  }
  if (limit === undefined) return undefined;
  const kinds = provider.kinds.filter((kind) => seats.some((seat) => seat.kind === kind));
  const operations = [...new Set(kinds.flatMap((kind) => provider.operations(custom.model, kind)))];
  if (operations.length === 0) return undefined;
  const model: RegistryModel = {
    id: custom.model,
    name: name ?? custom.id,
    attachment: false,
    reasoning: false,
    tool_call: true,
    release_date: UNKNOWN_RELEASE,
    modalities: { input: ["text"], output: ["text"] },
    limit,
  };
  return { provider: provider.id, id: custom.model, model, kinds, limit, operations };
}

/** A date that says "not known" where one must stand (`created` 0). */
const UNKNOWN_RELEASE = "1970-01-01";
