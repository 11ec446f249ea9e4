/**
 * What is known of the list of models that a provider keeps for one account: the list itself, and what speaks against it.
 * Pure, and stored as it stands.
 */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import type { ListedModel } from "../../providers/provider.ts";
import type { AccountLists, AccountModels } from "./catalogue.ts";

export interface ListRecord {
  /** When the list was received, epoch ms; where there is none, when the record was made. */
  readonly at: number;
  /** Null where no list could be had yet. */
  readonly models: readonly ListedModel[] | null;
  /** The client version that it was asked with, where the provider judges by one. */
  readonly version?: string | undefined;
  /** Why the latest response was rejected. */
  readonly trouble?: string | undefined;
  /** The latest answer was not taken because it was short. A second one like it is. */
  readonly isDoubted?: boolean | undefined;
  /** Ids that the provider has refused since. */
  readonly refused?: readonly string[] | undefined;
  /** Ids that have answered since, though the list does not name them. */
  readonly unlisted?: readonly string[] | undefined;
}

/** By account id. */
export type ListRecords = Readonly<Record<string, ListRecord>>;

/** An account's list as the owner is told of it. */
export interface ListStatus {
  /** Models that the list offers; null where there is none. */
  readonly count: number | null;
  /** When it was received, epoch ms; null where there is none. */
  readonly at: number | null;
  /** What the owner should know about it, in sentences. */
  readonly remarks: readonly string[];
}

/** Ids that are remembered as answering though they are not listed. */
const UNLISTED_MAX = 20;

/** A list with fewer models than this part of what was known before, or of what such accounts are known to have, is short. */
const SHORT = 0.5;

/** True for a list that names less than half of the models that are known for such accounts. */
export function isShort(models: readonly ListedModel[], known: ReadonlySet<string>): boolean {
  return offered(models).length < known.size * SHORT;
}

/**
 * Why a new list is not believed yet; null to take it. Half a list may be a fault of the moment, so it has to come twice,
 * unless the account has changed meanwhile. A list whose rows all say no is explicit, and is taken.
 */
export function doubtOf(
  before: ListRecord | undefined,
  models: readonly ListedModel[],
  changedAt: number,
): string | null {
  if (before?.models == null || before.isDoubted || changedAt > before.at || models.length === 0) return null;
  const [was, is] = [before.models, models].map((list) => offered(list).length);
  if (was === undefined || is === undefined || is >= was * SHORT) return null;
  return `it names ${is} of the ${was} models that it had before`;
}

/** The record after an answer that was not taken; the same one where nothing changes. */
export function withTrouble(
  before: ListRecord | undefined,
  trouble: string,
  now: number,
  isDoubted = false,
): ListRecord {
  // Without a list, refusals last until the next try.
  if (before?.models == null) {
    const isSame = before?.trouble === trouble && before.refused === undefined;
    return isSame ? before : { at: now, models: null, trouble };
  }
  const isSame = before.trouble === trouble && (before.isDoubted ?? false) === isDoubted;
  return isSame ? before : { ...before, trouble, isDoubted };
}

/**
 * The record after the provider has refused a model as unknown; null where that says nothing new. Counts for models that
 * the list or Kleis would offer: of other ids a client can send any number.
 */
export function withRefusal(
  before: ListRecord | undefined,
  id: string,
  known: ReadonlySet<string>,
  now: number,
): ListRecord | null {
  const isOffered = before?.models?.some((model) => model.id === id) ?? false;
  if (!isOffered && !known.has(id)) return null;
  if (before?.refused?.includes(id)) return null;
  const record = before ?? { at: now, models: null };
  return {
    ...record,
    refused: [...(record.refused ?? []), id],
    unlisted: record.unlisted?.filter((other) => other !== id),
  };
}

/** The record after a model has answered; null where that contradicts nothing, or is known. */
export function withAnswer(before: ListRecord | undefined, id: string): ListRecord | null {
  if (before?.models == null) return null;
  const { models, unlisted = [] } = before;
  if (unlisted.includes(id) || unlisted.length >= UNLISTED_MAX) return null;
  return models.some((model) => model.id === id) ? null : { ...before, unlisted: [...unlisted, id] };
}

/** Of two records of one account the later one; of the same list what is known here, and what others have learnt. */
export function joined(stored: ListRecord | undefined, here: ListRecord): ListRecord {
  if (stored === undefined || stored.at < here.at) return here;
  if (stored.at > here.at) return stored;
  return {
    ...here,
    refused: union(stored.refused, here.refused),
    unlisted: union(stored.unlisted, here.unlisted),
  };
}

function union(a: readonly string[] = [], b: readonly string[] = []): readonly string[] | undefined {
  return a.length + b.length === 0 ? undefined : [...new Set([...a, ...b])];
}

/** The records as a catalogue is made of them. */
export function accountLists(records: ListRecords): AccountLists {
  const lists = Object.entries(records).flatMap(([id, { models, refused = [] }]) =>
    models === null && refused.length === 0
      ? []
      : [[id, { models, refused: new Set(refused) }] satisfies [string, AccountModels]],
  );
  return new Map(lists);
}

/** `known`: the ids that the registry and the provider's rules give to such accounts. */
export function statusOf(record: ListRecord, known: ReadonlySet<string>): ListStatus {
  const { models, refused = [], unlisted = [] } = record;
  const count = models === null ? null : offered(models).filter(({ id }) => !refused.includes(id)).length;
  const remarks: string[] = [];
  if (record.trouble !== undefined) {
    const instead =
      models === null ? "What such accounts are known to have is offered instead" : "The one before stands";
    remarks.push(`The account's own list could not be used: ${record.trouble}. ${instead}.`);
  }
  if (models !== null && isShort(models, known)) {
    remarks.push(
      `It is short: Kleis knows ${known.size} models for such accounts. One that it leaves out is still tried when a request names it.`,
    );
  }
  if (refused.length > 0) {
    remarks.push(`The provider refuses ${refused.join(", ")}: left out until the list is asked for again.`);
  }
  if (unlisted.length > 0) remarks.push(`Not listed, but answers: ${unlisted.join(", ")}.`);
  return { count, at: models === null ? null : record.at, remarks };
}

/** The stored records; undefined for text that holds none. */
export function decodeRecords(text: string | null): ListRecords | undefined {
  return text === null ? {} : storedSchema.safeParse(parseJson(text)).data;
}

function offered(models: readonly ListedModel[]): readonly ListedModel[] {
  return models.filter(({ hidden }) => hidden !== true);
}

const tokens = z.number().check(z.positive());
const limit = z.object({ context: tokens, output: tokens, input: z.optional(tokens) });
const ids = z.optional(z.array(z.string()));

const storedSchema = z.record(
  z.string(),
  z.object({
    at: z.number(),
    version: z.optional(z.string()),
    trouble: z.optional(z.string()),
    isDoubted: z.optional(z.boolean()),
    refused: ids,
    unlisted: ids,
    models: z.nullable(
      z.array(
        z.object({
          id: z.string(),
          operations: z.array(z.enum(["chat", "responses", "messages", "count_tokens"])),
          limit: z.partial(limit),
          hidden: z.optional(z.literal(true)),
          model: z.looseObject({
            id: z.string(),
            name: z.string(),
            reasoning: z.boolean(),
            tool_call: z.boolean(),
            attachment: z.optional(z.boolean()),
            release_date: z.string(),
            modalities: z.object({ input: z.array(z.string()), output: z.array(z.string()) }),
            limit,
          }),
        }),
      ),
    ),
  }),
);
