/**
 * The upstream registry as this process holds it: served from memory, renewed in the background, kept in the store, and
 * in the end the snapshot that is built in. Nobody awaits another request's promise (Workers forbid it): callers look
 * again until what they need is there.
 */
import type { Runtime } from "../../runtime.ts";
import { USER_AGENT } from "../../version.ts";
import type { WantedSetting } from "../cached-setting.ts";
import { pollUntil } from "../poll-until.ts";
import { isWithin } from "../time.ts";
import { fetchBytes } from "./fetch.ts";
import type { RegistryData } from "./schema.ts";
import { shrinkReason, sourcesOf } from "./shrink-guard.ts";
import { SNAPSHOT_DATE } from "./snapshot.gen.ts";
import { snapshot } from "./snapshot.ts";
import { type ReadOptions, type RegistryText, readRegistryText } from "./splice.ts";
import { COPY_KEY, type CopyOf, MAX_BYTES, readCopy, type StoredCopy, storedRegistry } from "./store.ts";

/** How far a caller waits while nothing is known yet: for the store, for the network too, or for the whole text. */
export type Readiness = "store" | "network" | "text";

export interface Upstream {
  /** The models that our own are described by, as they are known now. */
  registry(): RegistryData;
  /** The whole text; null where only the snapshot's is known. */
  text(): RegistryText | null;
  /** The store's copy, while it was never read: what a request that reads the store anyway is to bring along. */
  wanted(): WantedSetting | undefined;
  /** Begins in the background whatever is due. Returns the work, so that the same request can wait for it. */
  begin(readiness: Readiness): Promise<unknown>[];
  /** True when what is known is worth answering with, or nothing better is to be expected soon. */
  isReady(readiness: Readiness): boolean;
  /** Asks upstream now, or waits for what asks already. Answers within a time limit. */
  refresh(): Promise<Renewal>;
}

export type Renewal = "renewed" | "unchanged" | "refused" | "off";

export const DEFAULT_URL = "https://models.dev/api.json";
/** Asked when the default does not answer (registry.md §3); never beside an operator's own choice. */
export const SECOND_URL = "https://models.opencode.ai/api.json";

/** How long a copy is fresh, ms. */
export const FRESH_MS = 5 * 60_000;
/** The pause after a failure, ms. */
export const PAUSE_MS = 60_000;
/** The time that one source may take, ms. */
export const TIMEOUT_MS = 5_000;
/** Work that has not ended after this long, ms, is taken for dead: the request that did it may have been ended. */
const WORK_MS = 15_000;

interface Held extends CopyOf {
  readonly registry: RegistryData;
  /** Null for a copy from the store whose text was not needed yet. */
  readonly text: RegistryText | null;
}

const NEVER = Number.NEGATIVE_INFINITY;

export function createUpstream(runtime: Runtime, options: ReadOptions): Upstream {
  const { clock, logger, config } = runtime;
  const store = storedRegistry(runtime);
  const url = config.MODELS_DEV_URL;
  const urls = url === DEFAULT_URL ? [url, SECOND_URL] : [url];
  const isOff = url === "";

  let held: Held | null = null;
  let isStoreRead = isOff;
  let isSettled = isOff;
  // Times, epoch ms: of the last success, of the last failure, and since when work is going on.
  let checkedAt = NEVER;
  let failedAt = NEVER;
  let renewingSince = NEVER;
  /** How many renewals have ended, and what came of the last one. */
  let renewals = 0;
  let outcome: Renewal = "refused";
  let textFailedAt = NEVER;
  let textSince = NEVER;
  /** The version whose text the store does not have. */
  let textMissing: string | null = null;

  const isNow = (since: number, ms: number) => isWithin(clock.now(), since, ms);
  const isRenewing = () => isNow(renewingSince, WORK_MS);
  const isDue = () => !isOff && !isRenewing() && !isNow(checkedAt, FRESH_MS) && !isNow(failedAt, PAUSE_MS);
  const isTextDue = () => held?.text === null && !isNow(textSince, WORK_MS) && !isNow(textFailedAt, PAUSE_MS);

  async function readStore(): Promise<void> {
    try {
      adopt(await store.load());
    } catch (error) {
      logger.warn("registry_not_read", { error: messageOf(error) });
    }
    isStoreRead = true;
  }

  function adopt(copy: StoredCopy | null): void {
    // A copy from before the snapshot was made is the older of the two.
    const isUseful = copy !== null && urls.includes(copy.url) && copy.at >= Date.parse(SNAPSHOT_DATE);
    if (isUseful && held === null) {
      held = { ...copy, registry: withSnapshot(copy.registry), text: null };
      checkedAt = copy.at;
    }
  }

  /** As `askSources`, once for all who want it; never rejects. */
  async function renew(whole: boolean, reading?: Promise<void>): Promise<Renewal> {
    renewingSince = clock.now();
    try {
      outcome = await askSources(whole, reading);
    } catch (error) {
      logger.warn("registry_failed", { error: error instanceof Error ? error.name : "unknown" });
      outcome = "refused";
    }
    if (outcome === "refused") failedAt = clock.now();
    isSettled = true;
    renewingSince = NEVER;
    renewals++;
    return outcome;
  }

  /**
   * Asks the sources in turn until one is good. With `whole`, a copy without its text is not good enough; with `reading`
   * the store's copy may do.
   */
  async function askSources(whole: boolean, reading?: Promise<void>): Promise<Renewal> {
    await reading;
    if (reading !== undefined && isNow(checkedAt, FRESH_MS)) return "unchanged";
    for (const source of urls) {
      const answer = await ask(source, whole);
      if (answer === "refused") continue;
      checkedAt = clock.now();
      return answer;
    }
    return "refused";
  }

  /** What came of one source; the log says why it was refused. */
  async function ask(source: string, whole: boolean): Promise<Renewal> {
    const before = held;
    const isKnown = before?.url === source && (before.text !== null || !whole);
    const etag = isKnown ? before.etag : null;
    const { host, origin } = new URL(source);
    const got = await fetchBytes(runtime, {
      url: source,
      headers: headersOf(etag),
      origins: [origin],
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    });
    if (got.status === "unchanged" && etag !== null) return "unchanged";
    const refuse = (reason: string) => {
      logger.warn("registry_refused", { source: host, reason });
      return "refused" as const;
    };
    if (got.status !== "ok") return refuse(got.status === "refused" ? got.reason : "status 304, unasked");
    const reading = await readRegistryText(got.bytes, options);
    if (!reading.ok) return refuse(reading.reason);
    const shrunk = shrinkReason(reading, before?.sources ?? []);
    if (shrunk !== null) return refuse(shrunk);
    const { text, models, dropped } = reading;
    logger[dropped > 0 ? "warn" : "debug"]("registry", { source: host, models, dropped });
    const isSame = before?.version === text.version;
    const sources = sourcesOf(reading.registry);
    const copy = { url: source, etag: got.etag, version: text.version, at: clock.now(), sources };
    // The same content stays the same object, so that all that was worked out from it stays.
    const registry = isSame ? before.registry : withSnapshot(reading.registry);
    held = { ...copy, registry, text };
    if (!isSame || before.text === null) await save(copy, registry, text);
    return isSame ? "unchanged" : "renewed";
  }

  async function save(copy: CopyOf, registry: RegistryData, text: RegistryText): Promise<void> {
    try {
      await store.save(copy, registry, text);
    } catch (error) {
      logger.warn("registry_not_stored", { error: messageOf(error) });
    }
  }

  /** The text of the copy that the store gave; from the store, or else from upstream. */
  async function fetchText(version: string): Promise<void> {
    textSince = clock.now();
    try {
      const text = textMissing === version ? null : await store.loadText(version);
      if (text === null) textMissing = version;
      else if (held?.version === version) held = { ...held, text };
    } catch (error) {
      logger.warn("registry_not_read", { error: messageOf(error) });
      textMissing = version;
    }
    // While a renewal goes on it may bring the text; else the next look comes here again.
    if (held?.text === null && !isRenewing() && (await renew(true)) === "refused") textFailedAt = clock.now();
    textSince = NEVER;
  }

  return {
    registry: () => held?.registry ?? snapshot(),
    text: () => held?.text ?? null,
    wanted() {
      if (isStoreRead) return undefined;
      return {
        key: COPY_KEY,
        take(text) {
          if (!isStoreRead) adopt(readCopy(text));
          isStoreRead = true;
        },
      };
    },
    begin(readiness) {
      const work: Promise<unknown>[] = [];
      if (isDue()) {
        const reading = isStoreRead ? undefined : readStore();
        work.push(renew(false, reading));
        if (reading !== undefined) work.push(reading);
      }
      if (readiness === "text" && held !== null && isTextDue()) work.push(fetchText(held.version));
      for (const each of work) runtime.waitUntil(each);
      return work;
    },
    isReady(readiness) {
      if (isOff) return true;
      if (readiness === "store") return isStoreRead || held !== null;
      if (readiness === "network" || held === null) return isSettled || held !== null;
      return held.text !== null || isNow(textFailedAt, PAUSE_MS);
    },
    async refresh() {
      if (isOff) return "off";
      if (!isStoreRead) await readStore();
      const before = renewals;
      if (!isRenewing()) runtime.waitUntil(renew(held?.text === null));
      return (await pollUntil(clock, () => renewals !== before, WORK_MS)) ? outcome : "refused";
    },
  };
}

/** A source that upstream does not describe (any more) is described by the snapshot. */
function withSnapshot(registry: RegistryData): RegistryData {
  const missing = [...snapshot()].filter(([source]) => (registry.get(source)?.length ?? 0) === 0);
  return missing.length === 0 ? registry : new Map([...registry, ...missing]);
}

function headersOf(etag: string | null): Headers {
  const headers = new Headers({
    accept: "application/json",
    "accept-encoding": "gzip",
    "user-agent": USER_AGENT,
  });
  if (etag !== null) headers.set("if-none-match", etag);
  return headers;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
