/**
 * The one source of what models there are: upstream's registry, the accounts' own lists and the operator's names,
 * brought together as a catalogue. Warm it waits for nothing; cold for a bounded time; it never rejects. Nobody awaits what
 * another request has begun, which Workers forbid.
 */

import type { Credentials } from "../../accounts/credentials.ts";
import type { Provider } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import { type AccountRecord, StorageError } from "../../storage/port.ts";
import type { WantedSetting } from "../cached-setting.ts";
import { entryId } from "../registry/kleis-entries.ts";
import { snapshotText } from "../registry/snapshot.ts";
import type { RegistryText } from "../registry/splice.ts";
import { createUpstream, type Readiness, type Renewal } from "../registry/upstream.ts";
import { AccountListStore, type ModelOutcome } from "./account-lists.ts";
import { type Catalogue, type CatalogueParts, catalogueOf, createCatalogue } from "./catalogue.ts";
import type { CustomModel } from "./custom-model.ts";
import { cacheCustomModels } from "./custom-store.ts";
import type { ListStatus } from "./list-record.ts";
import type { RowOf } from "./provider-rows.ts";

/** What resolution and lists ask. */
export interface ModelSource {
  /**
   * What these accounts serve, as far as it is known now; the same object for as long as nothing has changed. A cold
   * process waits for the store, with `readiness` also for the network. Never rejects: an old catalogue beats none.
   */
  current(accounts: readonly AccountRecord[], readiness?: Readiness): Promise<Catalogue> | Catalogue;
  /** The rows of these accounts' own lists as their providers sent them; waits for the store once where they are not known. */
  rows(accounts: readonly AccountRecord[]): Promise<RowOf>;
  /** Takes note of what became of a model that an account was asked for. */
  note(account: AccountRecord, model: string, outcome: ModelOutcome): void;
  /** Takes note of a client's user-agent, once its key was found to be valid: some lists depend on the client's version. */
  noteClient(userAgent: string): void;
}

export interface LiveModelSource extends ModelSource {
  /** The settings that `current` needs and that are not known, or old: a request that reads the store brings them along. */
  wanted(): readonly WantedSetting[];
  /** Upstream's whole registry as text: what is known now. */
  text(): Promise<RegistryText> | RegistryText;
  /** Asks in the background for the lists of accounts that have just been connected. */
  connected(accounts: readonly AccountRecord[]): void;
  /** Asks upstream and the providers now; callers that come meanwhile share the same refresh. Resolves within a time limit. */
  refresh(accounts: readonly AccountRecord[]): Promise<RefreshOutcome>;
  /** How these accounts' own lists stand, by account id; accounts without one are absent. */
  listStatuses(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, ListStatus>>;
  custom(): Promise<readonly CustomModel[]>;
  /** Replaces the operator's models. Rejects with `StorageError` when the store does not take them. */
  setCustom(models: readonly CustomModel[]): Promise<void>;
}

export interface RefreshOutcome {
  readonly registry: Renewal;
  /** By account id, whether its list could be had; accounts without a list are absent. */
  readonly accounts: ReadonlyMap<string, boolean>;
}

export interface ModelSourceDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly credentials: Pick<Credentials, "fresh">;
}

/** How long the first callers of a cold process wait at most, ms, and how often they look. */
const WAIT_MS: Readonly<Record<Readiness, number>> = { store: 1_000, network: 1_500, text: 1_500 };
const POLL_MS = 10;

export function createModelSource(deps: ModelSourceDeps): LiveModelSource {
  const { runtime, providers } = deps;
  const { clock } = runtime;
  const upstream = createUpstream(runtime, {
    own: new Set(providers.map(entryId)),
    sources: new Set(providers.map(({ source }) => source)),
  });
  const live = new AccountListStore({
    ...deps,
    known: (provider, kind) => {
      const { entries } = catalogueOf(upstream.registry()).served(provider, [{ id: "", kind }]);
      return new Set(entries.map(({ id }) => id));
    },
  });
  const custom = cacheCustomModels(runtime);
  let parts: CatalogueParts | undefined;
  let catalogue: Catalogue | undefined;

  /** Begins whatever is due, and answers what this request may wait for. */
  function begin(accounts: readonly AccountRecord[], readiness: Readiness): Promise<unknown>[] {
    return [custom.begin(), live.begin(accounts), ...upstream.begin(readiness)].filter(
      (work) => work !== undefined,
    );
  }

  function isReady(accounts: readonly AccountRecord[], readiness: Readiness): boolean {
    if (!custom.isRead() || !live.isRead() || !upstream.isReady(readiness)) return false;
    return readiness === "store" || !live.isAwaited(accounts);
  }

  /** Waits for work of this request's own, and looks whether another's has brought what is needed. */
  async function wait(
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
    const over = clock.sleep(WAIT_MS[readiness], done.signal).then(() => {
      isOver = true;
    });
    for (let work = begun; !isOver && !isReady(accounts, readiness); work = begin(accounts, readiness)) {
      work.forEach(add);
      await Promise.race([over, clock.sleep(POLL_MS, done.signal), ...own]);
    }
    done.abort();
    return known();
  }

  function known(): Catalogue {
    const now = { registry: upstream.registry(), live: live.lists(), custom: custom.value() };
    if (
      catalogue === undefined ||
      parts?.registry !== now.registry ||
      parts.live !== now.live ||
      parts.custom !== now.custom
    ) {
      parts = now;
      catalogue = createCatalogue(now);
    }
    return catalogue;
  }

  return {
    current(accounts, readiness = "store") {
      const begun = begin(accounts, readiness);
      return isReady(accounts, readiness) ? known() : wait(accounts, readiness, begun);
    },
    wanted: () =>
      [custom.wanted(), live.wanted(), upstream.wanted()].filter((setting) => setting !== undefined),
    rows: (accounts) => live.rows(accounts),
    note: (account, model, outcome) => live.note(account, model, outcome),
    noteClient: (userAgent) => live.noteClient(userAgent),
    listStatuses: (accounts) => live.statuses(accounts),
    text: () => upstream.text() ?? snapshotText(),
    connected(accounts) {
      live.connected(accounts);
    },
    async refresh(accounts) {
      const [registry, lists] = await Promise.all([upstream.refresh(), live.refresh(accounts)]);
      return { registry, accounts: lists };
    },
    async custom() {
      const stored = await custom.stored();
      if (stored !== undefined) return stored;
      throw new StorageError("the stored model names cannot be read; PUT /admin/models replaces them", {
        lasts: true,
      });
    },
    setCustom: (models) => custom.save(models),
  };
}
