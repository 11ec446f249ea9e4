/** The reasoning efforts that an account's own list names, as a registry may name them. */

/** All that models.dev's schema knows (registry.md §1; 2026-09-28); it allows no other. */
const KNOWN: ReadonlySet<string> = new Set([
  "none",
  "minimal",
  "low",
  "medium",
  "high",
  "xhigh",
  "max",
  "default",
]);

/** The member of a registry model that offers them; none where there is none to offer. */
export function effortOptions(efforts: readonly string[]): { readonly reasoning_options?: unknown } {
  const values = efforts.filter((effort) => KNOWN.has(effort));
  return values.length === 0 ? {} : { reasoning_options: [{ type: "effort", values }] };
}
