/**
 * Our own entries of a registry in models.dev's shape: one per provider, with the models that its accounts answer for
 * (registry.md §3). Upstream's descriptions are shared, not copied; only what differs is written new.
 */
import type { JsonObject } from "../../json.ts";
import type { Provider } from "../../providers/provider.ts";
import type { RegistryModel } from "../../providers/registry-model.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { type ListedModel, listModels } from "../catalogue/list.ts";
import type { Access } from "../resolve/access.ts";

/** The one variable that a user's key stands in. Exactly one per entry: with two, OpenCode passes no key at all. */
export const KLEIS_KEY_VARIABLE = "KLEIS_API_KEY";

/** The id of a provider's entry; never a vendor's own id, which OpenCode treats specially. */
export function entryId(provider: Pick<Provider, "id">): string {
  return `kleis-${provider.id}`;
}

export interface KleisEntriesInput {
  readonly providers: readonly Provider[];
  readonly catalogue: Catalogue;
  readonly access: Access;
  /** The address at which this deployment is reached, without trailing slash. */
  readonly origin: string;
}

/** The members of a registry's object, as JSON text without the braces; empty when nothing is connected. */
export function kleisEntries(input: KleisEntriesInput): string {
  return input.providers
    .flatMap((provider) => {
      const entry = entryOf(provider, input);
      return entry === undefined ? [] : `${JSON.stringify(entryId(provider))}:${JSON.stringify(entry)}`;
    })
    .join(",");
}

function entryOf(provider: Provider, { origin, ...input }: KleisEntriesInput): object | undefined {
  const listed = listModels({ ...input, forced: provider.id });
  if (listed.length === 0) return undefined;
  return {
    id: entryId(provider),
    name: provider.registry.name,
    env: [KLEIS_KEY_VARIABLE],
    npm: provider.registry.npm,
    api: `${origin}/${provider.id}/v1`,
    doc: origin,
    models: Object.fromEntries(listed.map((model) => [model.id, modelOf(model, provider)])),
  };
}

/** Key and `id` are what the client asks for. An upstream `provider` override would lead past us, so ours replaces it. */
function modelOf({ id, name, entry }: ListedModel, { registry }: Provider): object {
  const shaped: RegistryModel & { provider?: unknown } = registry.shape(entry.model, entry.kinds);
  const { provider: _theirs, ...model } = shaped;
  const npm = registry.npmOf?.(entry.operations) ?? registry.npm;
  return {
    ...gaps(model),
    ...model,
    id,
    name,
    limit: entry.limit,
    ...(npm === registry.npm ? {} : { provider: { npm } }),
  };
}

/** What the registry's own schema demands and a live list does not tell. */
function gaps(model: RegistryModel): JsonObject {
  return {
    description: model.name,
    attachment: false,
    ...(model.reasoning ? { reasoning_options: [] } : {}),
    last_updated: model.release_date,
    open_weights: false,
  };
}
