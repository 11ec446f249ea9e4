/** The reasoning efforts that an account's own list names, as a registry may name them. */
import { isObject } from "../json.ts";

/** All that models.dev's schema knows (registry.md §1; 2026-09-28); it allows no other. */
export const EFFORTS: readonly string[] = [
  "none",
  "minimal",
  "low",
  "medium",
  "high",
  "xhigh",
  "max",
  "default",
];

export function isKnownEffort(effort: string): boolean {
  return EFFORTS.includes(effort);
}

/** Of what a registry model offers, in its order. */
export function effortsOf({
  reasoning_options: options,
}: {
  readonly reasoning_options?: unknown;
}): string[] {
  if (!Array.isArray(options)) return [];
  return options
    .flatMap((option: unknown) => (isObject(option) && option.type === "effort" ? [option.values] : []))
    .flat()
    .filter((value) => typeof value === "string");
}

/** The member of a registry model that offers them; none where there is none to offer. */
export function effortOptions(efforts: readonly string[]): {
  readonly reasoning_options?: readonly object[];
} {
  const values = efforts.filter((effort) => EFFORTS.includes(effort));
  return values.length === 0 ? {} : { reasoning_options: [{ type: "effort", values }] };
}
