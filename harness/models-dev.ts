/** What models.dev serves: a genuine part of it, and registries made from that. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Seven genuine providers of models.dev, 2026-09-28; see the NOTICE beside it. */
export const SAMPLE: Uint8Array<ArrayBuffer> = new Uint8Array(
  gunzipSync(readFileSync(new URL("./fixtures/models-dev.sample.json.gz", import.meta.url))),
);

/** The sample with its providers changed. */
export function sampleWith(change: (registry: Record<string, RawProvider>) => void): string {
  const registry: Record<string, RawProvider> = JSON.parse(new TextDecoder().decode(SAMPLE));
  change(registry);
  return JSON.stringify(registry);
}

export interface RawProvider {
  [member: string]: unknown;
  models: Record<string, Record<string, unknown>>;
}

/** A model that models.dev could hold. */
export function rawModel(id: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id,
    name: id,
    description: "A model",
    attachment: false,
    reasoning: false,
    tool_call: true,
    release_date: "2026-11-01",
    last_updated: "2026-11-01",
    modalities: { input: ["text"], output: ["text"] },
    open_weights: false,
    limit: { context: 1000, output: 100 },
    ...change,
  };
}

export function rawProvider(id: string, ...models: Record<string, unknown>[]): RawProvider {
  return {
    id,
    name: id,
    env: [`${id.toUpperCase()}_API_KEY`],
    npm: "@ai-sdk/openai-compatible",
    api: `https://${id}.example`,
    doc: `https://${id}.example/docs`,
    models: Object.fromEntries(models.map((model) => [String(model.id), model])),
  };
}

/** The sample and so many made-up providers that it is as big as models.dev is: 5 MB, over 8,000 models. */
function bigRegistry(): string {
  const big: Record<string, unknown> = JSON.parse(new TextDecoder().decode(SAMPLE));
  for (let at = 0; at < 160; at++) {
    const models = Array.from({ length: 50 }, (_, of) =>
      rawModel(`family/model-${of}`, { description: "Words that say what it is good for. ".repeat(9) }),
    );
    big[`provider-${at}`] = rawProvider(`provider-${at}`, ...models);
  }
  return JSON.stringify(big);
}

export const BIG = bigRegistry();
