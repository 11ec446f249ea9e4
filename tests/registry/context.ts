/** What the registry of models needs of a runtime: a virtual clock, settings in memory, and a network that a test scripts. */

import { SAMPLE } from "../../harness/models-dev.ts";
import type { Runtime } from "../../src/runtime.ts";
import { createMemoryStorage } from "../support/memory-storage.ts";
import { runtimeOver, Sent, type TestRuntime } from "../support/runtime.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export const MODELS_DEV = "https://models.dev/api.json";
export const SECOND = "https://models.opencode.ai/api.json";

export type Answerer = (sent: Sent) => Response | Promise<Response>;

export interface RegistryContext extends TestRuntime<VirtualClock> {
  readonly settings: Map<string, string>;
  /** What the network answers from now on; at first there is none. */
  serve(answerer: Answerer): void;
  /** The reasons for which a source was refused. */
  reasons(): string[];
  /** Lets time pass until the work is done; with how much it took, ms. */
  measured<T>(work: Promise<T> | T): Promise<{ value: T; ms: number }>;
  /** The same after a restart: the settings stay, what the process remembers does not. */
  restarted(): RegistryContext;
}

export interface ContextOptions {
  /** Instead of the default of MODELS_DEV_URL; `""` for none. */
  url?: string;
  settings?: Map<string, string>;
  clock?: VirtualClock;
}

export function registryContext(options: ContextOptions = {}): RegistryContext {
  const { url = MODELS_DEV, settings = new Map<string, string>(), clock = new VirtualClock() } = options;
  const storage = { ...createMemoryStorage(() => clock.now()), settings: settingsIn(settings) };
  const test = runtimeOver(storage, { env: { MODELS_DEV_URL: url }, clock, more: { sharesPromises: false } });
  return Object.assign(test, {
    settings,
    serve(answerer: Answerer) {
      test.network = async (to, init) => answerer(new Sent(to, init));
    },
    reasons: () =>
      test.logged.flatMap(({ event, fields }) =>
        event === "registry_refused" ? [String(fields?.reason)] : [],
      ),
    async measured<T>(work: Promise<T> | T) {
      const begun = clock.now();
      const value = await clock.pass(Promise.resolve(work));
      return { value, ms: clock.now() - begun };
    },
    restarted: () => registryContext({ ...options, settings, clock }),
  });
}

function settingsIn(settings: Map<string, string>): Runtime["storage"]["settings"] {
  return {
    get: async (key) => settings.get(key) ?? null,
    set: async (key, value) => void settings.set(key, value),
    getSealed: async (key) => settings.get(`sealed:${key}`) ?? null,
    setSealed: async (key, value) => void settings.set(`sealed:${key}`, value),
  };
}

/** A registry that is all there, with an ETag, as models.dev answers it. */
export function serving(body: BodyInit = SAMPLE, etag = '"1"'): Answerer {
  return ({ headers }) =>
    headers.get("if-none-match") === etag
      ? new Response(null, { status: 304, headers: { etag } })
      : new Response(body, { headers: { "content-type": "application/json", etag } });
}
