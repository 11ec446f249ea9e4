/** Sign-in, from the start to the stored account. Each call performs one step, and no two callers the same one. Knows no provider. */
import { generateRandomState } from "oauth4webapi";
import { KleisError } from "../../errors.ts";
import type { Cooling } from "../../limits/cooling.ts";
import type { ImportedAccount, Provider, SignIn, SignInOutcome } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { AccountCache } from "../account-cache.ts";
import { createIdentityFetch } from "../identity-fetch.ts";
import { saveAccount } from "../import.ts";
import { retryStorage } from "../refresh/retry-storage.ts";
import { type Callbacks, createCallbacks } from "./callback.ts";
import {
  createSignInStore,
  type LockedStep,
  type SignInRow,
  type SignInStatus,
  type SignInStore,
  SOON_MS,
  STEP_MS,
  type StepState,
} from "./store.ts";

export interface SignInOptions {
  mode?: string;
  enterpriseDomain?: string;
  /** Whether the request comes from the machine that Kleis runs on. */
  local: boolean;
}

export interface Started {
  state: string;
  url: string;
  userCode?: string;
  method: "device" | "paste";
  /** Epoch ms. */
  expiresAt: number;
  /** Seconds between polls. With `paste`: present if the browser's return may be received on this machine. */
  interval?: number;
  /** What the provider allows, in plain words. */
  notice: string;
}

export type Step =
  | { status: "pending"; retryAfterMs: number }
  | { status: "connected"; account: AccountRecord };

export interface SignInDeps {
  runtime: Runtime;
  providers: readonly Provider[];
  accountCache: Pick<AccountCache, "forget">;
  limits: { readonly cooling: Pick<Cooling, "clear"> };
}

/** Maximum duration of a sign-in, ms; a provider may set a shorter one. */
const LIFETIME_MS = 15 * 60_000;

type SignInProvider = Provider & { signIn: SignIn };

/** A sign-in as it was read from storage. */
interface OpenSignIn {
  readonly provider: SignInProvider;
  readonly row: SignInRow;
  readonly status: SignInStatus;
}

interface StepOptions {
  readonly code: string | undefined;
  readonly onStored: (account: AccountRecord) => void;
}

export class SignInFlow {
  readonly #deps: SignInDeps;
  readonly #store: SignInStore;
  readonly #callbacks: Callbacks;

  /** `onReceived`: an account was stored because the browser came back to this machine. */
  constructor(deps: SignInDeps, onReceived: (account: AccountRecord) => void = () => {}) {
    this.#deps = deps;
    this.#store = createSignInStore(deps.runtime);
    this.#callbacks = createCallbacks(deps.runtime, (signIn, query) =>
      this.complete(signIn.provider, signIn.state, query, onReceived),
    );
  }

  /** Throws `KleisError` for an unknown provider, mode or domain, or when the provider does not respond. */
  async start(providerId: string, options: SignInOptions): Promise<Started> {
    const { runtime, providers } = this.#deps;
    const { clock, config } = runtime;
    const provider = providerOf(providers, providerId);
    const mode = modeOf(provider, options.mode);
    const metadata = aboutOf(provider, options.enterpriseDomain, runtime);
    const state = generateRandomState();
    const identity = createIdentityFetch(runtime, provider, metadata);
    const begun = await provider.signIn.start({ mode, metadata, state, config }, identity);

    const { url, userCode, method, callback } = begun;
    const createdAt = clock.now();
    const expiresAt = createdAt + Math.min(begun.lifetimeMs ?? LIFETIME_MS, LIFETIME_MS);
    const listening =
      options.local &&
      callback !== undefined &&
      (await this.#callbacks.expect({ ...callback, until: expiresAt }, { provider: provider.id, state }));
    const intervalMs = begun.interval === undefined ? null : begun.interval * 1000;
    try {
      await this.#store.insert(
        { state, provider: provider.id, mode, createdAt, expiresAt },
        { method, listening },
        { metadata, secret: begun.secret, intervalMs },
      );
    } catch (error) {
      this.#callbacks.done(state);
      throw error;
    }
    const interval = begun.interval ?? (listening ? SOON_MS / 1000 : undefined);
    return {
      state,
      url,
      method,
      expiresAt,
      notice: provider.terms,
      ...(userCode === undefined ? {} : { userCode }),
      ...(interval === undefined ? {} : { interval }),
    };
  }

  /**
   * Performs one step. A thrown `KleisError` leaves the sign-in open unless its message says that it has ended.
   * `onStored`: this very step has stored the account.
   */
  async complete(
    providerId: string,
    state: string,
    code?: string,
    onStored: (account: AccountRecord) => void = () => {},
  ): Promise<Step> {
    const { runtime, providers } = this.#deps;
    const provider = providerOf(providers, providerId);
    const open = await this.#find(provider, state);
    const settled = await this.#outcomeOf(open);
    if (settled !== null) return settled;
    const isPaste = open.status.method === "paste";
    if (isPaste && code === undefined) {
      if (open.status.listening) return { status: "pending", retryAfterMs: SOON_MS };
      throw invalid(
        "Finish the sign-in in the browser, then send as `code` the whole address it ends at, or the code it shows.",
        "code",
      );
    }
    const locked = await this.#store.lock(state);
    // Another call that has, or had, the lock may have finished by now.
    const finished = await retryStorage(runtime.clock, async () =>
      this.#outcomeOf(await this.#find(provider, state)),
    );
    if (finished !== null) return finished;
    if ("waitMs" in locked) return { status: "pending", retryAfterMs: locked.waitMs };
    const work = this.#takeStep(open, locked.step, { code: isPaste ? code : undefined, onStored });
    // A client that disconnects must not leave a sign-in half done.
    runtime.waitUntil(work.catch(() => {}));
    return work;
  }

  async #find(provider: SignInProvider, state: string): Promise<OpenSignIn> {
    const found = await this.#store.find(state);
    if (found === null) {
      throw invalid(
        "There is no sign-in with this state: it has ended, or is older than 15 minutes. Start again.",
        "state",
      );
    }
    if (found.row.provider !== provider.id) {
      throw invalid(`This state belongs to a sign-in at another provider, ${found.row.provider}.`, "state");
    }
    return { provider, ...found };
  }

  /** The outcome, or null while the sign-in is open. Throws the reason when it ended without an account. */
  async #outcomeOf({ status: { account, ended } }: OpenSignIn): Promise<Step | null> {
    if (ended !== undefined) throw invalid(ended.message, "state");
    if (account === undefined) return null;
    const record = await this.#deps.runtime.storage.accounts.get(account);
    if (record !== null) return { status: "connected", account: record };
    throw invalid("This sign-in has ended, and its account was removed since. Start again.", "state");
  }

  async #takeStep(open: OpenSignIn, step: LockedStep, { code, onStored }: StepOptions): Promise<Step> {
    const { runtime } = this.#deps;
    const { provider, row } = open;
    const { metadata, secret, granted } = step;
    if (granted !== undefined) return this.#connected(open, step, { granted, onStored });
    let outcome: SignInOutcome;
    try {
      const identity = createIdentityFetch(runtime, provider, metadata, { totalMs: STEP_MS });
      const input = { mode: row.mode, metadata, state: row.state, config: runtime.config, secret };
      outcome = await provider.signIn.complete(
        { ...input, ...(code === undefined ? {} : { code }) },
        identity,
      );
    } catch (error) {
      await this.#store.release(row, step);
      throw error;
    }
    switch (outcome.status) {
      case "pending": {
        const { secret, intervalMs } = outcome;
        return {
          status: "pending",
          retryAfterMs: await this.#store.release(row, { ...step, secret, intervalMs }),
        };
      }
      case "failed":
        await this.#store.release(row, { ...step, secret: outcome.secret });
        throw outcome.error;
      case "ended":
        await this.#store.close(row, { ...open.status, ended: { message: outcome.error.message } });
        this.#callbacks.done(row.state);
        throw outcome.error;
      case "connected":
        return this.#connected(open, await this.#store.keep(row, step, outcome.account), {
          granted: outcome.account,
          onStored,
        });
    }
  }

  /** Stores the account. If that fails, the sign-in stays open with the granted tokens. */
  async #connected(
    open: OpenSignIn,
    step: LockedStep,
    { granted, onStored }: { granted: ImportedAccount } & Pick<StepOptions, "onStored">,
  ): Promise<Step> {
    const { runtime, accountCache, limits } = this.#deps;
    const { provider, row, status } = open;
    let account: AccountRecord;
    try {
      ({ account } = await retryStorage(runtime.clock, () => saveAccount(runtime, provider, granted)));
    } catch (error) {
      await this.#store.release(row, step);
      throw error;
    }
    accountCache.forget(account.id);
    // A new credential, or one for another plan, has limits of its own.
    limits.cooling.clear(account.id);
    onStored(account);
    await this.#store.close(row, { ...status, account: account.id });
    this.#callbacks.done(row.state);
    runtime.logger.info("account_connected", { provider: provider.id, account: account.id, mode: row.mode });
    return { status: "connected", account };
  }
}

function providerOf(providers: readonly Provider[], id: string): SignInProvider {
  const able = providers.filter((provider): provider is SignInProvider => provider.signIn !== undefined);
  const found = able.find((provider) => provider.id === id);
  if (found !== undefined) return found;
  throw new KleisError(
    "not_found",
    `There is no sign-in at a provider of this name. Known: ${able.map((provider) => provider.id).join(", ")}.`,
  );
}

function modeOf({ name, signIn: { modes } }: SignInProvider, wanted: string | undefined): string {
  const known = modes.map(({ id }) => id);
  const mode = wanted ?? known[0] ?? "";
  if (known.includes(mode)) return mode;
  throw invalid(`mode: ${name} has no such sign-in. Known: ${known.join(", ")}.`, "mode");
}

function aboutOf(
  { name, signIn }: SignInProvider,
  enterpriseDomain: string | undefined,
  { config }: Runtime,
): StepState["metadata"] {
  if (signIn.initialMetadata !== undefined) return signIn.initialMetadata(enterpriseDomain, config);
  if (enterpriseDomain === undefined) return {};
  throw invalid(`enterprise_domain: ${name} has none. Leave it out.`, "enterprise_domain");
}

function invalid(message: string, param: string): KleisError {
  return new KleisError("invalid_request", message, { param });
}
