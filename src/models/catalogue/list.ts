/**
 * The models that a key is shown, under ids that resolve to the provider they are listed for, and the one object that
 * OpenAI and Anthropic clients both read (registry.md §4).
 */
import type { JsonObject } from "../../json.ts";
import type { Provider } from "../../providers/provider.ts";
import { modelScope } from "../resolve/access.ts";
import { parseName, plainName, prefixed } from "../resolve/name.ts";
import { type ResolveInput, resolve } from "../resolve/resolve.ts";
import type { CatalogueEntry, Served } from "./catalogue.ts";
import { customEntry, isOwnName } from "./custom.ts";
import type { CustomModel } from "./custom-model.ts";

/** A model as it is listed. */
export interface ListedModel {
  /** What the client asks for it by: bare, or with the provider's prefix. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** When the model was released, in Unix seconds; 0 when that is not known. */
  readonly created: number;
  readonly entry: CatalogueEntry;
}

/** What a list depends on; with `forced` only that provider's models, under bare ids. */
export type ListInput = Omit<ResolveInput, "requested" | "adminUrl">;

/** The models of all usable accounts inside the key's scopes, newest first, in a stable order. */
export function listModels(input: ListInput): ListedModel[] {
  const listed = new Map<string, ListedModel>();
  for (const model of [...otherNames(input), ...ownNames(input)]) {
    if (!listed.has(model.id)) listed.set(model.id, model);
  }
  return [...listed.values()].sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1));
}

/** What providers keep out of their lists and answer for all the same, for clients that are told so. */
export function hiddenModels(input: ListInput): ListedModel[] {
  return ownNames(input, ({ hidden }) => hidden).filter(({ entry }) => entry.isHidden);
}

/** Every model under its own name: as it is served, or as the operator describes it. */
function ownNames(
  input: ListInput,
  chosen: (served: Served) => readonly CatalogueEntry[] = ({ entries }) => entries,
): ListedModel[] {
  const inScope = modelScope(input.access.models, input.providers);
  return input.providers.flatMap((provider) => {
    const accountRefs = input.access.usable.get(provider.id);
    if (accountRefs === undefined || (input.forced !== undefined && input.forced !== provider.id)) return [];
    const served = input.catalogue.served(provider, accountRefs);
    const described = descriptions(input, provider, served);
    const ids = new Set([...chosen(served).map(({ id }) => id), ...described.keys()]);
    const isCopy = input.forced === undefined && provider.listPrefixed;
    return [...ids].flatMap((id) => {
      const custom = described.get(id);
      const known = served.get(id);
      const entry = custom ? customEntry(custom, provider, accountRefs, known, known?.model.name) : known;
      if (entry === undefined || !inScope(provider, id)) return [];
      const full = prefixed(provider, id);
      const listedId = (isCopy && custom?.id !== id ? [full] : [id, full]).find((candidate) =>
        leadsTo(input, candidate, entry),
      );
      const mark = isCopy && custom?.name === undefined ? ` (${provider.name})` : "";
      return listedId === undefined ? [] : [listedModel(listedId, `${entry.model.name}${mark}`, entry)];
    });
  });
}

/** What the operator says of a provider's models under their own names, by listed id; of two the first. */
function descriptions(
  { catalogue, providers }: ListInput,
  provider: Provider,
  served: Served,
): Map<string, CustomModel> {
  const own = catalogue.custom.filter(
    (custom) => custom.provider === provider.id && isOwnName(custom, providers),
  );
  return new Map(own.toReversed().map((custom) => [served.find(custom.model)?.id ?? custom.model, custom]));
}

/** The names that the operator has given to models beside their own. */
function otherNames(input: ListInput): ListedModel[] {
  return input.catalogue.custom.flatMap((custom) => {
    const provider = input.providers.find((candidate) => candidate.id === custom.provider);
    const accountRefs = input.access.usable.get(custom.provider);
    if (provider === undefined || accountRefs === undefined || isOwnName(custom, input.providers)) return [];
    const served = input.catalogue.served(provider, accountRefs).find(custom.model);
    const entry = customEntry(custom, provider, accountRefs, served);
    return entry !== undefined && leadsTo(input, custom.id, entry)
      ? [listedModel(custom.id, entry.model.name, entry)]
      : [];
  });
}

/** A list promises nothing that a request does not keep. */
function leadsTo(input: ListInput, id: string, entry: CatalogueEntry): boolean {
  const resolved = resolve({ ...input, requested: id });
  return resolved.ok && resolved.provider === entry.provider && resolved.model === entry.id;
}

function listedModel(id: string, name: string, entry: CatalogueEntry): ListedModel {
  return { id, name, created: released(entry.model.release_date), entry };
}

/** Unix seconds of a `YYYY-MM` or `YYYY-MM-DD`; 0 for anything else. */
function released(date: string): number {
  const day = /^\d{4}-\d{2}$/.test(date) ? `${date}-01` : date;
  const time = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(time) ? 0 : time / 1000;
}

/** A part of a list, as one page of it. */
export interface ModelPage {
  readonly models: readonly ListedModel[];
  readonly hasMore: boolean;
}

/** The list object; its members are those of OpenAI's and of Anthropic's list together. */
export function listObject(page: ModelPage): JsonObject {
  return {
    object: "list",
    data: page.models.map(modelObject),
    has_more: page.hasMore,
    first_id: page.models[0]?.id ?? null,
    last_id: page.models.at(-1)?.id ?? null,
  };
}

/** One model; `context_length` is read by OpenRouter-minded clients, `max_*_tokens` by Anthropic's. */
export function modelObject({ id, name, created, entry }: ListedModel): JsonObject {
  return {
    id,
    object: "model",
    created,
    owned_by: entry.provider,
    type: "model",
    display_name: name,
    created_at: new Date(created * 1000).toISOString().replace(".000Z", "Z"),
    name,
    context_length: entry.limit.context,
    max_input_tokens: entry.limit.input ?? entry.limit.context,
    max_tokens: entry.limit.output,
    capabilities: null,
  };
}

/**
 * The listed model that a name means: under its listed id, or under any other name that resolves to it; then rather the
 * model itself than a name that the operator gave it.
 */
export function findModel(models: readonly ListedModel[], input: ResolveInput): ListedModel | undefined {
  const plain = plainName(input.requested);
  const exact =
    models.find(({ id }) => id === input.requested) ?? models.find(({ id }) => plainName(id) === plain);
  if (exact !== undefined) return exact;
  const resolved = resolve(input);
  if (!resolved.ok) return undefined;
  const found = models.filter(
    ({ entry }) => entry.provider === resolved.provider && entry.id === resolved.model,
  );
  const own = found.find(
    ({ id, entry }) => id === entry.id || parseName(id, input.providers).id === entry.id,
  );
  return own ?? found[0];
}
