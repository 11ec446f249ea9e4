/**
 * How a client names a model: an optional `kleis/`, an optional provider prefix, and the model's id; and the one form in
 * which names are compared.
 */
import type { Provider } from "../../providers/provider.ts";

export interface ModelName {
  /** The provider that the first segment names; undefined where it names none. */
  readonly provider: Provider | undefined;
  /** What remains after the prefix. */
  readonly id: string;
}

const OWN = "kleis";

/**
 * What agents add to an id for themselves: the size of the window (Claude Code's `[1m]`) or the effort (`(high)`, a
 * habit of other proxies). No provider has ids that end so.
 */
const MARK = /^(?:\[\d{1,4}[km]\]|\((?:none|auto|minimal|low|medium|high|xhigh|max|\d{1,6})\))$/i;

/** Marks that one id may carry; agents write one. */
const MARKS_MAX = 4;

/** The id without agents' marks and without space around it. */
export function withoutMarks(id: string): string {
  let rest = id.trim();
  for (let marks = 0; marks < MARKS_MAX; marks++) {
    const opens = Math.max(rest.lastIndexOf("["), rest.lastIndexOf("("));
    if (opens < 0 || !MARK.test(rest.slice(opens))) break;
    rest = rest.slice(0, opens).trim();
  }
  return rest;
}

/** The form in which two spellings of one name are equal. All that compares names compares this. */
export function plainName(name: string): string {
  return withoutMarks(name).toLowerCase();
}

/**
 * Reads a model name (registry.md §5, rule 3). A first segment that names no provider belongs to the id, and
 * only one prefix is taken off: ids may hold `/`.
 */
export function parseName(name: string, providers: readonly Provider[]): ModelName {
  const trimmed = name.trim();
  const id = firstSegment(trimmed) === OWN ? trimmed.slice(OWN.length + 1) : trimmed;
  const segment = firstSegment(id);
  const provider =
    segment === undefined ? undefined : providers.find((candidate) => isNamed(candidate, segment));
  return {
    provider,
    id: provider === undefined || segment === undefined ? id : id.slice(segment.length + 1).trim(),
  };
}

/** The name that always means this model at this provider. */
export function prefixed(provider: Provider, id: string): string {
  return `${provider.id}/${id}`;
}

function firstSegment(name: string): string | undefined {
  const slash = name.indexOf("/");
  return slash < 0 ? undefined : name.slice(0, slash).toLowerCase();
}

function isNamed(provider: Provider, segment: string): boolean {
  return [provider.id, ...provider.aliases].some(
    (alias) => segment === alias || segment === `${OWN}-${alias}`,
  );
}
