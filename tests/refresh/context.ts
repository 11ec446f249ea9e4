/** One account, some isolates over one storage in memory, a virtual clock, and a provider whose responses are scripted. */
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { createCredentials } from "../../src/accounts/credentials.ts";
import type { IdentityFetch, RefreshInput, RefreshResult } from "../../src/providers/provider.ts";
import type { Runtime } from "../../src/runtime.ts";
import { type NewAccount, StorageError } from "../../src/storage/port.ts";
import { createMemoryStorage } from "../support/memory-storage.ts";
import { runtimeOver } from "../support/runtime.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { watchStorage } from "../support/watched-storage.ts";

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
export async function createRefreshContext(endsIn: number | null, change: Partial<NewAccount> = {}) {
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
  /** The results of the provider, in order; then tokens with the number of the call. */
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
    const failing = watchStorage(store, (call) => {
      if (broken.has(call.slice(call.indexOf(".") + 1))) throw failure;
    });
    const { runtime, calls, log } = runtimeOver(failing, {
      clock,
      network: fetch,
      more: { sharesPromises, waitUntil: (work) => void background.push(work) },
    });
    const accountCache = createAccountCache(runtime);
    const credentials = createCredentials({ runtime, providers: [provider], accountCache });
    const account = async () => (await store.accounts.get(ID)) ?? never();
    return {
      runtime,
      accountCache,
      credentials,
      background,
      log,
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

function never(): never {
  throw new Error("the account is gone");
}

/** What a promise has become by now: its value, its error's code and words, or that it waits. */
export async function soFar<T>(work: Promise<T>): Promise<T | "waiting"> {
  const waiting = new Promise<"waiting">((done) => setImmediate(() => setImmediate(() => done("waiting"))));
  return Promise.race([work, waiting]);
}
