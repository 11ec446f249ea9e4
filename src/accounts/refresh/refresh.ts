/**
 * The one path of every refresh, whether a request, the owner or a 401 triggers it. Within a process, requests share one
 * attempt where the runtime allows it. Across processes, the lease in the store ensures that only one refreshes; the
 * others wait for its result.
 */
import type { Runtime } from "../../runtime.ts";
import type { OpenAccount, RefreshState } from "../../storage/port.ts";
import { StorageError } from "../../storage/port.ts";
import { storageUnavailable } from "../../storage/read-cache.ts";
import type { AccountCache } from "../account-cache.ts";
import { attemptRefresh, type Refreshing } from "./attempt.ts";
import { type Outcome, type RefreshStatus, refreshStatus } from "./outcome.ts";
import { PendingWrites } from "./pending-writes.ts";
import { retryStorage } from "./retry-storage.ts";
import {
  EARLY_QUIET_MS,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  PAUSE_GROWTH,
  STORE_DOWN_LIMIT_MS,
  WAIT_LIMIT_MS,
} from "./timing.ts";

export interface RefresherDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Refreshing[];
  readonly accountCache: AccountCache;
}

const TAKES_TOO_LONG = "Another instance of Kleis began a refresh and did not finish it.";

export class Refresher {
  readonly #runtime: Runtime;
  readonly #deps: RefresherDeps & { readonly pendingWrites: PendingWrites };
  /** Until when an account is not refreshed early, epoch ms. */
  readonly #quietUntil = new Map<string, number>();
  readonly #attempts: SingleFlight<RefreshStatus>;
  readonly #waits: SingleFlight<Outcome>;
  readonly #reads: SingleFlight<RefreshState | null>;

  constructor(deps: RefresherDeps) {
    const { runtime } = deps;
    this.#runtime = runtime;
    this.#deps = { ...deps, pendingWrites: new PendingWrites(runtime, deps.accountCache) };
    this.#attempts = singleFlight(runtime);
    this.#waits = singleFlight(runtime);
    this.#reads = singleFlight(runtime);
  }

  /**
   * Waits until something other than `version` is stored, by refreshing or by waiting for another process's refresh.
   * Throws `KleisError("storage_unavailable")` when the store stays unreachable.
   */
  obtain(id: string, version: number): Promise<Outcome> {
    const { accountCache } = this.#deps;
    return this.#waits(`${id} ${version}`, async () => {
      const outcome = await this.#wait(id, version);
      if (outcome.status === "fresh") accountCache.learn(outcome.open);
      else if (outcome.status !== "unavailable") accountCache.forget(id);
      return outcome;
    });
  }

  /** Refreshes in the background, unless a refresh is under way or was attempted a moment ago. */
  early({ account: { id }, version }: OpenAccount): void {
    const { clock, logger, waitUntil } = this.#runtime;
    const now = clock.now();
    if ((this.#quietUntil.get(id) ?? 0) > now) return;
    this.#quietUntil.set(id, now + EARLY_QUIET_MS);
    const work = this.#attempt(id, version).then((status) => {
      if (status.status === "fresh") this.#deps.accountCache.learn(status.open);
      if (status.status === "unavailable") this.#quietUntil.set(id, clock.now() + status.retryInMs);
    });
    waitUntil(
      work.catch((error: unknown) => {
        logger.warn("refresh_early_failed", {
          account: id,
          reason: error instanceof Error ? error.message : "unknown",
        });
      }),
    );
  }

  /** What is stored at this moment, bypassing every cache. Throws `KleisError("storage_unavailable")`. */
  async current(id: string): Promise<RefreshState | null> {
    const { clock, storage } = this.#runtime;
    try {
      return await this.#reads(id, () => retryStorage(clock, () => storage.refreshes.read(id)));
    } catch (error) {
      throw error instanceof StorageError ? storageUnavailable(error) : error;
    }
  }

  /** Refreshed tokens that are not stored yet, so that only this process has them; null when there are none. */
  unwritten(id: string): OpenAccount | null {
    return this.#deps.pendingWrites.unwritten(id);
  }

  /** Runs to completion even if the request that began it ends. */
  #attempt(id: string, version: number): Promise<RefreshStatus> {
    return this.#attempts(`${id} ${version}`, () => {
      const work = attemptRefresh(this.#deps, id, version);
      this.#runtime.waitUntil(work.catch(() => undefined));
      return work;
    });
  }

  async #wait(id: string, version: number): Promise<Outcome> {
    const { clock, storage } = this.#runtime;
    let storeDownSince: number | null = null;
    let status: RefreshStatus = { status: "free" };
    // Sum of the pauses: time during which the isolate was frozen does not count as waiting.
    let waited = 0;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
      try {
        if (status.status !== "free") status = refreshStatus(await storage.refreshes.read(id), version);
        if (status.status === "free") status = await this.#attempt(id, version);
        if (status.status !== "free" && status.status !== "busy") return status;
        storeDownSince = null;
        if (waited > WAIT_LIMIT_MS) {
          return { status: "unavailable", reason: TAKES_TOO_LONG, retryInMs: LONGEST_PAUSE_MS };
        }
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        storeDownSince ??= clock.now();
        if (error.lasts || clock.now() - storeDownSince > STORE_DOWN_LIMIT_MS)
          throw storageUnavailable(error);
        status = { status: "busy" };
      }
      waited += pause;
      await clock.sleep(this.#jittered(pause));
    }
  }

  /** Spreads waiters that began at the same time. */
  #jittered(pause: number): number {
    return pause * (0.75 + (this.#runtime.random(1)[0] ?? 0) / 512);
  }
}

type SingleFlight<T> = (name: string, work: () => Promise<T>) => Promise<T>;

/** Single flight by name, where a request may await another request's promise; otherwise each does its own work. */
function singleFlight<T>({ sharesPromises = false }: Runtime): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>();
  return (name, work) => {
    if (!sharesPromises) return work();
    const running = flights.get(name);
    if (running !== undefined) return running;
    const flight = work().finally(() => flights.delete(name));
    flights.set(name, flight);
    return flight;
  };
}
