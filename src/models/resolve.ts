/**
 * From the model that a client names to the provider that answers and the id it is asked by: the deterministic rule of
 * models-registry.md §5. Pure; neither load nor endpoint has a say, so that billing stays predictable.
 */
import type { ErrorCode } from "../errors.ts";
import type { Change } from "../protocols/body.ts";
import type { Operation } from "../protocols/protocol.ts";
import type { Claim, Provider } from "../providers/provider.ts";
import { type Access, type ModelScope, modelScope, type SeatsByProvider } from "./access.ts";
import type { Catalogue, Seat } from "./catalogue.ts";
import type { CustomModel } from "./custom.ts";
import { parseName } from "./name.ts";
import { MAX_MODEL_ID } from "./registry.ts";

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
  const world: World = { ...input, inScope: modelScope(input.access.models, providers) };
  const custom = input.catalogue.custom.find((entry) => entry.id === requested);

  if (forced !== undefined) {
    const provider = providers.find((candidate) => candidate.id === forced);
    if (provider === undefined) return invalid(`There is no provider ${quoted(forced)}. ${WHERE}`);
    if (custom?.provider === forced) return resolveCustom(world, provider, custom);
    if (name.provider !== undefined && name.provider !== provider)
      return foreign(requested, name.provider, provider);
    return resolveAt(world, provider, name.id);
  }
  const ofCustom = providers.find((candidate) => candidate.id === custom?.provider);
  if (custom !== undefined && ofCustom !== undefined) return resolveCustom(world, ofCustom, custom);
  if (name.provider !== undefined) return resolveAt(world, name.provider, name.id);
  return search(world, name.id);
}

interface World extends ResolveInput {
  readonly inScope: ModelScope;
}

function resolveCustom(world: World, provider: Provider, custom: CustomModel): Resolution {
  const seats = world.access.allowed.get(provider.id);
  if (seats === undefined) return unreachable(world, [provider]);
  const covered = world.access.models?.includes(custom.id) || world.inScope(provider, custom.model);
  return covered ? found(world, provider, custom.model, seats, custom.id) : outOfScope(world, [provider]);
}

/** The provider is named: it, or a refusal. An id that it does not list is sent in its own spelling. */
function resolveAt(world: World, provider: Provider, id: string): Resolution {
  const seats = world.access.allowed.get(provider.id);
  if (seats === undefined) return unreachable(world, [provider]);
  const spellings = [id, ...provider.spellings(id)];
  const served = world.catalogue.served(provider, seats);
  const listed = spellings.find((spelling) => served.get(spelling) && world.inScope(provider, spelling));
  const model = listed ?? spellings.find((spelling) => spelling !== id) ?? id;
  if (!world.inScope(provider, model)) return outOfScope(world, [provider]);
  return found(world, provider, model, seats, id);
}

/** No provider is named: by exact id, then by spelling, then by family. */
function search(world: World, id: string): Resolution {
  const candidates = ranked(world, id, world.access.allowed);
  for (const spell of [() => [id], (provider: Provider) => provider.spellings(id)]) {
    for (const { provider, seats } of candidates) {
      const served = world.catalogue.served(provider, seats);
      const model = spell(provider).find(
        (spelling) => served.get(spelling) && world.inScope(provider, spelling),
      );
      if (model !== undefined) return found(world, provider, model, seats, id);
    }
  }
  const family = candidates.find(({ provider, claim }) => claim !== null && world.inScope(provider, id));
  if (family !== undefined) return found(world, family.provider, id, family.seats, id);
  return refuse(world, id);
}

/** Why nothing was found: outside the key's scopes, not connected, or not known to anybody. */
function refuse(world: World, id: string): UnresolvedModel {
  const knowing = ranked(world, id, world.access.connected).filter((candidate) =>
    knows(world, candidate, id),
  );
  if (knowing.length > 0)
    return outOfScope(
      world,
      knowing.map(({ provider }) => provider),
    );
  const absent: SeatsByProvider = new Map(
    world.providers
      .filter((provider) => !world.access.connected.has(provider.id))
      .map((provider) => [provider.id, provider.kinds.map((kind) => ({ id: "", kind }))]),
  );
  const missing = ranked(world, id, absent).filter((candidate) => knows(world, candidate, id));
  if (missing.length > 0)
    return notConfigured(
      world,
      missing.map(({ provider }) => provider),
    );
  return {
    ok: false,
    code: "model_not_found",
    message: `There is no model ${quoted(world.requested)}. ${WHERE}`,
  };
}

interface Candidate {
  provider: Provider;
  seats: readonly Seat[];
  claim: Claim;
}

const RANK = { own: 0, carried: 1, none: 2 } as const;

/** The providers of a map, the model's maker first, then who carries it; equals in list order. */
function ranked(world: World, id: string, seatsOf: SeatsByProvider): Candidate[] {
  const bare = id.toLowerCase();
  const candidates = world.providers.flatMap((provider) => {
    const seats = seatsOf.get(provider.id);
    if (seats === undefined) return [];
    return [{ provider, seats, claim: provider.claims(bare, new Set(seats.map(({ kind }) => kind))) }];
  });
  return candidates.sort((a, b) => RANK[a.claim ?? "none"] - RANK[b.claim ?? "none"]);
}

function knows(world: World, { provider, seats, claim }: Candidate, id: string): boolean {
  if (claim !== null) return true;
  const served = world.catalogue.served(provider, seats);
  return [id, ...provider.spellings(id)].some((spelling) => served.get(spelling) !== undefined);
}

function found(
  world: World,
  provider: Provider,
  model: string,
  seats: readonly Seat[],
  bare: string,
): ResolvedModel {
  const serving = seats.flatMap((seat) => {
    const entry = world.catalogue.served(provider, [seat]).get(model);
    return entry === undefined ? [] : [[seat.id, entry.operations] as const];
  });
  const answers = new Map(serving.length > 0 ? serving : claiming(provider, model, seats));
  const change = model === world.requested ? null : model === bare ? "model-prefix" : "model-spelling";
  return { ok: true, provider: provider.id, model, answers, change };
}

/** The accounts of the kinds that an unlisted model's family belongs to; all of them when it belongs to none. */
function claiming(
  provider: Provider,
  model: string,
  seats: readonly Seat[],
): (readonly [string, readonly Operation[]])[] {
  const some = seats.filter(({ kind }) => provider.claims(model.toLowerCase(), new Set([kind])) !== null);
  return (some.length > 0 ? some : seats).map(({ id, kind }) => [id, provider.operations(model, kind)]);
}

function unreachable(world: World, providers: readonly Provider[]): UnresolvedModel {
  const connected = providers.some(({ id }) => world.access.connected.has(id));
  return connected ? outOfScope(world, providers) : notConfigured(world, providers);
}

function outOfScope({ requested }: World, providers: readonly Provider[]): UnresolvedModel {
  return {
    ok: false,
    code: "key_scope",
    ...firstOf(providers),
    message: `This key may not use ${quoted(requested)} (${names(providers)}). ${WHERE} Another key may reach further.`,
  };
}

function notConfigured(
  { requested, adminUrl = "/admin" }: World,
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
