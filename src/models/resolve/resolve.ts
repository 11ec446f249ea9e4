/**
 * From the model that a client names to the provider that answers and the id it is asked by: the deterministic rule of
 * registry.md §5. Pure; neither load nor endpoint has a say, so that billing stays predictable.
 */
import type { ErrorCode } from "../../errors.ts";
import type { Change } from "../../protocols/body.ts";
import type { Operation } from "../../protocols/protocol.ts";
import type { Ownership, Provider } from "../../providers/provider.ts";
import type { AccountRef, Catalogue, Served } from "../catalogue/catalogue.ts";
import type { CustomModel } from "../catalogue/custom-model.ts";
import { MAX_MODEL_ID } from "../registry/schema.ts";
import { type Access, type AccountRefsByProvider, type ModelScope, modelScope } from "./access.ts";
import { type ModelName, parseName, plainName, withoutMarks } from "./name.ts";
import { nearestName } from "./nearest.ts";

export interface ResolveInput {
  /** As the client sent it. */
  readonly requested: string;
  /** The provider's id, where the path forces one. */
  readonly forced?: string | undefined;
  /** All known providers; their order decides between equals. */
  readonly providers: readonly Provider[];
  readonly catalogue: Catalogue;
  readonly access: Access;
  /** Where the owner connects accounts, for the words of a refusal. */
  readonly adminUrl?: string;
}

export type ResolvedModel = {
  ok: true;
  /** The provider's id. */
  provider: string;
  /** The id that goes upstream. */
  model: string;
  /**
   * The accounts that answer for it, by id, and for which operations: those serving it, or for an unlisted id those
   * whose family it is.
   */
  answers: ReadonlyMap<string, readonly Operation[]>;
  /** What the request's `model` has to declare; null when it goes upstream as it came. */
  change: Extract<Change, "model-prefix" | "model-spelling"> | null;
};

export type UnresolvedModel = {
  ok: false;
  code: Extract<ErrorCode, "model_not_found" | "provider_not_configured" | "key_scope" | "invalid_request">;
  /** The id of the provider that is missing, where one is meant. */
  provider?: string;
  message: string;
};

export type Resolution = ResolvedModel | UnresolvedModel;

const WHERE = "GET /v1/models lists the models that this key can use.";

export function resolve(input: ResolveInput): Resolution {
  const { requested, forced, providers } = input;
  if (requested.trim() === "") return invalid(`\`model\` is empty. ${WHERE}`);
  if (requested.length > MAX_MODEL_ID) {
    return invalid(`\`model\` has more than ${MAX_MODEL_ID} characters. ${WHERE}`);
  }
  const name = parseName(requested, providers);
  if (name.id === "") return invalid(`${quoted(requested)} names no model after its prefix. ${WHERE}`);
  const context: ResolveContext = { ...input, inScope: modelScope(input.access.models, providers) };
  const custom = customOf(input, name);

  if (forced !== undefined) {
    const provider = providers.find((candidate) => candidate.id === forced);
    if (provider === undefined) return invalid(`There is no provider ${quoted(forced)}. ${WHERE}`);
    if (custom?.provider === forced) return resolveCustom(context, provider, custom);
    if (name.provider !== undefined && name.provider !== provider)
      return foreign(requested, name.provider, provider);
    return resolveAt(context, provider, name.id);
  }
  const ofCustom = providers.find((candidate) => candidate.id === custom?.provider);
  if (custom !== undefined && ofCustom !== undefined) return resolveCustom(context, ofCustom, custom);
  if (name.provider !== undefined) return resolveAt(context, name.provider, name.id);
  return search(context, name.id);
}

interface ResolveContext extends ResolveInput {
  readonly inScope: ModelScope;
}

/** The operator's name that is meant. One that is only spelt alike does not hide a model that is listed exactly so. */
function customOf({ requested, providers, catalogue, access }: ResolveInput, name: ModelName) {
  const exact = catalogue.custom.find(({ id }) => id === requested);
  if (exact !== undefined) return exact;
  const plain = plainName(requested);
  const alike = catalogue.custom.find(({ id }) => plainName(id) === plain);
  if (alike === undefined) return undefined;
  const isListed = providers.some((provider) => {
    const accountRefs = access.allowed.get(provider.id);
    if (accountRefs === undefined || (name.provider ?? provider) !== provider) return false;
    return catalogue.served(provider, accountRefs).get(name.id) !== undefined;
  });
  return isListed ? undefined : alike;
}

function resolveCustom(context: ResolveContext, provider: Provider, custom: CustomModel): Resolution {
  const accountRefs = context.access.allowed.get(provider.id);
  if (accountRefs === undefined) return unreachable(context, [provider]);
  const model = context.catalogue.served(provider, accountRefs).find(custom.model)?.id ?? custom.model;
  const plain = plainName(custom.id);
  const isNamed = context.access.models?.some((scope) => plainName(scope) === plain) ?? false;
  return isNamed || context.inScope(provider, model)
    ? found(context, provider, model, accountRefs)
    : outOfScope(context, [provider]);
}

/** The provider is named: it, or a refusal. An id that it does not list is sent in its own spelling. */
function resolveAt(context: ResolveContext, provider: Provider, id: string): Resolution {
  const accountRefs = context.access.allowed.get(provider.id);
  if (accountRefs === undefined) return unreachable(context, [provider]);
  const served = context.catalogue.served(provider, accountRefs);
  const model = listedAs(context, provider, served, id) ?? unlistedAs(provider, id);
  if (model === "") return invalid(`${quoted(context.requested)} names no model. ${WHERE}`);
  if (!context.inScope(provider, model)) return outOfScope(context, [provider]);
  return found(context, provider, model, accountRefs);
}

/** The listed id in the key's scope that a name means at a provider: spelt alike, or as the provider spells it. */
function listedAs(
  context: ResolveContext,
  provider: Provider,
  served: Served,
  id: string,
): string | undefined {
  return [id, ...provider.spellings(plainName(id))]
    .map((spelling) => served.find(spelling)?.id)
    .find((listed) => listed !== undefined && context.inScope(provider, listed));
}

/** How an id that is listed nowhere goes up: families write theirs in lower case, of others the case may matter. */
function unlistedAs(provider: Provider, id: string): string {
  const bare = withoutMarks(id);
  const plain = bare.toLowerCase();
  const isFamily = provider.ownership(plain, new Set(provider.kinds)) !== null;
  const given = isFamily ? plain : bare;
  return provider.spellings(given).find((spelling) => spelling !== given) ?? given;
}

/** No provider is named: by exact id, then by plain name, then by spelling, then by family. */
function search(context: ResolveContext, id: string): Resolution {
  const candidates = ranked(context, id, context.access.allowed);
  const ways = [
    (served: Served) => served.get(id)?.id,
    (served: Served) => served.find(id)?.id,
    (served: Served, provider: Provider) => listedAs(context, provider, served, id),
  ];
  const exact = withoutDetours(context, candidates, () => [id]);
  const spelt = withoutDetours(context, exact, (provider) => [id, ...provider.spellings(plainName(id))]);
  for (const [step, way] of ways.entries()) {
    for (const { provider, accountRefs } of step === 0 ? exact : spelt) {
      const model = way(context.catalogue.served(provider, accountRefs), provider);
      if (model !== undefined && context.inScope(provider, model))
        return found(context, provider, model, accountRefs);
    }
  }
  const guess = guessed(context, id, candidates).find(({ provider }) => context.inScope(provider, id));
  if (guess !== undefined) return found(context, guess.provider, plainName(id), guess.accountRefs);
  return refuse(context, id);
}

/**
 * The candidates without those that only carry a model which its maker has refused to an account of this key's under one of
 * these ids: a refusal must not move the bill to another subscription. The maker stays, and answers with its refusal.
 */
function withoutDetours(
  { catalogue }: ResolveContext,
  candidates: readonly Candidate[],
  idsAt: (provider: Provider) => readonly string[],
): readonly Candidate[] {
  const isRefused = candidates.some(
    ({ provider, accountRefs, claim }) =>
      claim === "own" &&
      idsAt(provider).some((id) => accountRefs.some((account) => catalogue.refuses(account.id, id))),
  );
  return isRefused ? candidates.filter(({ claim }) => claim === "own") : candidates;
}

/** An id as families write them, from end to end. */
const WHOLE_ID = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/**
 * Of these, the providers to which an unlisted name belongs by its family. Where the family's maker can be asked,
 * no other provider is: what its own plan does not serve must not end up on the bill of another subscription.
 */
function guessed(context: ResolveContext, id: string, candidates: readonly Candidate[]): Candidate[] {
  const plain = plainName(id);
  if (!WHOLE_ID.test(plain)) return [];
  const hasMaker = context.providers.some(
    (provider) =>
      context.access.allowed.has(provider.id) &&
      provider.ownership(plain, new Set(provider.kinds)) === "own" &&
      context.inScope(provider, plain),
  );
  return candidates.filter(({ claim }) => claim === "own" || (claim === "carried" && !hasMaker));
}

/** Why nothing was found: outside the key's scopes, not connected, or not known to anybody. */
function refuse(context: ResolveContext, id: string): UnresolvedModel {
  const knowing = knowingOf(context, id, context.access.connected);
  if (knowing.length > 0) return outOfScope(context, knowing);
  const absent: AccountRefsByProvider = new Map(
    context.providers
      .filter((provider) => !context.access.connected.has(provider.id))
      .map((provider) => [provider.id, provider.kinds.map((kind) => ({ id: "", kind }))]),
  );
  const missing = knowingOf(context, id, absent);
  if (missing.length > 0) return notConfigured(context, missing);
  const nearest = nearestName(id, listedNames(context));
  const hint = nearest === undefined ? "" : ` Did you mean ${quoted(nearest)}?`;
  return {
    ok: false,
    code: "model_not_found",
    message: `There is no model ${quoted(context.requested)}.${hint} ${WHERE}`,
  };
}

/** What the key may ask for, by name. */
function listedNames({ catalogue, access, providers, inScope }: ResolveContext): string[] {
  return providers.flatMap((provider) => {
    const accountRefs = access.allowed.get(provider.id);
    if (accountRefs === undefined) return [];
    return catalogue
      .served(provider, accountRefs)
      .entries.map((entry) => entry.id)
      .filter((id) => inScope(provider, id));
  });
}

interface Candidate {
  provider: Provider;
  accountRefs: readonly AccountRef[];
  claim: Ownership;
}

const RANK = { own: 0, carried: 1, none: 2 } as const;

/** The providers of a map, the model's maker first, then who carries it; equals in list order. */
function ranked(context: ResolveContext, id: string, accountRefsOf: AccountRefsByProvider): Candidate[] {
  const plain = plainName(id);
  const candidates = context.providers.flatMap((provider) => {
    const accountRefs = accountRefsOf.get(provider.id);
    if (accountRefs === undefined) return [];
    return [
      {
        provider,
        accountRefs,
        claim: provider.ownership(plain, new Set(accountRefs.map(({ kind }) => kind))),
      },
    ];
  });
  return candidates.sort((a, b) => RANK[a.claim ?? "none"] - RANK[b.claim ?? "none"]);
}

/** The providers of a map that list the name, or to whose family it belongs. */
function knowingOf(context: ResolveContext, id: string, accountRefsOf: AccountRefsByProvider): Provider[] {
  const candidates = ranked(context, id, accountRefsOf);
  const family = guessed(context, id, candidates);
  return candidates
    .filter((candidate) => {
      const { provider, accountRefs } = candidate;
      const served = context.catalogue.served(provider, accountRefs);
      const isListed = [id, ...provider.spellings(plainName(id))].some((spelling) => served.find(spelling));
      return isListed || family.includes(candidate);
    })
    .map(({ provider }) => provider);
}

function found(
  context: ResolveContext,
  provider: Provider,
  model: string,
  accountRefs: readonly AccountRef[],
): ResolvedModel {
  const serving = accountRefs.flatMap((accountRef) => {
    const entry = context.catalogue.served(provider, [accountRef]).get(model);
    return entry === undefined ? [] : [[accountRef.id, entry.operations] as const];
  });
  const answers = new Map(serving.length > 0 ? serving : claiming(context, provider, model, accountRefs));
  return { ok: true, provider: provider.id, model, answers, change: changeOf(context.requested, model) };
}

/** What was taken off or written otherwise. */
function changeOf(requested: string, model: string): ResolvedModel["change"] {
  if (model === requested) return null;
  return requested.endsWith(`/${model}`) ? "model-prefix" : "model-spelling";
}

/**
 * The accounts of the kinds that an unlisted model's family belongs to; all of them when it belongs to none. Those that it
 * was refused to only where there is no other.
 */
function claiming(
  { catalogue }: ResolveContext,
  provider: Provider,
  model: string,
  accountRefs: readonly AccountRef[],
): (readonly [string, readonly Operation[]])[] {
  const some = accountRefs.filter(
    ({ kind }) => provider.ownership(plainName(model), new Set([kind])) !== null,
  );
  const able = some.length > 0 ? some : accountRefs;
  const willing = able.filter(({ id }) => !catalogue.refuses(id, model));
  return (willing.length > 0 ? willing : able).map(({ id, kind }) => [id, provider.operations(model, kind)]);
}

function unreachable(context: ResolveContext, providers: readonly Provider[]): UnresolvedModel {
  const connected = providers.some(({ id }) => context.access.connected.has(id));
  return connected ? outOfScope(context, providers) : notConfigured(context, providers);
}

function outOfScope({ requested }: ResolveContext, providers: readonly Provider[]): UnresolvedModel {
  return {
    ok: false,
    code: "key_scope",
    ...firstOf(providers),
    message: `This key may not use ${quoted(requested)} (${names(providers)}). ${WHERE} Another key may reach further.`,
  };
}

function notConfigured(
  { requested, adminUrl = "/admin" }: ResolveContext,
  providers: readonly Provider[],
): UnresolvedModel {
  const account = providers.length > 1 ? "neither has an enabled account" : "it has no enabled account";
  return {
    ok: false,
    code: "provider_not_configured",
    ...firstOf(providers),
    message: `${quoted(requested)} needs ${names(providers)}, and ${account}. Connect one at ${adminUrl}. ${WHERE}`,
  };
}

function foreign(requested: string, named: Provider, forced: Provider): UnresolvedModel {
  return {
    ...invalid(
      `${quoted(requested)} names ${named.name}, but this address is ${forced.name}'s alone. Use /v1, or a model of ${forced.name}.`,
    ),
    provider: named.id,
  };
}

function invalid(message: string): UnresolvedModel {
  return { ok: false, code: "invalid_request", message };
}

function firstOf(providers: readonly Provider[]): { provider?: string } {
  const id = providers[0]?.id;
  return id === undefined ? {} : { provider: id };
}

function names(providers: readonly Provider[]): string {
  return providers.map(({ name }) => name).join(" or ");
}

/** Names in messages are quoted as JSON, so that no control character gets out. */
function quoted(name: string): string {
  return JSON.stringify(name);
}
