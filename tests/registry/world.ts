/** A small world for registry tests: time that stands still, settings in memory, and a network that a test scripts. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { readConfig } from "../../src/environment.ts";
import type { LogFields, Runtime } from "../../src/runtime.ts";
import { StorageError } from "../../src/storage/port.ts";
import { testKeyOf } from "../support/key.ts";
import { createMemoryStorage } from "../support/memory-storage.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** Seven genuine providers of models.dev, 2026-09-28. */
export const SAMPLE: Uint8Array<ArrayBuffer> = new Uint8Array(
  gunzipSync(readFileSync(new URL("../models/fixtures/models-dev.sample.json.gz", import.meta.url))),
);

export const MODELS_DEV = "https://models.dev/api.json";
export const SECOND = "https://models.opencode.ai/api.json";

export interface Asked {
  readonly url: string;
  readonly headers: Headers;
  readonly signal: AbortSignal | null | undefined;
}
export type Answerer = (asked: Asked) => Response | Promise<Response>;

export interface World {
  runtime: Runtime;
  clock: VirtualClock;
  settings: Map<string, string>;
  /** While true the store does not answer. */
  down: boolean;
  /** Every request that went out. */
  asked: Asked[];
  /** What the network answers; at first it does not exist. */
  network: Answerer;
  logged: { event: string; fields: LogFields | undefined }[];
  /** The reasons for which a source was refused. */
  reasons(): string[];
  /** Settles when everything handed to `waitUntil` has. */
  settled(): Promise<void>;
  /** Lets time pass until the work is done; answers how much it took, in ms. */
  measured<T>(work: Promise<T> | T): Promise<{ value: T; ms: number }>;
  /** The same place after a restart: the settings stay, the memory does not. */
  restarted(): World;
}

export interface WorldOptions {
  url?: string;
  settings?: Map<string, string>;
  clock?: VirtualClock;
  env?: Record<string, string>;
}

export function createWorld(options: WorldOptions = {}): World {
  const { settings = new Map<string, string>(), clock = new VirtualClock() } = options;
  const config = readConfig({
    ADMIN_TOKEN: "registry-tests-7d3a9e51-c04b",
    ENCRYPTION_KEY: testKeyOf("seven"),
    ...(options.url === undefined ? {} : { MODELS_DEV_URL: options.url }),
    ...options.env,
  });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const background: Promise<unknown>[] = [];
  const log = (event: string, fields?: LogFields) => void world.logged.push({ event, fields });
  const available = () => {
    if (world.down) throw new StorageError("the database cannot be reached");
  };
  const world: World = {
    clock,
    settings,
    down: false,
    asked: [],
    network: () => Promise.reject(new Error("there is no network")),
    logged: [],
    reasons: () =>
      world.logged.flatMap(({ event, fields }) =>
        event === "registry_refused" ? [String(fields?.reason)] : [],
      ),
    async settled() {
      for (let at = 0; at < background.length; at++) await world.measured(background[at]);
    },
    async measured(work) {
      let isDone = false;
      const watched = Promise.resolve(work).finally(() => {
        isDone = true;
      });
      watched.catch(() => {});
      const begun = clock.now();
      for (;;) {
        // Unpacking and hashing happen on threads of their own, outside the clock.
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (isDone) return { value: await watched, ms: clock.now() - begun };
        await clock.advance(10);
      }
    },
    restarted: () => createWorld({ ...options, settings, clock }),
    runtime: {
      config: config.config,
      clock,
      storage: {
        ...createMemoryStorage(() => clock.now()),
        settings: {
          async get(key) {
            available();
            return settings.get(key) ?? null;
          },
          async set(key, value) {
            available();
            settings.set(key, value);
          },
          async getSealed(key) {
            available();
            return settings.get(`sealed:${key}`) ?? null;
          },
          async setSealed(key, value) {
            available();
            settings.set(`sealed:${key}`, value);
          },
        },
      },
      fetch: async (url, init) => {
        const asked = { url, headers: new Headers(init.headers), signal: init.signal };
        world.asked.push(asked);
        return await world.network(asked);
      },
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      waitUntil: (work) => void background.push(work),
      logger: { debug: log, info: log, warn: log, error: log },
    },
  };
  return world;
}

/** A registry that is all there, with an ETag, as models.dev answers it. */
export function serving(body: BodyInit = SAMPLE, etag = '"1"'): Answerer {
  return ({ headers }) =>
    headers.get("if-none-match") === etag
      ? new Response(null, { status: 304, headers: { etag } })
      : new Response(body, { headers: { "content-type": "application/json", etag } });
}

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
