/** The schema of models.dev's api.json, as strict as its own generator is (registry.md §1): no unknown field. */
import * as z from "zod";

const date = z.string().regex(/^\d{4}-\d{2}(-\d{2})?$/);
const tokens = z.number().nonnegative();
const usd = z.number().nonnegative();
const modality = z.enum(["text", "audio", "image", "video", "pdf"]);

const prices = {
  input: usd,
  output: usd,
  reasoning: usd.optional(),
  cache_read: usd.optional(),
  cache_write: usd.optional(),
  input_audio: usd.optional(),
  output_audio: usd.optional(),
};
const cost = z.strictObject({
  ...prices,
  tiers: z
    .array(z.strictObject({ ...prices, tier: z.strictObject({ type: z.literal("context"), size: tokens }) }))
    .optional(),
  context_over_200k: z.strictObject(prices).optional(),
});

const effort = z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max", "default"]);
const reasoningOption = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("toggle") }),
  z.strictObject({ type: z.literal("effort"), values: z.array(effort.nullable()) }),
  z.strictObject({
    type: z.literal("budget_tokens"),
    min: z.number().optional(),
    max: z.number().optional(),
  }),
]);

const request = {
  body: z.record(z.string(), z.unknown()).optional(),
  headers: z.record(z.string(), z.string()).optional(),
};

const model = z
  .strictObject({
    id: z.string().min(1),
    name: z.string().min(1),
    description: z.string().min(1),
    family: z.string().optional(),
    attachment: z.boolean(),
    reasoning: z.boolean(),
    reasoning_options: z.array(reasoningOption).optional(),
    tool_call: z.boolean(),
    structured_output: z.boolean().optional(),
    temperature: z.boolean().optional(),
    knowledge: date.optional(),
    release_date: date,
    last_updated: date,
    modalities: z.strictObject({ input: z.array(modality), output: z.array(modality) }),
    open_weights: z.boolean(),
    interleaved: z
      .union([z.literal(true), z.strictObject({ field: z.enum(["reasoning_content", "reasoning_details"]) })])
      .optional(),
    cost: cost.optional(),
    limit: z.strictObject({ context: tokens, input: tokens.optional(), output: tokens }),
    status: z.enum(["alpha", "beta", "deprecated"]).optional(),
    provider: z
      .strictObject({
        npm: z.string().optional(),
        api: z.string().optional(),
        shape: z.enum(["responses", "completions"]).optional(),
        ...request,
      })
      .optional(),
    experimental: z
      .strictObject({
        modes: z.record(
          z.string(),
          z.strictObject({ cost: cost.optional(), provider: z.strictObject(request).optional() }),
        ),
      })
      .optional(),
  })
  .refine(({ reasoning, reasoning_options }) => (reasoning_options !== undefined) === reasoning, {
    message: "reasoning_options stands exactly with reasoning",
  });

const NEEDS_API = new Set(["@ai-sdk/openai-compatible", "@openrouter/ai-sdk-provider"]);
const MAY_HAVE_API = new Set(["@ai-sdk/openai", "@ai-sdk/anthropic"]);

const provider = z
  .strictObject({
    id: z.string().min(1),
    name: z.string().min(1),
    env: z.array(z.string().min(1)).min(1),
    npm: z.string().min(1),
    api: z.string().min(1).optional(),
    doc: z.url(),
    models: z.record(z.string(), model),
  })
  .refine(({ npm, api }) => api !== undefined || !NEEDS_API.has(npm), { message: "api is missing" })
  .refine(({ npm, api }) => api === undefined || NEEDS_API.has(npm) || MAY_HAVE_API.has(npm), {
    message: "api is not for this package",
  })
  .refine(({ models }) => Object.entries(models).every(([key, { id }]) => key === id), {
    message: "a key is not its model's id",
  });

/** Throws when it is no registry that models.dev itself could have made. */
export const registrySchema = z
  .record(z.string(), provider)
  .refine((registry) => Object.entries(registry).every(([key, { id }]) => key === id), {
    message: "a key is not its provider's id",
  })
  .refine(
    (registry) => {
      const names = Object.values(registry).map(({ name }) => name.toLowerCase());
      return new Set(names).size === names.length;
    },
    { message: "two providers have one name" },
  );

export type Registry = z.output<typeof registrySchema>;
