/** How a client names a model: an optional `kleis/`, an optional provider prefix, and the model's id. */
import type { Provider } from "../providers/provider.ts";

export interface ModelName {
  /** The provider that the first segment names; undefined where it names none. */
  readonly provider: Provider | undefined;
  /** What remains after the prefix. */
  readonly id: string;
}

const OWN = "kleis";

/**
 * Reads a model name (models-registry.md §5, rule 3). A first segment that names no provider belongs to the id, and
 * only one prefix is taken off: ids may hold `/`.
 */
export function parseName(name: string, providers: readonly Provider[]): ModelName {
  const id = firstSegment(name) === OWN ? name.slice(OWN.length + 1) : name;
  const segment = firstSegment(id);
  const provider =
    segment === undefined ? undefined : providers.find((candidate) => isNamed(candidate, segment));
  return {
    provider,
    id: provider === undefined || segment === undefined ? id : id.slice(segment.length + 1),
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
