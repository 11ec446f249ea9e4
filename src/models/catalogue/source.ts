/**
 * The single source of known models: joins the upstream registry, the accounts' own lists and the operator's names into a
 * catalogue. It never rejects, never waits once warm, and waits for a bounded time when cold. Requests do not await each
 * other's work, which Workers forbid.
 */
import type { Credentials } from "../../accounts/credentials.ts";
import type { Provider } from "../../providers/provider.ts";
import type { Clock, Runtime } from "../../runtime.ts";
import { type AccountRecord, StorageError } from "../../storage/port.ts";
import type { CachedSetting, WantedSetting } from "../cached-setting.ts";
import { entryId } from "../registry/kleis-entries.ts";
import { snapshotText } from "../registry/snapshot.ts";
import type { RegistryText } from "../registry/splice.ts";
import { createUpstream, type Readiness, type Renewal, type Upstream } from "../registry/upstream.ts";
import { AccountListStore, type ModelOutcome } from "./account-lists.ts";
import { type Catalogue, type CatalogueParts, catalogueOf, createCatalogue } from "./catalogue.ts";
import type { CustomModel } from "./custom-model.ts";
import { cacheCustomModels } from "./custom-store.ts";
import type { ListStatus } from "./list-record.ts";
import type { RowOf } from "./provider-rows.ts";

/** What model resolution and model lists need. */
export interface ModelSource {
  /**
   * What these accounts serve, as far as it is known now; the same object while nothing has changed. A cold process waits
   * for storage, with `readiness` also for the network. Never rejects: an old catalogue is better than none.
   */
  current(accounts: readonly AccountRecord[], readiness?: Readiness): Promise<Catalogue> | Catalogue;
  /** The rows of these accounts' own lists as their providers sent them; reads storage once where they are not known. */
  rows(accounts: readonly AccountRecord[]): Promise<RowOf>;
  /** Records whether an account served a model that was requested. */
  note(account: AccountRecord, model: string, outcome: ModelOutcome): void;
  /** Records the user-agent of a client with a valid key: some lists depend on the client's version. */
  noteClient(userAgent: string): void;
}

export interface LiveModelSource extends ModelSource {
  /** The settings that `current` needs and that are unknown or old: a request that reads storage anyway fetches them too. */
  wanted(): readonly WantedSetting[];
  /** The text of the whole upstream registry, as it is known now. */
  text(): Promise<RegistryText> | RegistryText;
  /** Fetches the lists of newly connected accounts in the background. */
  connected(accounts: readonly AccountRecord[]): void;
  /** Asks upstream and the providers now; concurrent callers share one refresh. Resolves within a time limit. */
  refresh(accounts: readonly AccountRecord[]): Promise<RefreshOutcome>;
  /** The status of these accounts' own lists, by account id; accounts without one are absent. */
  listStatuses(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, ListStatus>>;
  custom(): Promise<readonly CustomModel[]>;
  /** Replaces the operator's models. Rejects with `StorageError` when they cannot be stored. */
  setCustom(models: readonly CustomModel[]): Promise<void>;
}

export interface RefreshOutcome {
  readonly registry: Renewal;
  /** By account id, whether its list was fetched; accounts without a list are absent. */
  readonly accounts: ReadonlyMap<string, boolean>;
}

export interface ModelSourceDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly credentials: Pick<Credentials, "fresh">;
}

/** How long the first callers of a cold process wait at most, and how often they poll, ms. */
const WAIT_MS: Readonly<Record<Readiness, number>> = { store: 1_000, network: 1_500, text: 1_500 };
const POLL_MS = 10;

export function createModelSource(deps: ModelSourceDeps): LiveModelSource {
  return new JoinedModelSource(deps);
}

class JoinedModelSource implements LiveModelSource {
  readonly #clock: Clock;
  readonly #upstream: Upstream;
  readonly #live: AccountListStore;
  readonly #custom: CachedSetting<readonly CustomModel[]>;
  #parts: CatalogueParts | undefined;
  #catalogue: Catalogue | undefined;

  constructor(deps: ModelSourceDeps) {
    const { runtime, providers } = deps;
    this.#clock = runtime.clock;
    this.#upstream = createUpstream(runtime, {
      own: new Set(providers.map(entryId)),
      sources: new Set(providers.map(({ source }) => source)),
    });
    this.#live = new AccountListStore({ ...deps, known: (provider, kind) => this.#knownIds(provider, kind) });
    this.#custom = cacheCustomModels(runtime);
  }

  current(
    accounts: readonly AccountRecord[],
    readiness: Readiness = "store",
  ): Promise<Catalogue> | Catalogue {
    const begun = this.#begin(accounts, readiness);
    return this.#isReady(accounts, readiness) ? this.#known() : this.#wait(accounts, readiness, begun);
  }

  rows(accounts: readonly AccountRecord[]): Promise<RowOf> {
    return this.#live.rows(accounts);
  }

  note(account: AccountRecord, model: string, outcome: ModelOutcome): void {
    this.#live.note(account, model, outcome);
  }

  noteClient(userAgent: string): void {
    this.#live.noteClient(userAgent);
  }

  wanted(): readonly WantedSetting[] {
    const settings = [this.#custom.wanted(), this.#live.wanted(), this.#upstream.wanted()];
    return settings.filter((setting) => setting !== undefined);
  }

  text(): Promise<RegistryText> | RegistryText {
    return this.#upstream.text() ?? snapshotText();
  }

  connected(accounts: readonly AccountRecord[]): void {
    this.#live.connected(accounts);
  }

  async refresh(accounts: readonly AccountRecord[]): Promise<RefreshOutcome> {
    const [registry, lists] = await Promise.all([this.#upstream.refresh(), this.#live.refresh(accounts)]);
    return { registry, accounts: lists };
  }

  listStatuses(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, ListStatus>> {
    return this.#live.statuses(accounts);
  }

  async custom(): Promise<readonly CustomModel[]> {
    const stored = await this.#custom.stored();
    if (stored !== undefined) return stored;
    throw new StorageError("the stored model names cannot be read; PUT /admin/models replaces them", {
      lasts: true,
    });
  }

  setCustom(models: readonly CustomModel[]): Promise<void> {
    return this.#custom.save(models);
  }

  /** Starts what is due, and returns the work that this request may wait for. */
  #begin(accounts: readonly AccountRecord[], readiness: Readiness): Promise<unknown>[] {
    const work = [this.#custom.begin(), this.#live.begin(accounts), ...this.#upstream.begin(readiness)];
    return work.filter((each) => each !== undefined);
  }

  #isReady(accounts: readonly AccountRecord[], readiness: Readiness): boolean {
    if (!this.#custom.isRead() || !this.#live.isRead() || !this.#upstream.isReady(readiness)) return false;
    return readiness === "store" || !this.#live.isAwaited(accounts);
  }

  /** Waits for this request's own work, and polls for what another request may bring. */
  async #wait(
    accounts: readonly AccountRecord[],
    readiness: Readiness,
    begun: readonly Promise<unknown>[],
  ): Promise<Catalogue> {
    const done = new AbortController();
    const own = new Set<Promise<unknown>>();
    const add = (work: Promise<unknown>) => {
      own.add(work);
      void work.finally(() => own.delete(work));
    };
    let isOver = false;
    const over = this.#clock.sleep(WAIT_MS[readiness], done.signal).then(() => {
      isOver = true;
    });
    let work = begun;
    while (!isOver && !this.#isReady(accounts, readiness)) {
      work.forEach(add);
      await Promise.race([over, this.#clock.sleep(POLL_MS, done.signal), ...own]);
      work = this.#begin(accounts, readiness);
    }
    done.abort();
    return this.#known();
  }

  /** The catalogue of what is known; the same object while its parts are the same. */
  #known(): Catalogue {
    const registry = this.#upstream.registry();
    const live = this.#live.lists();
    const custom = this.#custom.value();
    const parts = this.#parts;
    if (
      this.#catalogue === undefined ||
      parts?.registry !== registry ||
      parts.live !== live ||
      parts.custom !== custom
    ) {
      this.#parts = { registry, live, custom };
      this.#catalogue = createCatalogue(this.#parts);
    }
    return this.#catalogue;
  }

  #knownIds(provider: Provider, kind: AccountRecord["kind"]): ReadonlySet<string> {
    const { entries } = catalogueOf(this.#upstream.registry()).served(provider, [{ id: "", kind }]);
    return new Set(entries.map(({ id }) => id));
  }
}
