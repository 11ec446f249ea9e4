/**
 * The lists of models that providers keep for each account, asked for in the background and kept for hours. Best effort:
 * a list that cannot be had leaves the old one, or none, with words in the log and on the account's card.
 */
import type { Credentials } from "../../accounts/credentials.ts";
import { dueOf } from "../../accounts/refresh/timing.ts";
import { KleisError } from "../../errors.ts";
import type { ListedModel, ModelList, Provider } from "../../providers/provider.ts";
import type { LogFields, Runtime } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import { type CachedSetting, cacheSetting, type WantedSetting } from "../cached-setting.ts";
import { pollUntil } from "../poll-until.ts";
import { SoleWriter } from "../sole-writer.ts";
import { isWithin } from "../time.ts";
import type { AccountLists } from "./catalogue.ts";
import { fetchList } from "./list-pages.ts";
import {
  accountLists,
  decodeRecords,
  doubtOf,
  isShort,
  joined,
  type ListRecord,
  type ListRecords,
  type ListStatus,
  statusOf,
  withAnswer,
  withRefusal,
  withTrouble,
} from "./list-record.ts";
import { ProviderRows, type RowOf } from "./provider-rows.ts";

/** What became of a model that an account was asked for. */
export type ModelOutcome = "answered" | "refused";

export interface AccountListDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly credentials: Pick<Credentials, "fresh">;
  /** The ids that the registry and the provider's rules give to such an account. */
  readonly known: (provider: Provider, kind: AccountRecord["kind"]) => ReadonlySet<string>;
}

/** A list is asked for again after this long, ms; and when its account has changed since (a new sign-in). */
const FRESH_MS = 4 * 3_600_000;
/** While accounts and lists stay the same, looking for what is due once in this time, ms, is often enough. */
const LOOK_MS = 1_000;
/** No account's list is asked for more often than this, ms; also after a failure. */
const PAUSE_MS = 5 * 60_000;
/** A list that could not be renewed for this long, ms, is forgotten: so are those of accounts that are gone. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** Lists that are asked for at a time: a thousand accounts are no reason for a thousand requests at once. */
const AT_ONCE = 8;
/** A round that has not heard from any account for this long, ms, is taken for dead. */
const ROUND_MS = 15_000;
/** How long a caller that wants lists at once waits for them at most, ms. */
const REFRESH_MS = 20_000;
/** The time one list may take, ms, and its size at most. */
const TIMEOUT_MS = 8_000;
const MAX_BYTES = 4 * 1024 * 1024;
/** The models that a list may name; real ones have some tens. */
const MAX_MODELS = 1_000;

/** Accounts that are asked together. */
interface Round {
  /** When it began, or last heard from one of them, epoch ms. */
  respondedAt: number;
  /** Whose list could be had; null while it goes on. */
  had: ReadonlySet<string> | null;
}

/** An account that keeps a list, and how it is asked for. */
interface Listing {
  readonly account: AccountRecord;
  readonly provider: Provider;
  readonly modelList: ModelList;
  readonly version: string | undefined;
}

type Answer = { ok: true; models: ListedModel[] } | { ok: false; reason: string };

export class AccountListStore {
  readonly #deps: AccountListDeps;
  readonly #memory: CachedSetting<ListRecords>;
  readonly #rows: ProviderRows;
  readonly #asked = new Map<string, { at: number; isFirst: boolean }>();
  /** By account id, while it is asked. */
  readonly #rounds = new Map<string, Round>();
  /** By provider, the newest version that one of its own clients has named to this process. */
  readonly #versions = new Map<string, string>();
  #looked: { accounts: readonly AccountRecord[]; records: ListRecords | undefined; at: number } | undefined;
  #seen: ListRecords | undefined;
  readonly #writer: SoleWriter;
  #lists: AccountLists = new Map();

  constructor(deps: AccountListDeps) {
    this.#deps = deps;
    this.#rows = new ProviderRows(deps.runtime);
    this.#writer = new SoleWriter(deps.runtime.clock);
    this.#memory = cacheSetting<ListRecords>(deps.runtime, {
      key: "models.live",
      freshMs: FRESH_MS,
      encode: (records) => JSON.stringify(records),
      decode: decodeRecords,
      join: (known, stored) => this.#kept(withJoined(stored, known)),
    });
  }

  /** What is known; the same object for as long as nothing has changed. */
  lists(): AccountLists {
    const records = this.#memory.value();
    if (records !== undefined && records !== this.#seen) {
      this.#seen = records;
      this.#lists = accountLists(records);
    }
    return this.#lists;
  }

  /** What a request that reads the store anyway is to bring along; undefined when what is known is not old. */
  wanted(): WantedSetting | undefined {
    return this.#memory.wanted();
  }

  /** True when the store has been asked for what other processes and former runs have stored. */
  isRead(): boolean {
    return this.#memory.isRead();
  }

  /** True while this process tries for the first time to get the first list of one of these accounts. */
  isAwaited(accounts: readonly AccountRecord[]): boolean {
    return accounts.some(
      ({ id }) => this.#asked.get(id)?.isFirst === true && this.#memory.value()?.[id]?.models == null,
    );
  }

  /**
   * Begins in the background what is due: reading the store, then asking for the lists that are missing or old. Answers
   * the work, so that the same request can wait for it.
   */
  begin(accounts: readonly AccountRecord[]): Promise<unknown> | undefined {
    const reading = this.#memory.begin();
    if (!this.#memory.isRead()) return reading;
    const now = this.#now();
    if (this.#hasLooked(accounts, now)) return reading;
    this.#looked = { accounts, records: this.#memory.value(), at: now };
    const due = accounts.filter((account) => this.#isDue(account, now));
    if (due.length === 0) return reading;
    const asking = this.ask(due);
    this.#deps.runtime.waitUntil(asking);
    return asking;
  }

  /** Asks in the background for the lists of accounts that have just been connected. */
  connected(accounts: readonly AccountRecord[]): void {
    const able = accounts.filter((account) => {
      const listing = this.#listingOf(account);
      return listing !== undefined && !isEnding(listing, this.#now());
    });
    if (able.length > 0) this.#deps.runtime.waitUntil(this.ask(able));
  }

  /** Asks for these accounts' lists now, whatever is known or asked already. Never rejects. */
  async ask(accounts: readonly AccountRecord[]): Promise<void> {
    const able = accounts.flatMap((account) => this.#listingOf(account) ?? []);
    const round: Round = { respondedAt: this.#now(), had: null };
    for (const { account } of able) {
      // Lists wait for an account's first try alone: one that keeps failing must not hold them up for ever.
      this.#asked.set(account.id, { at: this.#now(), isFirst: !this.#asked.has(account.id) });
      this.#rounds.set(account.id, round);
    }
    const changed = new Map<string, ListRecord>();
    const had = new Set<string>();
    const left = [...able];
    const askInTurn = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { id } = next.account;
        const answer = await askOne(this.#deps, next);
        const before = this.#memory.value()?.[id];
        const record = this.#judge(next, before, answer);
        if (record !== before) changed.set(id, record);
        if (record.trouble === undefined) had.add(id);
        round.respondedAt = this.#now();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askInTurn));
    // The rows first: a process that sees a new list finds them.
    if (had.size > 0) await this.#rows.save();
    if (changed.size > 0) await this.#keep(Object.fromEntries(changed));
    for (const { account } of able) {
      this.#asked.set(account.id, { at: this.#now(), isFirst: false });
      if (this.#rounds.get(account.id) === round) this.#rounds.delete(account.id);
    }
    round.had = had;
  }

  /**
   * Asks for these accounts' lists now, and waits for those that are asked for already. Answers within a time limit whose
   * list has been had.
   */
  async refresh(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, boolean>> {
    const able = accounts.filter((account) => this.#listingOf(account) !== undefined);
    const isAsked = ({ id }: AccountRecord) =>
      isWithin(this.#now(), this.#rounds.get(id)?.respondedAt ?? Number.NEGATIVE_INFINITY, ROUND_MS);
    const idle = able.filter((account) => !isAsked(account));
    if (idle.length > 0) this.#deps.runtime.waitUntil(this.ask(idle));
    const waited = new Map(able.map(({ id }) => [id, this.#rounds.get(id)]));
    const isDone = () => [...waited.values()].every((round) => round?.had !== null);
    await pollUntil(this.#deps.runtime.clock, isDone, REFRESH_MS);
    return new Map([...waited].map(([id, round]) => [id, round?.had?.has(id) ?? false]));
  }

  /**
   * Takes note of the version that a client with a valid key names: from then on lists are asked for as this one would,
   * and those that were asked for as an older one are due.
   */
  noteClient(userAgent: string): void {
    for (const { id, modelList } of this.#deps.providers) {
      const named = modelList?.versions?.namedIn(userAgent);
      if (named == null) continue;
      const seen = this.#versions.get(id);
      if (seen !== undefined && !modelList?.versions?.isOlder(seen, named)) continue;
      this.#versions.set(id, named);
      this.#looked = undefined;
    }
  }

  /**
   * Takes note of what became of a model: one that the provider refuses as unknown leaves the account's list until that is
   * asked for again.
   */
  note(account: AccountRecord, model: string, outcome: ModelOutcome): void {
    const records = this.#memory.value();
    const listing = this.#listingOf(account);
    if (records === undefined || listing === undefined) return;
    const { id } = account;
    const isAlias = records[id]?.models?.some((known) =>
      listing.modelList.aliases?.(known.id).includes(model),
    );
    if (outcome === "answered" && isAlias === true) return;
    const record =
      outcome === "answered"
        ? withAnswer(records[id], model)
        : withRefusal(records[id], model, this.#knownTo(listing), this.#now());
    if (record === null) return;
    this.#memory.know({ ...records, [id]: record });
    this.#deps.runtime.waitUntil(this.#keep({ [id]: record }));
    this.#warn(listing, outcome === "answered" ? "model_not_listed" : "model_refused", { model });
  }

  /** How the lists of these accounts stand, by account id; those that keep none are absent. */
  async statuses(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, ListStatus>> {
    if (!this.#memory.isRead()) await this.#memory.load();
    const records = this.#memory.value() ?? {};
    return new Map(
      accounts.flatMap((account) => {
        const [record, listing] = [records[account.id], this.#listingOf(account)];
        if (record === undefined || listing === undefined) return [];
        return [[account.id, statusOf(record, this.#knownTo(listing))] as const];
      }),
    );
  }

  /** The rows of these accounts' lists as their providers sent them. */
  rows(accounts: readonly AccountRecord[]): Promise<RowOf> {
    const records = this.#memory.value() ?? {};
    const received = accounts.flatMap(({ id }) => {
      const record = records[id];
      return record?.models == null ? [] : [[id, record.at] as const];
    });
    return this.#rows.of(new Map(received));
  }

  #now(): number {
    return this.#deps.runtime.clock.now();
  }

  #listingOf(account: AccountRecord): Listing | undefined {
    if (!account.enabled || account.status !== "active") return undefined;
    const provider = this.#deps.providers.find(({ id }) => id === account.provider);
    const modelList = provider?.modelList;
    if (provider === undefined || !modelList?.kinds.includes(account.kind)) return undefined;
    const { config } = this.#deps.runtime;
    const version = modelList.versions?.wanted(config, this.#versions.get(provider.id) ?? null);
    return { account, provider, modelList, version };
  }

  #knownTo({ provider, account }: Listing): ReadonlySet<string> {
    return this.#deps.known(provider, account.kind);
  }

  #isDue(account: AccountRecord, now: number): boolean {
    if (isWithin(now, this.#asked.get(account.id)?.at ?? Number.NEGATIVE_INFINITY, PAUSE_MS)) return false;
    const listing = this.#listingOf(account);
    if (listing === undefined || isEnding(listing, now)) return false;
    const record = this.#memory.value()?.[account.id];
    if (record?.models == null) return true;
    const { version, modelList } = listing;
    const isOutgrown =
      version !== undefined && modelList.versions?.isOlder(record.version ?? "0.0.0", version) === true;
    return isOutgrown || !isWithin(now, record.at, FRESH_MS) || record.at < account.updatedAt;
  }

  #hasLooked(accounts: readonly AccountRecord[], now: number): boolean {
    const looked = this.#looked;
    if (looked?.accounts !== accounts || looked.records !== this.#memory.value()) return false;
    return now >= looked.at && now - looked.at < LOOK_MS;
  }

  /** The record after an answer; what is new about it is told to the log. */
  #judge(listing: Listing, before: ListRecord | undefined, answer: Answer): ListRecord {
    const { account, version } = listing;
    const { logger } = this.#deps.runtime;
    const now = this.#now();
    const doubt = answer.ok ? doubtOf(before, answer.models, account.updatedAt) : null;
    if (!answer.ok || doubt !== null) {
      const reason = answer.ok ? `${doubt}` : answer.reason;
      const record = withTrouble(before, reason, now, doubt !== null);
      if (before?.trouble !== reason) this.#warn(listing, "model_list_refused", { reason });
      return record;
    }
    const known = this.#knownTo(listing);
    const models = this.#rows.take(account.id, now, answer.models);
    const fields = { models: models.length, version };
    const wasShort = before?.models != null && isShort(before.models, known);
    if (isShort(models, known) && !wasShort) {
      logger.info("model_list_short", this.#fields(listing, { ...fields, known: known.size }));
    }
    logger.debug("model_list", this.#fields(listing, fields));
    return { at: now, models, version };
  }

  #warn(listing: Listing, event: string, fields: LogFields): void {
    this.#deps.runtime.logger.warn(event, this.#fields(listing, fields));
  }

  #fields({ account, provider }: Listing, fields: LogFields): LogFields {
    return { account: account.id, provider: provider.id, ...fields };
  }

  /** Knows these records, and stores them beside what other processes have stored meanwhile. */
  async #keep(changed: ListRecords): Promise<void> {
    if (!this.#memory.isRead()) await this.#memory.load();
    this.#memory.know(withJoined(this.#memory.value() ?? {}, changed));
    await this.#writer.run(() => this.#store());
  }

  /** Stores what is known beside what other processes have stored. */
  async #store(): Promise<void> {
    const { logger } = this.#deps.runtime;
    try {
      await this.#memory.stored();
      await this.#memory.save(this.#kept(this.#memory.value() ?? {}));
    } catch (error) {
      logger.warn("model_list_not_stored", { error: error instanceof Error ? error.message : "unknown" });
    }
  }

  /** Less what has not been renewed for long. */
  #kept(records: ListRecords): ListRecords {
    return Object.fromEntries(Object.entries(records).filter(([, { at }]) => this.#now() - at < KEPT_MS));
  }
}

/** These records with changed ones, each joined with what stands there of its account. */
function withJoined(records: ListRecords, changed: ListRecords): ListRecords {
  const joint = Object.entries(changed).map(([id, record]) => [id, joined(records[id], record)] as const);
  return { ...records, ...Object.fromEntries(joint) };
}

/**
 * True where asking would first redeem a refresh token. The background leaves that to the next request, after which the
 * list is due: an unused account keeps its login as it was imported.
 */
function isEnding({ account, provider }: Listing, now: number): boolean {
  return account.kind === "oauth" && provider.rotates === true && dueOf(account, now) !== "later";
}

/** Asks a provider for one account's list. */
async function askOne({ runtime, credentials }: AccountListDeps, listing: Listing): Promise<Answer> {
  const { account, provider, modelList, version } = listing;
  const { config } = runtime;
  try {
    const request = modelList.request(account, await credentials.fresh(account), config, version);
    const origins = provider.origins(account, config);
    const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
    const got = await fetchList(runtime, { ...request, ...limits, origins }, modelList.pages);
    if (!got.ok) return got;
    const models = modelList.decode(got.body);
    if (models === null)
      return { ok: false, reason: "it is empty, or not a list of models that can be read" };
    if (models.length > MAX_MODELS) return { ok: false, reason: `it names more than ${MAX_MODELS} models` };
    return { ok: true, models };
  } catch (error) {
    // Only the kind: an unforeseen error's words may hold what it was working on.
    const kind = error instanceof KleisError ? error.code : error instanceof Error ? error.name : "unknown";
    return { ok: false, reason: `it could not be asked for (${kind})` };
  }
}
