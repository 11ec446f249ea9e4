/** Kleis whole, in memory: the real application over a real store, with a network that a test scripts. */
import { type App, createApp } from "../../src/app.ts";
import { readConfig } from "../../src/environment.ts";
import { type IssuedKey, issueKey, type KeyRequest } from "../../src/keys/issue.ts";
import type { Fetch, Runtime } from "../../src/runtime.ts";
import type { AccountRecord, NewAccount } from "../../src/storage/port.ts";
import { ADMIN_TOKEN, createWorld, type World } from "../keys/world.ts";
import { newAccount } from "../storage/world.ts";
import { type Registry, registrySchema } from "./schema.ts";
import { MODELS_DEV, SAMPLE } from "./world.ts";

export const ORIGIN = "https://kleis.example";

export interface Place {
  readonly world: World;
  readonly runtime: Runtime;
  app: App;
  /** What the network answers; at first models.dev has the sample, and no provider has a list. */
  network: Fetch;
  account(provider: string, change?: Partial<NewAccount>): Promise<AccountRecord>;
  key(request?: KeyRequest): Promise<IssuedKey>;
  /** As clients ask who unpack by themselves; with an `accept-encoding` of its own, as the answer came. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The registry at a path, which models.dev's own schema must accept. */
  registry(path: string): Promise<Registry>;
  admin(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }>;
  /** The same store, a new process. */
  restart(): void;
}

export async function createPlace(env: Record<string, string> = {}): Promise<Place> {
  const world = await createWorld();
  const config = readConfig({
    ADMIN_TOKEN,
    ENCRYPTION_KEY: world.runtime.config.ENCRYPTION_KEY.join(","),
    ...env,
  });
  if (!config.ok) throw new Error(config.problems.join("; "));
  const runtime: Runtime = {
    ...world.runtime,
    config: config.config,
    fetch: (url, init) => place.network(url, init),
  };
  let accounts = 0;
  const place: Place = {
    world,
    runtime,
    app: createApp(runtime),
    network: async (url) =>
      url === MODELS_DEV ? new Response(SAMPLE) : new Response("not here", { status: 404 }),
    account(provider, change = {}) {
      accounts++;
      const kind = change.kind ?? "oauth";
      return world.storage.accounts.save(
        newAccount({
          id: `acc_${accounts}`,
          provider,
          externalId: `external-${accounts}`,
          metadata: {},
          expiresAt: null,
          now: runtime.clock.now(),
          ...(kind === "oauth"
            ? { accessToken: `planted-token-${accounts}`, refreshToken: null }
            : { accessToken: null, refreshToken: null, apiKey: `planted-key-${accounts}` }),
          ...change,
        }),
      );
    },
    key: (request = {}) => issueKey(runtime, request),
    async get(path, headers = {}) {
      const asked = { "accept-encoding": "gzip", ...headers };
      const response = await place.app.fetch(new Request(ORIGIN + path, { headers: asked }));
      const isPacked = response.headers.get("content-encoding") === "gzip";
      if (!isPacked || response.body === null || "accept-encoding" in headers) return response;
      const { status, headers: answered } = response;
      const body = response.body.pipeThrough(new DecompressionStream("gzip"));
      return new Response(body, { status, headers: answered });
    },
    async registry(path) {
      const response = await place.get(path);
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return registrySchema.parse(await response.json());
    },
    async admin(method, path, body) {
      const response = await place.app.fetch(
        new Request(ORIGIN + path, {
          method,
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      return { status: response.status, json: await response.json() };
    },
    restart() {
      place.app = createApp(runtime);
    },
  };
  return place;
}

export async function connectAll(place: Place): Promise<void> {
  for (const provider of ["codex", "claude", "copilot"]) await place.account(provider);
}
