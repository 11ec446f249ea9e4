/**
 * The upstream registry as this process holds it: served from memory, renewed in the background, kept in storage, and
 * replaced by the built-in snapshot where nothing better is known. Requests must not await each other's promises on
 * Workers, so callers poll until what they need is there.
 */
import type { Runtime } from "../../runtime.ts";
import type { WantedSetting } from "../cached-setting.ts";
import { pollUntil } from "../poll-until.ts";
import { isWithin } from "../time.ts";
import { type FetchedRegistry, fetchSource, type HeldRegistry, withSnapshot } from "./fetch-source.ts";
import type { RegistryData } from "./schema.ts";
import { SNAPSHOT_DATE } from "./snapshot.gen.ts";
import { snapshot } from "./snapshot.ts";
import type { ReadOptions, RegistryText } from "./splice.ts";
import { COPY_KEY, readCopy, type StoredCopy, storedRegistry } from "./store.ts";

/** What a caller waits for while nothing is known yet: storage, the network too, or the whole text. */
export type Readiness = "store" | "network" | "text";

export interface Upstream {
  /** The models as they are known now; the models that Kleis serves are described by them. */
  registry(): RegistryData;
  /** The whole text; null while only the snapshot's is known. */
  text(): RegistryText | null;
  /** The stored copy, until it has been read: a request that reads storage anyway fetches it too. */
  wanted(): WantedSetting | undefined;
  /** Starts what is due in the background. Returns the work, so that the same request can wait for it. */
  begin(readiness: Readiness): Promise<unknown>[];
  /** True when what is known can be served, or nothing better is expected soon. */
  isReady(readiness: Readiness): boolean;
  /** Asks upstream now, or waits for the renewal that is running. Resolves within a time limit. */
  refresh(): Promise<Renewal>;
}

export type Renewal = "renewed" | "unchanged" | "refused" | "off";

export const DEFAULT_URL = "https://models.dev/api.json";
/** Asked when the default does not respond (registry.md §3); never in addition to an operator's own choice. */
export const SECOND_URL = "https://models.opencode.ai/api.json";

/** How long a copy is fresh, ms. */
export const FRESH_MS = 5 * 60_000;
/** The pause after a failure, ms. */
export const PAUSE_MS = 60_000;
/** Work that has not ended after this long, ms, is presumed dead: its request may have been terminated. */
const WORK_MS = 15_000;

const NEVER = Number.NEGATIVE_INFINITY;

export function createUpstream(runtime: Runtime, options: ReadOptions): Upstream {
  return new HeldUpstream(runtime, options);
}

class HeldUpstream implements Upstream {
  readonly #runtime: Runtime;
  readonly #options: ReadOptions;
  readonly #store: ReturnType<typeof storedRegistry>;
  readonly #urls: readonly string[];
  readonly #isOff: boolean;

  #held: HeldRegistry | null = null;
  #isStoreRead: boolean;
  /** True once a renewal has ended, whatever its outcome. */
  #isSettled: boolean;
  // Epoch ms: the last success, the last failure, and the start of the renewal that is running.
  #checkedAt = NEVER;
  #failedAt = NEVER;
  #renewingSince = NEVER;
  /** How many renewals have ended, and the outcome of the last one. */
  #renewals = 0;
  #outcome: Renewal = "refused";
  // The same for the text of a stored copy, and the version whose text storage does not have.
  #textFailedAt = NEVER;
  #textSince = NEVER;
  #textMissing: string | null = null;

  constructor(runtime: Runtime, options: ReadOptions) {
    const url = runtime.config.MODELS_DEV_URL;
    this.#runtime = runtime;
    this.#options = options;
    this.#store = storedRegistry(runtime);
    this.#urls = url === DEFAULT_URL ? [url, SECOND_URL] : [url];
    this.#isOff = url === "";
    this.#isStoreRead = this.#isOff;
    this.#isSettled = this.#isOff;
  }

  registry(): RegistryData {
    return this.#held?.registry ?? snapshot();
  }

  text(): RegistryText | null {
    return this.#held?.text ?? null;
  }

  wanted(): WantedSetting | undefined {
    if (this.#isStoreRead) return undefined;
    return {
      key: COPY_KEY,
      take: (text) => {
        if (!this.#isStoreRead) this.#adopt(readCopy(text));
        this.#isStoreRead = true;
      },
    };
  }

  begin(readiness: Readiness): Promise<unknown>[] {
    const work: Promise<unknown>[] = [];
    if (this.#isDue()) {
      const reading = this.#isStoreRead ? undefined : this.#readStore();
      work.push(this.#renew(false, reading));
      if (reading !== undefined) work.push(reading);
    }
    if (readiness === "text" && this.#held !== null && this.#isTextDue())
      work.push(this.#fetchText(this.#held.version));
    for (const each of work) this.#runtime.waitUntil(each);
    return work;
  }

  isReady(readiness: Readiness): boolean {
    const held = this.#held;
    if (this.#isOff) return true;
    if (readiness === "store") return this.#isStoreRead || held !== null;
    if (readiness === "network" || held === null) return this.#isSettled || held !== null;
    return held.text !== null || this.#isWithin(this.#textFailedAt, PAUSE_MS);
  }

  async refresh(): Promise<Renewal> {
    if (this.#isOff) return "off";
    if (!this.#isStoreRead) await this.#readStore();
    const before = this.#renewals;
    if (!this.#isRenewing()) this.#runtime.waitUntil(this.#renew(this.#held?.text === null));
    const hasEnded = await pollUntil(this.#runtime.clock, () => this.#renewals !== before, WORK_MS);
    return hasEnded ? this.#outcome : "refused";
  }

  #isWithin(since: number, ms: number): boolean {
    return isWithin(this.#runtime.clock.now(), since, ms);
  }

  #isRenewing(): boolean {
    return this.#isWithin(this.#renewingSince, WORK_MS);
  }

  #isDue(): boolean {
    if (this.#isOff || this.#isRenewing()) return false;
    return !this.#isWithin(this.#checkedAt, FRESH_MS) && !this.#isWithin(this.#failedAt, PAUSE_MS);
  }

  #isTextDue(): boolean {
    if (this.#held?.text !== null) return false;
    return !this.#isWithin(this.#textSince, WORK_MS) && !this.#isWithin(this.#textFailedAt, PAUSE_MS);
  }

  async #readStore(): Promise<void> {
    try {
      this.#adopt(await this.#store.load());
    } catch (error) {
      this.#warn("registry_not_read", error);
    }
    this.#isStoreRead = true;
  }

  #adopt(copy: StoredCopy | null): void {
    // A copy older than the snapshot is of no use.
    const isUseful = copy !== null && this.#urls.includes(copy.url) && copy.at >= Date.parse(SNAPSHOT_DATE);
    if (!isUseful || this.#held !== null) return;
    this.#held = { ...copy, registry: withSnapshot(copy.registry), text: null };
    this.#checkedAt = copy.at;
  }

  /** One renewal for all who want it; never rejects. Parameters as in `#askSources`. */
  async #renew(needsText: boolean, reading?: Promise<void>): Promise<Renewal> {
    const { clock, logger } = this.#runtime;
    this.#renewingSince = clock.now();
    try {
      this.#outcome = await this.#askSources(needsText, reading);
    } catch (error) {
      logger.warn("registry_failed", { error: error instanceof Error ? error.name : "unknown" });
      this.#outcome = "refused";
    }
    if (this.#outcome === "refused") this.#failedAt = clock.now();
    this.#isSettled = true;
    this.#renewingSince = NEVER;
    this.#renewals++;
    return this.#outcome;
  }

  /**
   * Asks the sources in turn until one is good. With `needsText`, a copy without its text is not good enough; with
   * `reading`, the stored copy is used when it is fresh.
   */
  async #askSources(needsText: boolean, reading?: Promise<void>): Promise<Renewal> {
    await reading;
    if (reading !== undefined && this.#isWithin(this.#checkedAt, FRESH_MS)) return "unchanged";
    for (const url of this.#urls) {
      const held = this.#held;
      const result = await fetchSource(this.#runtime, this.#options, { url, held, needsText });
      if (result === "refused") continue;
      const outcome = result === "unchanged" ? result : await this.#hold(result, held);
      this.#checkedAt = this.#runtime.clock.now();
      return outcome;
    }
    return "refused";
  }

  async #hold(fetched: FetchedRegistry, before: HeldRegistry | null): Promise<Renewal> {
    this.#held = fetched;
    const isSame = before?.version === fetched.version;
    if (!isSame || before.text === null) await this.#save(fetched);
    return isSame ? "unchanged" : "renewed";
  }

  async #save({ registry, text, ...copy }: FetchedRegistry): Promise<void> {
    try {
      await this.#store.save(copy, registry, text);
    } catch (error) {
      this.#warn("registry_not_stored", error);
    }
  }

  /** Fetches the text of the copy that came from storage; from storage too, or else from upstream. */
  async #fetchText(version: string): Promise<void> {
    const { clock } = this.#runtime;
    this.#textSince = clock.now();
    try {
      const text = this.#textMissing === version ? null : await this.#store.loadText(version);
      if (text === null) this.#textMissing = version;
      else if (this.#held?.version === version) this.#held = { ...this.#held, text };
    } catch (error) {
      this.#warn("registry_not_read", error);
      this.#textMissing = version;
    }
    // A renewal that is running may bring the text; if it does not, the next caller starts this again.
    const isMissing = this.#held?.text === null && !this.#isRenewing();
    if (isMissing && (await this.#renew(true)) === "refused") this.#textFailedAt = clock.now();
    this.#textSince = NEVER;
  }

  #warn(event: string, error: unknown): void {
    this.#runtime.logger.warn(event, { error: error instanceof Error ? error.message : "unknown" });
  }
}
