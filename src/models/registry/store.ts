/**
 * The last good copy of the registry in the store, in two settings: a small one with what our own models need, and the
 * whole text, packed, that only the full registry needs.
 */
import * as z from "zod/mini";
import { fromBase64, toBase64 } from "../../bytes.ts";
import { parseJson } from "../../json.ts";
import type { Runtime } from "../../runtime.ts";
import { gunzip, gzip } from "./bytes.ts";
import { type RegistryData, readRegistry } from "./schema.ts";
import { type RegistryText, textOf } from "./splice.ts";

/** What a copy is known by. */
export interface CopyOf {
  /** Where it was got. */
  readonly url: string;
  readonly etag: string | null;
  /** Of the whole text. */
  readonly version: string;
  /** When it was got, epoch ms. */
  readonly at: number;
  /** The sources of our own models that it describes itself; of the others the snapshot stands in it. */
  readonly sources: readonly string[];
}

export interface StoredRegistry {
  /** Null when there is none, or none that can be read. Rejects when the store does not answer. */
  load(): Promise<StoredCopy | null>;
  /** The whole text of that version; null when it is another one. */
  loadText(version: string): Promise<RegistryText | null>;
  save(copy: CopyOf, registry: RegistryData, text: RegistryText): Promise<void>;
}

export type StoredCopy = CopyOf & { registry: RegistryData };

/** The setting with what our own models need. */
export const COPY_KEY = "models.registry";
const TEXT_KEY = "models.registry.text";

const copySchema = z.object({
  url: z.string(),
  etag: z.nullable(z.string()),
  version: z.string(),
  at: z.number(),
  // Copies of former versions do not say.
  sources: z._default(z.array(z.string()), []),
  registry: z.unknown(),
});

/** What that setting holds; null when it is nothing that can be read. */
export function readCopy(text: string | null): StoredCopy | null {
  const copy = copySchema.safeParse(text === null ? undefined : parseJson(text));
  return copy.success ? { ...copy.data, registry: readRegistry(copy.data.registry) } : null;
}

export function storedRegistry({
  storage: { settings },
  clock,
}: Pick<Runtime, "storage" | "clock">): StoredRegistry {
  return {
    load: async () => readCopy(await settings.get(COPY_KEY)),

    async loadText(version) {
      const stored = await settings.get(TEXT_KEY);
      const at = stored?.indexOf("\n") ?? -1;
      if (stored === null || stored.slice(0, at) !== version) return null;
      try {
        return await textOf(await gunzip(fromBase64(stored.slice(at + 1)), MAX_BYTES));
      } catch {
        return null;
      }
    },

    async save(copy, registry, { head, tail }) {
      const packed = toBase64(await gzip([head, tail]));
      await settings.set(TEXT_KEY, `${copy.version}\n${packed}`, clock.now());
      await settings.set(COPY_KEY, JSON.stringify({ ...copy, registry: asJson(registry) }), clock.now());
    },
  };
}

/** The whole text's size at most, in bytes; what was stored was within it. */
export const MAX_BYTES = 16 * 1024 * 1024;

function asJson(registry: RegistryData): object {
  return Object.fromEntries(
    [...registry].map(([source, models]) => [
      source,
      { models: Object.fromEntries(models.map((model) => [model.id, model])) },
    ]),
  );
}
