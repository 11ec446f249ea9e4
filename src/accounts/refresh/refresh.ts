/**
 * The one path of every refresh, whoever asks for it: a request, the owner, a 401. Within the process requests share one
 * attempt where the runtime allows it; across processes the lease in the store keeps them apart, and whoever does not
 * hold it waits for what its holder brings.
 */
import type { Runtime } from "../../runtime.ts";
import type { OpenAccount, RefreshState } from "../../storage/port.ts";
import { StorageError } from "../../storage/port.ts";
import { storageUnavailable } from "../../storage/read-cache.ts";
import type { AccountCache } from "../account-cache.ts";
import { attemptRefresh, type Refreshing } from "./attempt.ts";
import { type Outcome, type RefreshStatus, refreshStatus } from "./outcome.ts";
import { createPendingWrites } from "./pending-writes.ts";
import { retryStorage } from "./retry-storage.ts";
import {
  EARLY_QUIET_MS,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  PAUSE_GROWTH,
  STORE_PATIENCE_MS,
  WAIT_LIMIT_MS,
} from "./timing.ts";

export interface Refresher {
  /**
   * Waits until something else than `version` is stored, by refreshing or by watching another do it.
   * Throws `KleisError("storage_unavailable")` when the store stays away.
   */
  obtain(id: string, version: number): Promise<Outcome>;
  /** Refreshes behind the request, unless somebody does or it was tried a moment ago. */
  early(open: OpenAccount): void;
  /** What is stored at this moment, past every memory. Throws `KleisError("storage_unavailable")`. */
  current(id: string): Promise<RefreshState | null>;
  /** Fresh tokens that only this process has yet; null when there are none. */
  unwritten(id: string): OpenAccount | null;
}

export interface RefresherDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Refreshing[];
  readonly accountCache: AccountCache;
}

const TAKES_TOO_LONG = "Another instance of Kleis began a refresh and did not finish it.";

export function createRefresher({ runtime, providers, accountCache }: RefresherDeps): Refresher {
  const { clock, logger } = runtime;
  const { refreshes } = runtime.storage;
  const pendingWrites = createPendingWrites(runtime, accountCache);
  const deps = { runtime, providers, accountCache, pendingWrites };
  /** Until when an account is not refreshed early, epoch ms. */
  const quietUntil = new Map<string, number>();

  const attempts = shared<RefreshStatus>(runtime);
  const waits = shared<Outcome>(runtime);
  const reads = shared<RefreshState | null>(runtime);

  /** Goes on to its end whatever becomes of the request. */
  const attempt = (id: string, version: number) =>
    attempts(`${id} ${version}`, () => {
      const work = attemptRefresh(deps, id, version);
      runtime.waitUntil(work.catch(() => undefined));
      return work;
    });

  async function wait(id: string, version: number): Promise<Outcome> {
    let storeAwaySince: number | null = null;
    let seen: RefreshStatus = { status: "free" };
    // Counted in pauses, for the time that an isolate stood still is no time that it waited.
    let waited = 0;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
      try {
        if (seen.status !== "free") seen = refreshStatus(await refreshes.read(id), version);
        if (seen.status === "free") seen = await attempt(id, version);
        if (seen.status !== "free" && seen.status !== "busy") return seen;
        storeAwaySince = null;
        if (waited > WAIT_LIMIT_MS) {
          return { status: "unavailable", reason: TAKES_TOO_LONG, retryInMs: LONGEST_PAUSE_MS };
        }
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        storeAwaySince ??= clock.now();
        if (error.lasts || clock.now() - storeAwaySince > STORE_PATIENCE_MS) throw storageUnavailable(error);
        seen = { status: "busy" };
      }
      waited += pause;
      await clock.sleep(jittered(pause));
    }
  }

  /** Waiters that began together do not go on asking together. */
  function jittered(pause: number): number {
    return pause * (0.75 + (runtime.random(1)[0] ?? 0) / 512);
  }

  return {
    obtain: (id, version) =>
      waits(`${id} ${version}`, async () => {
        const outcome = await wait(id, version);
        if (outcome.status === "fresh") accountCache.learn(outcome.open);
        else if (outcome.status !== "unavailable") accountCache.forget(id);
        return outcome;
      }),

    early({ account: { id }, version }) {
      const now = clock.now();
      if ((quietUntil.get(id) ?? 0) > now) return;
      quietUntil.set(id, now + EARLY_QUIET_MS);
      const work = attempt(id, version).then((seen) => {
        if (seen.status === "fresh") accountCache.learn(seen.open);
        if (seen.status === "unavailable") quietUntil.set(id, clock.now() + seen.retryInMs);
      });
      runtime.waitUntil(
        work.catch((error: unknown) => {
          logger.warn("refresh_early_failed", {
            account: id,
            reason: error instanceof Error ? error.message : "unknown",
          });
        }),
      );
    },

    async current(id) {
      try {
        return await reads(id, () => retryStorage(clock, () => refreshes.read(id)));
      } catch (error) {
        throw error instanceof StorageError ? storageUnavailable(error) : error;
      }
    },
    unwritten: (id) => pendingWrites.unwritten(id),
  };
}

/** Single flight by name, where one request may wait for another's promise; else everyone does it himself. */
function shared<T>({ sharesPromises = false }: Runtime) {
  const flights = new Map<string, Promise<T>>();
  return (name: string, work: () => Promise<T>): Promise<T> => {
    if (!sharesPromises) return work();
    const running = flights.get(name);
    if (running !== undefined) return running;
    const flight = work().finally(() => flights.delete(name));
    flights.set(name, flight);
    return flight;
  };
}
