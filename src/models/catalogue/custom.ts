/**
 * Models that the operator has defined: names of his own for what a provider serves, or its own name with a description
 * of his, with limits that he vouches for.
 */
import type { Provider } from "../../providers/provider.ts";
import type { RegistryModel } from "../../providers/registry-model.ts";
import { parseName, plainName } from "../resolve/name.ts";
import type { AccountRef, Catalogue, CatalogueEntry } from "./catalogue.ts";
import type { CustomModel } from "./custom-model.ts";

export interface CustomProblem {
  /** The offending field, as a path. */
  readonly param: string;
  readonly message: string;
}

interface Known {
  readonly providers: readonly Provider[];
  readonly catalogue: Catalogue;
  readonly accounts: readonly (AccountRef & { provider: string })[];
}

/** What is wrong with a list of definitions that a schema cannot see; null when it can be used. */
export function customProblem(models: readonly CustomModel[], known: Known): CustomProblem | null {
  for (const [at, custom] of models.entries()) {
    const [field, words] =
      clashOf(custom, models.slice(0, at), known.providers) ?? emptinessOf(custom, known) ?? [];
    if (field === undefined) continue;
    const param = `models.${at}.${field}`;
    return { param, message: `${param}: ${words}` };
  }
  return null;
}

/** A field, and what is wrong with it. */
type Fault = readonly [field: keyof CustomModel, words: string];

/** Why it cannot stand beside the entries before it. */
function clashOf(
  custom: CustomModel,
  earlier: readonly CustomModel[],
  providers: readonly Provider[],
): Fault | null {
  if (earlier.some(({ id }) => plainName(id) === plainName(custom.id))) return ["id", "is defined twice."];
  if (!isOwnName(custom, providers)) return null;
  const first = earlier.find(
    (other) =>
      other.provider === custom.provider &&
      plainName(other.model) === plainName(custom.model) &&
      isOwnName(other, providers),
  );
  return first === undefined ? null : ["id", `describes the same model as ${JSON.stringify(first.id)}.`];
}

/** Why no account would answer for it, or its description would be wrong. */
function emptinessOf({ provider: providerId, model, limit }: CustomModel, known: Known): Fault | null {
  const provider = known.providers.find(({ id }) => id === providerId);
  if (provider === undefined) {
    return ["provider", `is not known. Known: ${known.providers.map(({ id }) => id).join(", ")}.`];
  }
  if (limit !== undefined && limit.output > limit.context) {
    return ["limit", "must not have more output than context."];
  }
  // Of any kind of account, connected or not.
  const accountRefs = provider.kinds.map((kind) => ({ id: "", kind }));
  const own = known.accounts.filter((account) => account.provider === providerId);
  if (known.catalogue.served(provider, [...accountRefs, ...own]).find(model) !== undefined) return null;
  const bare = parseName(model, known.providers).id;
  if (bare !== model) {
    return ["model", `must be as ${provider.name} spells it, without a prefix: ${JSON.stringify(bare)}.`];
  }
  if (provider.kinds.every((kind) => provider.operations(model, kind).length === 0)) {
    return ["model", `is nothing that an agent can ask ${provider.name} for.`];
  }
  if (limit !== undefined) return null;
  return ["limit", "is needed (context and output), since nothing else is known of this upstream model."];
}

/** True where the id is the model's own name, bare or with its provider's prefix: no other name, but a new description. */
export function isOwnName({ id, provider, model }: CustomModel, providers: readonly Provider[]): boolean {
  const plain = plainName(model);
  if (plainName(id) === plain) return true;
  const name = parseName(id, providers);
  return plainName(name.id) === plain && (name.provider === undefined || name.provider.id === provider);
}

/**
 * A defined model as the catalogue's: over what is served, or with its own limits where it is not served. `otherwise` is
 * the name for people where the operator gave none.
 */
export function customEntry(
  custom: CustomModel,
  provider: Provider,
  accountRefs: readonly AccountRef[],
  served: CatalogueEntry | undefined,
  otherwise = custom.id,
): CatalogueEntry | undefined {
  const { name = otherwise, limit } = custom;
  if (served !== undefined) {
    const model = { ...served.model, name };
    return { ...served, model, limit: limit ?? served.limit, isHidden: false };
  }
  if (limit === undefined) return undefined;
  const kinds = provider.kinds.filter((kind) => accountRefs.some((accountRef) => accountRef.kind === kind));
  const operations = [...new Set(kinds.flatMap((kind) => provider.operations(custom.model, kind)))];
  if (operations.length === 0) return undefined;
  const model: RegistryModel = {
    id: custom.model,
    name,
    attachment: false,
    reasoning: false,
    tool_call: true,
    release_date: UNKNOWN_RELEASE,
    modalities: { input: ["text"], output: ["text"] },
    limit,
  };
  return { provider: provider.id, id: custom.model, model, kinds, limit, operations, isHidden: false };
}

/** A date that says "not known" where one must stand (`created` 0). */
const UNKNOWN_RELEASE = "1970-01-01";
