/**
 * What each provider serves: the registry's models that a provider's accounts answer for, with the limits and
 * operations that hold for them. Pure; knows neither keys nor requests.
 */
import type { Operation } from "../protocols/protocol.ts";
import type { CredentialKind, Provider, RegistryModel } from "../providers/provider.ts";
import type { RegistryData } from "./registry.ts";

/** A model that a provider serves. */
export interface CatalogueEntry {
  /** The provider's id. */
  readonly provider: string;
  /** The model's id as the provider spells it. */
  readonly id: string;
  readonly model: RegistryModel;
  /** The kinds of account that answer for it, of those asked about. */
  readonly kinds: readonly CredentialKind[];
  /** In tokens; the smallest that holds for any of the kinds, so that it is true whichever account answers. */
  readonly limit: RegistryModel["limit"];
  /** What it can be asked for, best first. Never empty. */
  readonly operations: readonly Operation[];
}

/** The models that one provider serves, in the registry's order. */
export interface Served {
  readonly entries: readonly CatalogueEntry[];
  /** By exact spelling. */
  get(id: string): CatalogueEntry | undefined;
}

export interface Catalogue {
  /** What accounts of these kinds serve. Worked out once per provider and set of kinds. */
  served(provider: Provider, kinds: ReadonlySet<CredentialKind>): Served;
}

const catalogues = new WeakMap<RegistryData, Catalogue>();

/** The catalogue of a registry; the same one for the same registry. */
export function catalogueOf(registry: RegistryData): Catalogue {
  const known = catalogues.get(registry);
  if (known !== undefined) return known;
  const catalogue = createCatalogue(registry);
  catalogues.set(registry, catalogue);
  return catalogue;
}

function createCatalogue(registry: RegistryData): Catalogue {
  const memory = new WeakMap<Provider, Map<string, Served>>();
  return {
    served(provider, kinds) {
      const wanted = provider.kinds.filter((kind) => kinds.has(kind));
      const ofProvider = memory.get(provider) ?? new Map<string, Served>();
      memory.set(provider, ofProvider);
      const name = wanted.join(" ");
      const served = ofProvider.get(name) ?? serve(registry.get(provider.source) ?? [], provider, wanted);
      ofProvider.set(name, served);
      return served;
    },
  };
}

function serve(
  models: readonly RegistryModel[],
  provider: Provider,
  kinds: readonly CredentialKind[],
): Served {
  const byId = new Map<string, CatalogueEntry>();
  for (const model of models) {
    if (!isUsable(model)) continue;
    const entry = entryOf(model, provider, kinds);
    if (entry !== undefined) byId.set(model.id, entry);
  }
  return { entries: [...byId.values()], get: (id) => byId.get(id) };
}

/** Agents need tools and text; a model on its way out, or without a known context, is not offered. */
function isUsable(model: RegistryModel): boolean {
  return (
    model.tool_call &&
    model.modalities.output.includes("text") &&
    model.status !== "deprecated" &&
    model.limit.context > 0
  );
}

function entryOf(
  model: RegistryModel,
  provider: Provider,
  kinds: readonly CredentialKind[],
): CatalogueEntry | undefined {
  const serving = kinds.filter(
    (kind) => provider.serves(model, kind) && provider.operations(model.id, kind).length > 0,
  );
  if (serving.length === 0) return undefined;
  const operations = new Set(serving.flatMap((kind) => provider.operations(model.id, kind)));
  const limit = serving.map((kind) => provider.limits(model, kind)).reduce(smaller);
  return { provider: provider.id, id: model.id, model, kinds: serving, limit, operations: [...operations] };
}

function smaller(a: RegistryModel["limit"], b: RegistryModel["limit"]): RegistryModel["limit"] {
  const input = Math.min(a.input ?? Number.POSITIVE_INFINITY, b.input ?? Number.POSITIVE_INFINITY);
  return {
    context: Math.min(a.context, b.context),
    output: Math.min(a.output, b.output),
    ...(Number.isFinite(input) ? { input } : {}),
  };
}
