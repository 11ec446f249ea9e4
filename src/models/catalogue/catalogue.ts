/**
 * What each provider serves: the registry's models that its accounts answer for, under the account's own list where
 * there is one, with the limits and operations that hold for them. Pure; knows neither keys nor requests.
 */
import type { Operation } from "../../protocols/protocol.ts";
import type { CredentialKind } from "../../providers/account.ts";
import type { ListedModel, Provider } from "../../providers/provider.ts";
import type { RegistryModel } from "../../providers/registry-model.ts";
import type { RegistryData } from "../registry/schema.ts";
import { plainName } from "../resolve/name.ts";
import type { CustomModel } from "./custom-model.ts";

/** A model that a provider serves. */
export interface CatalogueEntry {
  /** The provider's id. */
  readonly provider: string;
  /** The model's id as the provider spells it. */
  readonly id: string;
  readonly model: RegistryModel;
  /** The kinds of account that answer for it, of those asked about. */
  readonly kinds: readonly CredentialKind[];
  /** In tokens; the smallest that holds for any of the accounts, so that it is true whichever of them answers. */
  readonly limit: RegistryModel["limit"];
  /** What it can be asked for, best first. Never empty. */
  readonly operations: readonly Operation[];
  /** The provider keeps it out of its lists; it answers when it is asked for by this id. */
  readonly isHidden: boolean;
}

/** The models that one provider serves, in the registry's order; those that only a live list knows come last. */
export interface Served {
  readonly entries: readonly CatalogueEntry[];
  /** Those that are for no list. */
  readonly hidden: readonly CatalogueEntry[];
  /** By exact spelling, hidden ones too. */
  get(id: string): CatalogueEntry | undefined;
  /** In any spelling of the same plain name, the exact one first. */
  find(name: string): CatalogueEntry | undefined;
}

/** An account, as far as its models depend on it. */
export interface AccountRef {
  readonly id: string;
  readonly kind: CredentialKind;
}

export interface Catalogue {
  /** What these accounts of the provider serve together. Worked out once per provider and set of accounts. */
  served(provider: Provider, accountRefs: readonly AccountRef[]): Served;
  /** True for a model that the provider has refused to this account, as far as is known. */
  refuses(accountId: string, model: string): boolean;
  /** The names that the operator has defined. */
  readonly custom: readonly CustomModel[];
}

/** What an account's own list says, and what has been learnt since. */
export interface AccountModels {
  /** Null: it keeps no list, or none could be had. */
  readonly models: readonly ListedModel[] | null;
  /** Ids that the provider has refused to it. */
  readonly refused: ReadonlySet<string>;
}

/** By account id; an account of which nothing is known is absent. */
export type AccountLists = ReadonlyMap<string, AccountModels>;

export interface CatalogueParts {
  readonly registry: RegistryData;
  readonly live?: AccountLists;
  readonly custom?: readonly CustomModel[];
}

const catalogues = new WeakMap<RegistryData, Catalogue>();

/** The catalogue of a registry alone; the same one for the same registry. */
export function catalogueOf(registry: RegistryData): Catalogue {
  const known = catalogues.get(registry);
  if (known !== undefined) return known;
  const catalogue = createCatalogue({ registry });
  catalogues.set(registry, catalogue);
  return catalogue;
}

/** Sets of accounts that are remembered for one provider: each account, and the sets that keys are limited to. */
const SETS_MAX = 5_000;

const NO_LISTS: AccountLists = new Map();

export function createCatalogue({ registry, live = NO_LISTS, custom = [] }: CatalogueParts): Catalogue {
  const memory = new WeakMap<Provider, Map<string, Served>>();
  return {
    custom,
    refuses: (accountId, model) => live.get(accountId)?.refused.has(model) ?? false,
    served(provider, accountRefs) {
      // Accounts without a list of their own differ by kind alone.
      const distinct = new Map(
        accountRefs.map((accountRef) => [
          live.has(accountRef.id) ? `=${accountRef.id}` : accountRef.kind,
          accountRef,
        ]),
      );
      const ofProvider = memory.get(provider) ?? new Map<string, Served>();
      memory.set(provider, ofProvider);
      const name = [...distinct.keys()].sort().join(" ");
      const known = ofProvider.get(name);
      if (known !== undefined) return known;
      if (ofProvider.size >= SETS_MAX) ofProvider.clear();
      const views = [...distinct.values()].map((accountRef) =>
        viewOf(accountRef, live.get(accountRef.id), provider),
      );
      const served = serve(registry.get(provider.source) ?? [], provider, views);
      ofProvider.set(name, served);
      return served;
    },
  };
}

/** What one account has to say of models. */
interface View {
  readonly kind: CredentialKind;
  /** Null: it keeps no list. */
  readonly list: ReadonlyMap<string, ListedModel> | null;
  /** What the list has under another id, by further ids that mean the same. */
  readonly aliases: ReadonlyMap<string, ListedModel>;
  readonly refused: ReadonlySet<string>;
}

const NOTHING: AccountModels = { models: null, refused: new Set() };

function viewOf({ kind }: AccountRef, { models, refused } = NOTHING, { modelList }: Provider): View {
  // Newest first, which is what an id without a date stands for.
  const aliases = (models ?? []).flatMap(
    (model) => modelList?.aliases?.(model.id).map((id) => [id, model] as const) ?? [],
  );
  return {
    kind,
    refused,
    list: models && new Map(models.map((model) => [model.id, model])),
    aliases: new Map(aliases.toReversed()),
  };
}

/** How one account answers for a model. */
interface Answer {
  readonly kind: CredentialKind;
  readonly limit: RegistryModel["limit"];
  readonly operations: readonly Operation[];
  readonly isHidden: boolean;
}

function serve(known: readonly RegistryModel[], provider: Provider, views: readonly View[]): Served {
  const models = new Map(known.map((model) => [model.id, model]));
  for (const { list } of views) {
    for (const { id, model } of list?.values() ?? []) if (!models.has(id)) models.set(id, model);
  }
  const registered = new Set(known.map(({ id }) => id));
  const lists = views.flatMap(({ list }) => list ?? []);
  const byId = new Map<string, CatalogueEntry>();
  for (const model of models.values()) {
    if (!isUsable(model)) continue;
    // What only lists know, and hide, is nothing that other accounts could be expected to have.
    const isOffered = (list: ReadonlyMap<string, ListedModel>) => list.get(model.id)?.hidden === undefined;
    const isSecret =
      !registered.has(model.id) && !lists.some((list) => list.has(model.id) && isOffered(list));
    const asked = isSecret ? views.filter(({ list }) => list !== null) : views;
    const answers = asked.flatMap((view) => answerOf(model, provider, view) ?? []);
    const entry = entryOf(model, provider, answers);
    if (entry !== undefined) byId.set(model.id, entry);
  }
  const byName = new Map([...byId.values()].reverse().map((entry) => [plainName(entry.id), entry]));
  return {
    entries: [...byId.values()].filter(({ isHidden }) => !isHidden),
    hidden: [...byId.values()].filter(({ isHidden }) => isHidden),
    get: (id) => byId.get(id),
    find: (name) => byId.get(name) ?? byName.get(plainName(name)),
  };
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

/** What an account's own list says of it; without one, what the provider knows of its kind. Less what it was refused. */
function answerOf(
  model: RegistryModel,
  provider: Provider,
  { kind, list, aliases, refused }: View,
): Answer | undefined {
  if (refused.has(model.id)) return undefined;
  if (list !== null) {
    const live = list.get(model.id) ?? aliases.get(model.id);
    if (live === undefined || live.operations.length === 0) return undefined;
    const limit = merged(provider.modelLimits(model, kind), live.limit);
    return { kind, limit, operations: live.operations, isHidden: live.hidden === true };
  }
  const operations = provider.operations(model.id, kind);
  if (operations.length === 0 || !provider.serves(model, kind)) return undefined;
  return { kind, limit: provider.modelLimits(model, kind), operations, isHidden: false };
}

function entryOf(
  model: RegistryModel,
  provider: Provider,
  answers: readonly Answer[],
): CatalogueEntry | undefined {
  if (answers.length === 0) return undefined;
  const kinds = provider.kinds.filter((kind) => answers.some((answer) => answer.kind === kind));
  const operations = [...new Set(answers.flatMap((answer) => answer.operations))];
  const limit = answers.map((answer) => answer.limit).reduce(smaller);
  const isHidden = answers.every((answer) => answer.isHidden);
  return { provider: provider.id, id: model.id, model, kinds, limit, operations, isHidden };
}

/**
 * The known limits under a live list's, which overrules them. A prompt and its answer share the window, which holds at
 * most both: a list that gives more room to the prompt than was known makes the window as large.
 */
function merged(known: RegistryModel["limit"], live: ListedModel["limit"]): RegistryModel["limit"] {
  const output = live.output ?? known.output;
  const input = live.input ?? known.input;
  const both = input === undefined ? known.context : input + output;
  const isWider = live.input !== undefined && live.input > (known.input ?? known.context);
  const context = live.context ?? (isWider ? both : Math.min(known.context, both));
  return { context, output, ...(input === undefined ? {} : { input: Math.min(input, context) }) };
}

function smaller(a: RegistryModel["limit"], b: RegistryModel["limit"]): RegistryModel["limit"] {
  const context = Math.min(a.context, b.context);
  const inputs = [a.input, b.input].filter((input) => input !== undefined);
  return {
    context,
    output: Math.min(a.output, b.output),
    ...(inputs.length > 0 ? { input: Math.min(context, ...inputs) } : {}),
  };
}
