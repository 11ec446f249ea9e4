/** Kleis with models.dev's sample behind it, and how clients read its registry. */

import { SAMPLE } from "../../harness/models-dev.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { MODELS_DEV } from "./context.ts";
import { type Registry, registrySchema } from "./schema.ts";

export const ORIGIN = "https://kleis.example";

export interface RegistryKleis extends Kleis {
  /** As of clients that decompress by themselves; with an `accept-encoding` of its own, as the response came. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The registry at a path, which models.dev's own schema must accept. */
  registry(path: string): Promise<Registry>;
}

/** No provider has a list of models until `network` says otherwise. */
export async function startRegistryKleis(env: Record<string, string> = {}): Promise<RegistryKleis> {
  const kleis = await startKleis({
    env: { MODELS_DEV_URL: MODELS_DEV, ...env },
    base: ORIGIN,
    network: async (url) =>
      url === MODELS_DEV ? new Response(SAMPLE) : new Response("not here", { status: 404 }),
    more: { sharesPromises: false },
  });
  async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const response = await kleis.request(path, { headers: { "accept-encoding": "gzip", ...headers } });
    const isPacked = response.headers.get("content-encoding") === "gzip";
    if (!isPacked || response.body === null || "accept-encoding" in headers) return response;
    const { status, headers: answered } = response;
    return new Response(response.body.pipeThrough(new DecompressionStream("gzip")), {
      status,
      headers: answered,
    });
  }
  return Object.assign(kleis, {
    get,
    async registry(path: string) {
      const response = await get(path);
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return registrySchema.parse(await response.json());
    },
  });
}

export async function connectAll({ account }: Kleis): Promise<void> {
  for (const provider of ["codex", "claude", "copilot"]) await account(provider);
}
