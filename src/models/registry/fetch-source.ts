/** Asks one source for the registry, and checks what it sends before it may replace the copy that is held. */
import type { Runtime } from "../../runtime.ts";
import { USER_AGENT } from "../../version.ts";
import { fetchBytes } from "./fetch.ts";
import type { RegistryData } from "./schema.ts";
import { shrinkReason, sourcesOf } from "./shrink-guard.ts";
import { snapshot } from "./snapshot.ts";
import { type ReadOptions, type RegistryText, readRegistryText } from "./splice.ts";
import { type CopyOf, MAX_BYTES } from "./store.ts";

/** The copy of the registry that a process holds. */
export interface HeldRegistry extends CopyOf {
  readonly registry: RegistryData;
  /** Null for a copy from storage whose text has not been needed yet. */
  readonly text: RegistryText | null;
}

/** A copy that a source has just sent. */
export interface FetchedRegistry extends HeldRegistry {
  readonly text: RegistryText;
}

export interface SourceRequest {
  readonly url: string;
  /** What is held now. */
  readonly held: HeldRegistry | null;
  /** A held copy without its text is not good enough: no `304` is asked for. */
  readonly needsText: boolean;
}

/** The time limit for one source, ms. */
export const TIMEOUT_MS = 5_000;

/** The source's copy, "unchanged" on a `304`, or "refused"; the log says why it was refused. */
export async function fetchSource(
  runtime: Runtime,
  options: ReadOptions,
  { url, held, needsText }: SourceRequest,
): Promise<FetchedRegistry | "unchanged" | "refused"> {
  const { clock, logger } = runtime;
  const { host, origin } = new URL(url);
  const refuse = (reason: string) => {
    logger.warn("registry_refused", { source: host, reason });
    return "refused" as const;
  };
  const isKnown = held?.url === url && (held.text !== null || !needsText);
  const etag = isKnown ? held.etag : null;
  const fetched = await fetchBytes(runtime, {
    url,
    headers: headersOf(etag),
    origins: [origin],
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  });
  if (fetched.status === "unchanged" && etag !== null) return "unchanged";
  if (fetched.status !== "ok") {
    return refuse(fetched.status === "refused" ? fetched.reason : "status 304, unasked");
  }
  const reading = await readRegistryText(fetched.bytes, options);
  if (!reading.ok) return refuse(reading.reason);
  const shrunk = shrinkReason(reading, held?.sources ?? []);
  if (shrunk !== null) return refuse(shrunk);
  const { text, models, dropped } = reading;
  logger[dropped > 0 ? "warn" : "debug"]("registry", { source: host, models, dropped });
  const { version } = text;
  // The same content stays the same object, so that everything derived from it stays valid.
  const registry = held?.version === version ? held.registry : withSnapshot(reading.registry);
  const sources = sourcesOf(reading.registry);
  return { url, etag: fetched.etag, version, at: clock.now(), sources, registry, text };
}

/** Describes a source that upstream does not describe (any more) by the snapshot. */
export function withSnapshot(registry: RegistryData): RegistryData {
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
