/** One isolate: Kleis's own engine over a store and a network that may do anything, in a process that may stop or die. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createAccountCache } from "../../../src/accounts/account-cache.ts";
import { createCredentials } from "../../../src/accounts/credentials.ts";
import type { Refreshing } from "../../../src/accounts/refresh/attempt.ts";
import type { Config } from "../../../src/config.ts";
import { KleisError } from "../../../src/errors.ts";
import type { Clock, Runtime } from "../../../src/runtime.ts";
import { type Storage, StorageError } from "../../../src/storage/port.ts";
import type { MemoryStorage } from "../../support/memory-storage.ts";
import type { Chance } from "./chance.ts";
import type { Identity } from "./identity.ts";
import type { Call, Ledger, Party } from "./ledger.ts";
import type { Timeline } from "./timeline.ts";

/** Probabilities: of each event that wakes an isolate (kill, freeze), of each call (store, outage, provider, slow). */
export interface Trouble {
  kill: number;
  freeze: number;
  store: number;
  /** The store is out of this isolate's reach from now on, for a while. */
  outage: number;
  provider: number;
  slow: number;
}

export interface Surroundings {
  readonly chance: Chance;
  readonly timeline: Timeline;
  readonly store: MemoryStorage;
  readonly identity: Identity;
  readonly ledger: Ledger;
  readonly provider: Refreshing;
  readonly config: Config;
  readonly trouble: Trouble;
  readonly note: (words: string) => void;
  /** A refresh token leaves an isolate. */
  readonly onPost: (token: string) => void;
}

/** The call on whose behalf something is done. */
const caller = new AsyncLocalStorage<Call>();

/** How long the real store is waited for, ms (storage/libsql/failure.ts). */
const STORE_LIMIT_MS = 5_000;

export class Isolate implements Party {
  readonly name: string;
  readonly shares: boolean;
  dead = false;
  #frozenUntil = 0;
  #storeAwayUntil = 0;
  readonly #world: Surroundings;
  readonly #runtime: Runtime;
  readonly #accountCache: ReturnType<typeof createAccountCache>;
  readonly #credentials: ReturnType<typeof createCredentials>;

  constructor(name: string, world: Surroundings, skewMs: number) {
    this.name = name;
    this.#world = world;
    const { timeline, chance } = world;
    this.shares = chance.is(0.5);
    const clock: Clock = {
      now: () => timeline.now + skewMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
    this.#runtime = {
      config: world.config,
      storage: this.#remoteStore(),
      fetch: (url, init) => (url.endsWith("/token") ? this.#post(init) : this.#visit()),
      clock,
      random: (bytes) => chance.bytes(bytes),
      waitUntil: (work) => void work.catch(() => undefined),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      sharesPromises: this.shares,
    };
    this.#accountCache = createAccountCache(this.#runtime);
    this.#credentials = createCredentials({
      runtime: this.#runtime,
      providers: [world.provider],
      accountCache: this.#accountCache,
    });
  }

  thaw(): void {
    this.#frozenUntil = 0;
  }

  /** A request as `src/proxy` makes it: choose, credential, send, once more after a 401. True when it was answered. */
  request(): Promise<boolean> {
    const call: Call = { party: this, kind: "request", since: this.#world.timeline.now };
    return caller.run(call, () => this.#request(call));
  }

  async #request(call: Call): Promise<boolean> {
    const { ledger, identity } = this.#world;
    try {
      const [account] = await this.#accountCache.list();
      if (account === undefined) throw new Error("no account");
      if (account.status === "needs_login") throw new KleisError("account_needs_login", "");
      const credential = await this.#credentials.fresh(account);
      await this.#hop();
      if (!identity.accepts(credential.token)) {
        ledger.refused.add(credential.token);
        await this.#hop();
        const other = await this.#credentials.renew(account, credential);
        if (other === null) {
          ledger.unauthorized(call, credential.token);
          return false;
        }
        ledger.answered(call, other.token);
        return true;
      }
      ledger.answered(call, credential.token);
      return true;
    } catch (error) {
      ledger.failed(call, codeOf(error));
      return false;
    }
  }

  manual(id: string): Promise<void> {
    const call: Call = { party: this, kind: "manual", since: this.#world.timeline.now };
    return caller.run(call, () => this.#manual(call, id));
  }

  async #manual(call: Call, id: string): Promise<void> {
    const { ledger } = this.#world;
    ledger.manual++;
    try {
      await this.#credentials.refresh(id);
    } catch (error) {
      const code = error instanceof StorageError ? "storage_unavailable" : codeOf(error);
      ledger.failed(call, code);
    }
  }

  #hop(): Promise<void> {
    return this.#sleep(this.#world.chance.between(5, 500));
  }

  /** Something reaches the isolate, or does not: here it freezes and dies. */
  #wake(run: () => void): void {
    const { chance, timeline, trouble, note } = this.#world;
    if (this.dead) return;
    if (this.#frozenUntil > timeline.now) {
      timeline.after(this.#frozenUntil - timeline.now, () => this.#wake(run));
      return;
    }
    if (chance.is(trouble.kill)) {
      note(`${this.name} dies`);
      this.dead = true;
      return;
    }
    if (chance.is(trouble.freeze)) {
      const dice = chance.next();
      const ms =
        dice < 0.6 ? chance.between(0, 20_000) : chance.between(20_000, dice < 0.9 ? 150_000 : 7_000_000);
      note(`${this.name} freezes for ${Math.round(ms)} ms`);
      this.#frozenUntil = timeline.now + ms;
      timeline.after(ms, () => this.#wake(run));
      return;
    }
    run();
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      let over = false;
      const end = () => {
        over = true;
        resolve();
      };
      signal?.addEventListener("abort", end);
      this.#world.timeline.after(ms, () => {
        if (!over) this.#wake(end);
      });
    });
  }

  #latency(): number {
    const { chance, trouble } = this.#world;
    return chance.is(trouble.slow) ? chance.between(50, 4_000) : chance.between(1, 20);
  }

  /** A call of the store: applied or not, answered or not, at once, late, or after everyone gave up waiting. */
  #remote<T>(name: string, apply: () => Promise<T>, applied?: (result: T) => void): Promise<T> {
    const { chance, timeline, trouble, ledger, note } = this.#world;
    if (chance.is(trouble.outage)) {
      const ms = chance.between(5_000, 400_000);
      note(`${this.name} loses the store for ${Math.round(ms)} ms`);
      this.#storeAwayUntil = timeline.now + ms;
    }
    const fails = timeline.now < this.#storeAwayUntil || chance.is(trouble.store);
    const fate = fails ? chance.next() : 0;
    // Refused at once; lost on the way; applied, the answer lost; applied after it was given up.
    const isLost = fails && fate < 0.4;
    const there = fails && fate >= 0.8 ? chance.between(STORE_LIMIT_MS, 20_000) : this.#latency();
    const back = this.#latency();
    const by = caller.getStore();
    return new Promise((resolve, reject) => {
      let over = false;
      const fail = (ms: number) =>
        timeline.after(ms, () => {
          if (over) return;
          this.#wake(() => {
            over = true;
            ledger.storeFailed(this);
            note(`${this.name} ${name}: no answer`);
            reject(new StorageError("the store did not answer"));
          });
        });
      if (fails) fail(fate < 0.2 ? 1 : STORE_LIMIT_MS);
      if (isLost) return;
      timeline.after(there, () => {
        const at = timeline.now;
        const result = apply();
        void result.then((value) => {
          ledger.storeChanged();
          applied?.(value);
          if (name !== "read" && name !== "open" && name !== "list") {
            note(`store: ${this.name} ${name} ${JSON.stringify(summary(value))}`);
          }
          if (fails) return;
          timeline.after(back, () =>
            this.#wake(() => {
              if (name === "read" || name === "acquire") ledger.looked(this, by, at);
              resolve(value);
            }),
          );
        });
      });
    });
  }

  #remoteStore(): Storage {
    const { store, ledger } = this.#world;
    const { accounts, refreshes, requests } = store;
    const remote = this.#remote.bind(this);
    return {
      ...store,
      accounts: {
        ...accounts,
        open: (id) => remote("open", () => accounts.open(id)),
      },
      requests: { ...requests, accounts: () => remote("list", () => requests.accounts()) },
      refreshes: {
        read: (id) => remote("read", () => refreshes.read(id)),
        acquire: (id, wish) =>
          remote(
            "acquire",
            () => refreshes.acquire(id, wish),
            (answer) => {
              if (answer?.acquired) ledger.leased(this, wish.owner, wish.version);
            },
          ),
        intend: (id, lease) =>
          remote(
            "intend",
            () => refreshes.intend(id, lease),
            (noted) => {
              if (noted) ledger.intended(lease.owner);
            },
          ),
        commit: (id, lease, fresh, metadata, now) =>
          remote(
            "commit",
            () => refreshes.commit(id, lease, fresh, metadata, now),
            (open) => {
              if (open !== null) ledger.committed(lease.owner);
            },
          ),
        reject: (id, lease, reason, now) => remote("reject", () => refreshes.reject(id, lease, reason, now)),
        postpone: (id, lease, failure, now) =>
          remote("postpone", () => refreshes.postpone(id, lease, failure, now)),
        release: (id, lease, unanswered) => remote("release", () => refreshes.release(id, lease, unanswered)),
      },
    };
  }

  /** A question that matters to nobody, but takes its time. */
  async #visit(): Promise<Response> {
    await this.#hop();
    return new Response(null, { status: 204 });
  }

  /** The way of a refresh token to the provider and back. */
  #post(init: RequestInit): Promise<Response> {
    const { chance, timeline, trouble, identity, ledger, note, onPost } = this.#world;
    const token = String(init.body);
    const post = ledger.posted(this, token);
    onPost(token);
    const goesWrong = chance.is(trouble.provider);
    const fate = goesWrong ? chance.next() : 1;
    const isSlow = chance.is(trouble.slow);
    const way = () => (isSlow ? chance.between(200, 18_000) : chance.between(5, 300));
    note(`${this.name} posts ${token}`);
    return new Promise((resolve, reject) => {
      let over = false;
      init.signal?.addEventListener("abort", () => {
        if (over) return;
        over = true;
        if (post) post.over = true;
        note(`${this.name} gives up on ${token}`);
        reject(new Error("aborted"));
      });
      const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
        timeline.after(way(), () => {
          if (over) return;
          this.#wake(() => {
            if (over) return;
            over = true;
            if (post) {
              post.heard = status === 200;
              post.over = status !== 200;
            }
            note(`${this.name} hears ${status} ${body}`);
            resolve(new Response(body, { status, headers }));
          });
        });
      if (fate < 0.2) return; // Lost on the way there.
      timeline.after(way(), () => {
        if (fate < 0.4) {
          const wait: Record<string, string> = chance.is(0.5)
            ? { "retry-after": String(chance.whole(1, 900)) }
            : {};
          return answer(chance.is(0.5) ? 503 : 429, "", wait);
        }
        if (post) ledger.arrived(post);
        const pair = identity.redeem(token);
        if (post) post.pair = pair;
        if (fate < 0.6) return; // Lost on the way back.
        if (fate < 0.75) return answer(503, "");
        if (pair === null) return answer(400, "invalid_grant");
        answer(200, `${pair.access} ${pair.refresh} ${Math.floor((pair.accessUntil - timeline.now) / 1000)}`);
      });
    });
  }
}

function codeOf(error: unknown): string {
  if (error instanceof KleisError) return error.code;
  return error instanceof Error ? `${error.name}: ${error.message}` : "unknown";
}

function summary(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const state: unknown = Reflect.get(value, "state") ?? value;
  if (typeof state !== "object" || state === null) return value;
  return {
    acquired: Reflect.get(value, "acquired"),
    version: Reflect.get(state, "version"),
    fence: Reflect.get(state, "fence"),
  };
}
