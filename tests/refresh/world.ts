/** One account, some isolates over one store in memory, a clock that is moved by hand, a provider that says what it is told. */

import { testKeyOf } from "../../harness/secrets.ts";
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { createCredentials } from "../../src/accounts/credentials.ts";
import { readConfig } from "../../src/environment.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../../src/providers/provider.ts";
import type { Runtime } from "../../src/runtime.ts";
import { type NewAccount, type Storage, StorageError } from "../../src/storage/port.ts";
import { createMemoryStorage } from "../support/memory-storage.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export const MINUTE = 60_000;
export const ID = "acc_1";

type Answer = RefreshResult | ((input: RefreshInput, net: IdentityFetch) => Promise<RefreshResult>);

export interface IsolateOptions {
  sharesPromises?: boolean;
  /** Names of storage methods that fail for this isolate; may be changed meanwhile. */
  broken?: Set<string>;
  /** How they fail. */
  failure?: StorageError;
  /** What its provider is reached by; nobody answers without it. */
  fetch?: Runtime["fetch"];
}

/** The token that the account begins with ends in `endsIn` ms; null: never. */
export async function createWorld(endsIn: number | null, change: Partial<NewAccount> = {}) {
  const clock = new VirtualClock();
  const store = createMemoryStorage(() => clock.now());
  const connect = (again: Partial<NewAccount> = {}) =>
    store.accounts.save({
      id: ID,
      provider: "fake",
      kind: "oauth",
      externalId: "owner",
      label: "Owner",
      metadata: { plan: "max" },
      expiresAt: endsIn === null ? null : clock.now() + endsIn,
      accessToken: "access-1",
      refreshToken: "refresh-1",
      idToken: null,
      apiKey: null,
      now: clock.now(),
      ...change,
      ...again,
    });
  await connect();
  const config = readConfig({
    ADMIN_TOKEN: "tH3-0wner_Of.this/place+knows",
    ENCRYPTION_KEY: testKeyOf("seven"),
  });
  if (!config.ok) throw new Error(config.problems.join("; "));

  /** What the provider says, in order; then tokens with the number of the call. */
  const answers: Answer[] = [];
  const posted: (string | null)[] = [];
  const provider = {
    id: "fake",
    rotates: true,
    identityOrigins: () => ["https://identity.example"],
    refresh(input: RefreshInput, net: IdentityFetch): Promise<RefreshResult> {
      posted.push(input.refreshToken);
      const answer = answers.shift() ?? refreshed(posted.length + 1);
      return typeof answer === "function" ? answer(input, net) : Promise.resolve(answer);
    },
  };

  function refreshed(number: number, change: { endsIn?: number; refreshToken?: null } = {}): RefreshResult {
    return {
      status: "refreshed",
      accessToken: `access-${number}`,
      refreshToken: change.refreshToken === null ? null : `refresh-${number}`,
      idToken: null,
      expiresAt: clock.now() + (change.endsIn ?? 60 * MINUTE),
    };
  }

  function createIsolate({
    sharesPromises = true,
    broken = new Set(),
    failure = new StorageError("the database cannot be reached"),
    fetch = silence,
  }: IsolateOptions = {}) {
    const background: Promise<unknown>[] = [];
    const logged: string[] = [];
    const log = (event: string, fields?: object) => void logged.push(JSON.stringify([event, fields]));
    const calls: string[] = [];
    const runtime: Runtime = {
      config: config.ok ? config.config : never(),
      storage: watched(store, broken, failure, calls),
      fetch,
      clock,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      waitUntil: (work) => void background.push(work),
      logger: { debug: log, info: log, warn: log, error: log },
      sharesPromises,
    };
    const accountCache = createAccountCache(runtime);
    const credentials = createCredentials({ runtime, providers: [provider], accountCache });
    const account = async () => (await store.accounts.get(ID)) ?? never();
    return {
      runtime,
      accountCache,
      credentials,
      background,
      logged,
      calls,
      /** The token that a request would be sent with. */
      token: async () => (await credentials.fresh(await account())).token,
      /** The token that a request is sent with after `rejected` got a 401. */
      renew: async (rejected: string) =>
        (await credentials.renew(await account(), { kind: "oauth", token: rejected }))?.token ?? null,
    };
  }

  return { clock, store, connect, answers, posted, refreshed, createIsolate };
}

/** Nobody answers. */
const silence: Runtime["fetch"] = (_, { signal }) =>
  new Promise((__, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));

function watched(store: Storage, broken: Set<string>, failure: StorageError, calls: string[]): Storage {
  const watch = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          calls.push(String(name));
          if (broken.has(String(name))) throw failure;
          return await Reflect.apply(method, target, args);
        };
      },
    });
  return { ...store, accounts: watch(store.accounts), refreshes: watch(store.refreshes) };
}

function never(): never {
  throw new Error("the account is gone");
}

/** What a promise has become by now: its value, its error's code and words, or that it waits. */
export async function soFar<T>(work: Promise<T>): Promise<T | "waiting"> {
  const waiting = new Promise<"waiting">((done) => setImmediate(() => setImmediate(() => done("waiting"))));
  return Promise.race([work, waiting]);
}
