/** Signing in, from the start to a stored account: one step per call, each by one caller alone. Knows no provider. */
import { generateRandomState } from "oauth4webapi";
import { KleisError } from "../../errors.ts";
import type { ImportedAccount, Provider, SignIn, SignInOutcome } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { AccountCache } from "../account-cache.ts";
import { createProviderNet } from "../identity-fetch.ts";
import { saveAccount } from "../import.ts";
import { retryStorage } from "../refresh/retry-storage.ts";
import { createCallbacks } from "./callback.ts";
import {
  createSignInRows,
  type SignInRow,
  SOON_MS,
  STEP_MS,
  type Standing,
  type TakenTurn,
  type Turn,
} from "./store.ts";

export interface ConnectStart {
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
  /** Seconds between polls; with `paste` it says that the browser's return may be received here. */
  interval?: number;
  /** What the provider allows, in plain words. */
  notice: string;
}

export type Step =
  | { status: "pending"; retryAfterMs: number }
  | { status: "connected"; account: AccountRecord };

export interface Connect {
  /** Throws `KleisError` in words: an unknown provider, mode or domain, or a provider that gives no answer. */
  start(providerId: string, input: ConnectStart): Promise<Started>;
  /** One step. A thrown `KleisError` leaves the sign-in open unless it says that it is over. */
  complete(providerId: string, state: string, code?: string): Promise<Step>;
}

export interface ConnectDeps {
  runtime: Runtime;
  providers: readonly Provider[];
  accountCache: Pick<AccountCache, "forget">;
}

/** How long a sign-in may take, ms; a provider may say less. */
const LIFETIME_MS = 15 * 60_000;

type SignInProvider = Provider & { signIn: SignIn };

interface Flow {
  readonly provider: SignInProvider;
  readonly row: SignInRow;
  readonly standing: Standing;
}

export function createConnect({ runtime, providers, accountCache }: ConnectDeps): Connect {
  const { storage, clock, config } = runtime;
  const rows = createSignInRows(runtime);
  const callbacks = createCallbacks(runtime, (flow, query) => complete(flow.provider, flow.state, query));

  async function start(providerId: string, input: ConnectStart): Promise<Started> {
    const provider = providerOf(providers, providerId);
    const { signIn } = provider;
    const mode = modeOf(provider, input.mode);
    const metadata = aboutOf(provider, input.enterpriseDomain, runtime);
    const state = generateRandomState();
    const net = createProviderNet(runtime, provider, metadata);
    const begun = await signIn.start({ mode, metadata, state, config }, net);

    const { url, userCode, method, callback } = begun;
    const createdAt = clock.now();
    const expiresAt = createdAt + Math.min(begun.lifetimeMs ?? LIFETIME_MS, LIFETIME_MS);
    const listening =
      input.local &&
      callback !== undefined &&
      (await callbacks.expect({ ...callback, until: expiresAt }, { provider: provider.id, state }));
    const intervalMs = begun.interval === undefined ? null : begun.interval * 1000;
    try {
      await rows.insert(
        { state, provider: provider.id, mode, createdAt, expiresAt },
        { method, listening },
        { metadata, secret: begun.secret, intervalMs },
      );
    } catch (error) {
      callbacks.done(state);
      throw error;
    }
    const interval = begun.interval ?? (listening ? SOON_MS / 1000 : undefined);
    return {
      state,
      url,
      method,
      expiresAt,
      notice: provider.notice,
      ...(userCode === undefined ? {} : { userCode }),
      ...(interval === undefined ? {} : { interval }),
    };
  }

  async function complete(providerId: string, state: string, code?: string): Promise<Step> {
    const provider = providerOf(providers, providerId);
    const flow = await find(provider, state);
    const settled = await outcomeOf(flow);
    if (settled !== null) return settled;
    const isPaste = flow.standing.method === "paste";
    if (isPaste && code === undefined) {
      if (flow.standing.listening) return { status: "pending", retryAfterMs: SOON_MS };
      throw refused(
        "Finish the sign-in in the browser, then send as `code` the whole address it ends at, or the code it shows.",
        "code",
      );
    }
    const taken = await rows.take(state);
    // Whoever has, or had, the turn may have finished by now.
    const finished = await retryStorage(clock, async () => outcomeOf(await find(provider, state)));
    if (finished !== null) return finished;
    if ("waitMs" in taken) return { status: "pending", retryAfterMs: taken.waitMs };
    const work = takeStep(flow, taken.turn, isPaste ? code : undefined);
    // A client that leaves must not leave a sign-in half done.
    runtime.waitUntil(work.catch(() => {}));
    return work;
  }

  async function find(provider: SignInProvider, state: string): Promise<Flow> {
    const found = await rows.find(state);
    if (found === null) {
      throw refused(
        "There is no sign-in with this state: it is over, or older than 15 minutes. Start again.",
        "state",
      );
    }
    if (found.row.provider !== provider.id) {
      throw refused(`This is the state of a sign-in at another provider, ${found.row.provider}.`, "state");
    }
    return { provider, ...found };
  }

  /** What is settled already; null while the sign-in is open. Throws the reason when it is over. */
  async function outcomeOf({ standing: { account, ended } }: Flow): Promise<Step | null> {
    if (ended !== undefined) throw refused(ended.message, "state");
    if (account === undefined) return null;
    const record = await storage.accounts.get(account);
    if (record !== null) return { status: "connected", account: record };
    throw refused("This sign-in is over, and its account has been removed since. Start again.", "state");
  }

  async function takeStep(flow: Flow, turn: TakenTurn, code: string | undefined): Promise<Step> {
    const { provider, row } = flow;
    if (turn.granted !== undefined) return connected(flow, turn, turn.granted);
    let outcome: SignInOutcome;
    try {
      const net = createProviderNet(runtime, provider, turn.metadata, { totalMs: STEP_MS });
      const { metadata, secret } = turn;
      const asked = { mode: row.mode, metadata, state: row.state, config, secret };
      outcome = await provider.signIn.complete({ ...asked, ...(code === undefined ? {} : { code }) }, net);
    } catch (error) {
      await rows.giveBack(row, turn);
      throw error;
    }
    switch (outcome.status) {
      case "pending": {
        const { secret, intervalMs } = outcome;
        return { status: "pending", retryAfterMs: await rows.giveBack(row, { ...turn, secret, intervalMs }) };
      }
      case "failed":
        await rows.giveBack(row, { ...turn, secret: outcome.secret });
        throw outcome.error;
      case "ended":
        await rows.close(row, { ...flow.standing, ended: { message: outcome.error.message } });
        callbacks.done(row.state);
        throw outcome.error;
      case "connected":
        return connected(flow, await rows.keep(row, turn, outcome.account), outcome.account);
    }
  }

  /** Stores the account, or nothing: a sign-in whose account could not be stored goes on, with what it was given. */
  async function connected(flow: Flow, turn: TakenTurn, granted: ImportedAccount): Promise<Step> {
    const { provider, row, standing } = flow;
    let account: AccountRecord;
    try {
      ({ account } = await retryStorage(clock, () => saveAccount(runtime, provider, granted)));
    } catch (error) {
      await rows.giveBack(row, turn);
      throw error;
    }
    accountCache.forget(account.id);
    await rows.close(row, { ...standing, account: account.id });
    callbacks.done(row.state);
    runtime.logger.info("account_connected", { provider: provider.id, account: account.id, mode: row.mode });
    return { status: "connected", account };
  }

  return { start, complete };
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
  const mode = wanted ?? modes[0] ?? "";
  if (modes.includes(mode)) return mode;
  throw refused(`mode: ${name} has no such sign-in. Known: ${modes.join(", ")}.`, "mode");
}

function aboutOf(
  { name, signIn }: SignInProvider,
  enterpriseDomain: string | undefined,
  { config }: Runtime,
): Turn["metadata"] {
  if (signIn.about !== undefined) return signIn.about(enterpriseDomain, config);
  if (enterpriseDomain === undefined) return {};
  throw refused(`enterprise_domain: ${name} has none. Leave it out.`, "enterprise_domain");
}

function refused(message: string, param: string): KleisError {
  return new KleisError("invalid_request", message, { param });
}
