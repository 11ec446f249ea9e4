/** An upstream registry in a world of its own, renewed when a test says so. */
import { createUpstream, type Upstream } from "../../src/models/registry/upstream.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { rawModel, sampleWith, type World } from "./world.ts";

const OPTIONS = { own: new Set<string>(), sources: new Set(PROVIDERS.map(({ source }) => source)) };

/** A registry that knows one model more than the sample. */
export const NEWER = sampleWith((registry) => {
  registry.openai!.models["gpt-9"] = rawModel("gpt-9");
});

export function start(world: World): Upstream {
  return createUpstream(world.runtime, OPTIONS);
}

/** Begins what is due and lets it end. */
export async function renew(world: World, upstream: Upstream): Promise<void> {
  upstream.begin("store");
  await world.settled();
}

/** True when it knows this model of OpenAI's. */
export function knows(upstream: Upstream, id: string): boolean {
  const models = upstream.registry().get("openai") ?? [];
  return models.some((model) => model.id === id);
}
