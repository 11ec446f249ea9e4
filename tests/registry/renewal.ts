/** An upstream registry in a context of its own, renewed when a test says so. */

import { rawModel, sampleWith } from "../../harness/models-dev.ts";
import { createUpstream, type Upstream } from "../../src/models/registry/upstream.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import type { RegistryContext } from "./context.ts";

const OPTIONS = { own: new Set<string>(), sources: new Set(PROVIDERS.map(({ source }) => source)) };

/** A registry that knows one model more than the sample. */
export const NEWER = sampleWith((registry) => {
  registry.openai!.models["gpt-9"] = rawModel("gpt-9");
});

export function start(context: RegistryContext): Upstream {
  return createUpstream(context.runtime, OPTIONS);
}

/** Begins what is due and lets it end. */
export async function renew(context: RegistryContext, upstream: Upstream): Promise<void> {
  upstream.begin("store");
  await context.settled();
}

/** True when it knows this model of OpenAI's. */
export function knows(upstream: Upstream, id: string): boolean {
  const models = upstream.registry().get("openai") ?? [];
  return models.some((model) => model.id === id);
}
