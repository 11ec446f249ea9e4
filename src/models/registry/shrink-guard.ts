/**
 * Whether what upstream answers, well-formed as it is, holds too little to take the place of what is known. Pure; what
 * becomes of a refusal is `upstream.ts`.
 */
import type { RegistryData } from "./schema.ts";

/** What was found in an answer. */
export interface Answered {
  /** The sources of our own models. */
  readonly registry: RegistryData;
  readonly models: number;
  /** Malformed models. */
  readonly dropped: number;
}

/** Why a response must be rejected; null to accept it. `sources` are those that the known copy described. */
export function shrinkReason(
  { registry, models, dropped }: Answered,
  sources: readonly string[],
): string | null {
  if (dropped > models) return `${dropped} of its ${models + dropped} models are malformed`;
  const there = sourcesOf(registry);
  const gone = sources.filter((source) => !there.includes(source));
  return gone.length === 0
    ? null
    : `${gone.join(" and ")} had models before, and now none or mostly malformed ones`;
}

/** The sources that a registry has models of. */
export function sourcesOf(registry: RegistryData): string[] {
  return [...registry].flatMap(([source, models]) => (models.length > 0 ? [source] : []));
}
