/**
 * The registry of models in the shape of models.dev, decoded from whatever a source holds.
 * Knows no provider of ours: which models are served by whom is `catalogue.ts`.
 */
import * as z from "zod/mini";
import { isObject } from "../../json.ts";
import type { RegistryModel } from "../../providers/registry-model.ts";

/** The well-formed models of each source provider (`openai`, `anthropic`, …), in the source's order. */
export type RegistryData = ReadonlyMap<string, readonly RegistryModel[]>;

/** The longest model id that is accepted, in characters. */
export const MAX_MODEL_ID = 256;

const tokens = z.number().check(z.nonnegative());

/**
 * What Kleis's own catalogue needs of a model (registry.md §1); further fields stay. `validate.ts` asks another question,
 * what OpenCode may be served, so the two differ on purpose: a model without `reasoning` can be passed on but not listed.
 */
const modelSchema = z.looseObject({
  id: z.string().check(z.minLength(1), z.maxLength(MAX_MODEL_ID)),
  name: z.string().check(z.minLength(1)),
  family: z.optional(z.string()),
  reasoning: z.boolean(),
  tool_call: z.boolean(),
  attachment: z.optional(z.boolean()),
  release_date: z.string(),
  status: z.optional(z.string()),
  modalities: z.object({ input: z.array(z.string()), output: z.array(z.string()) }),
  limit: z.object({ context: tokens, output: tokens, input: z.optional(tokens) }),
});

/**
 * Decodes an `api.json`. A malformed model is dropped, and so is one whose key is not its id: a single one without
 * `limit` breaks whole clients (registry.md §2).
 */
export function readRegistry(value: unknown): RegistryData {
  const registry = new Map<string, readonly RegistryModel[]>();
  if (!isObject(value)) return registry;
  for (const [source, provider] of Object.entries(value)) {
    if (!isObject(provider) || !isObject(provider.models)) continue;
    registry.set(source, readModels(provider.models));
  }
  return registry;
}

function readModels(models: Record<string, unknown>): RegistryModel[] {
  const valid: RegistryModel[] = [];
  for (const [key, value] of Object.entries(models)) {
    const model = modelSchema.safeParse(value);
    if (model.success && model.data.id === key) valid.push(model.data);
  }
  return valid;
}
