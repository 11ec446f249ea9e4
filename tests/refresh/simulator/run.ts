/** One simulated run: some isolates, some expiries, some trouble, all drawn from one seed; then calm, and the reckoning. */

import { testKeyOf } from "../../../harness/secrets.ts";
import type { Refreshing } from "../../../src/accounts/refresh/attempt.ts";
import { EARLY_MS } from "../../../src/accounts/refresh/timing.ts";
import { readConfig } from "../../../src/environment.ts";
import type { RefreshResult } from "../../../src/providers/provider.ts";
import { SpentTokenError } from "../../../src/storage/port.ts";
import { createMemoryStorage, type MemoryRow, type MemoryStorage } from "../../support/memory-storage.ts";
import { type Chance, chanceOf } from "./chance.ts";
import { Identity, type Pair } from "./identity.ts";
import { Isolate, type Surroundings, type Trouble } from "./isolate.ts";
import { Ledger } from "./ledger.ts";
import { Timeline } from "./timeline.ts";

export interface Report {
  seed: number;
  violations: string[];
  /** What happened, when it was asked for. */
  trace: string[];
  isolates: number;
  posts: number;
  answered: number;
  refused: number;
  died: number;
  /** True when nothing was made to go wrong. */
  calm: boolean;
  /** True when the sign-in ended although nobody broke a rule: every holder of its newest token was gone. */
  lost: boolean;
}

export interface RunOptions {
  trace?: boolean;
  /** Breaks the store on purpose, to see that it is noticed. */
  sabotage?: (store: MemoryStorage) => MemoryStorage;
}

const ID = "acc_1";
const ORIGIN = "https://identity.example";
const LIFETIME_MS = 3_600_000;
const START = Date.UTC(2026, 10, 22);

const config = (() => {
  const result = readConfig({
    ADMIN_TOKEN: "tH3-0wner_Of.this/place+knows",
    ENCRYPTION_KEY: testKeyOf("seven"),
  });
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result.config;
})();

export async function simulate(seed: number, options: RunOptions = {}): Promise<Report> {
  const chance = chanceOf(seed);
  const timeline = new Timeline(START);
  const now = () => timeline.now;
  const trace: string[] = [];
  const note = options.trace
    ? (words: string) => void trace.push(`${((timeline.now - START) / 1000).toFixed(3)} ${words}`)
    : () => undefined;

  const identity = new Identity(
    { revokesFamily: chance.is(0.6), endsAccess: chance.is(0.3), lifetimeMs: LIFETIME_MS },
    now,
  );
  const plain = createMemoryStorage(now);
  const store = options.sabotage?.(plain) ?? plain;
  const row = (): MemoryRow => {
    const found = plain.rows.get(ID);
    if (found === undefined) throw new Error("the account is gone");
    return found;
  };
  const skewMs = chance.is(0.3) ? 120_000 : 3_000;
  const ledger = new Ledger(now, identity, row, skewMs);
  const trouble = troubleOf(chance);
  let isRestless = chance.is(0.3);
  let isDisturbed = false;
  const isCalm = Object.values(trouble).every((probability) => probability === 0);
  const world: Surroundings = {
    chance,
    timeline,
    store,
    identity,
    ledger,
    provider: chance.is(0.2) ? lookingAround : fakeProvider,
    config,
    trouble,
    note,
    // An owner who signs in again just while a refresh is under way, most of all one that is in vain.
    onPost(token) {
      if (isRestless && chance.is(identity.isSpent(token) ? 0.5 : 0.1)) {
        timeline.after(chance.between(0, 800), () => void signIn(identity.login()));
        isDisturbed = true;
      }
    },
  };

  const save = async (pair: Pair) => {
    await plain.accounts.save({
      id: ID,
      provider: fakeProvider.id,
      kind: "oauth",
      externalId: "owner",
      label: "Owner",
      metadata: {},
      expiresAt: pair.accessUntil,
      accessToken: pair.access,
      refreshToken: pair.refresh,
      idToken: null,
      apiKey: null,
      now: timeline.now,
    });
    ledger.storeChanged();
  };
  /** The owner's own copy of the last sign-in, which nobody renews. */
  let file = identity.login();
  const signIn = (pair: Pair) => {
    note(`the owner signs in: ${pair.refresh}`);
    file = pair;
    return save(pair);
  };
  await save(file);

  const all: Isolate[] = [];
  const addIsolate = () => {
    const isolate = new Isolate(`I${all.length}`, world, chance.between(-skewMs, skewMs));
    all.push(isolate);
    return isolate;
  };
  const size = 2 + Math.floor(49 * chance.next() ** 5);
  const epochs = chance.whole(1, 3);
  for (let epoch = 0; epoch < epochs; epoch++) {
    while (all.filter(({ dead }) => !dead).length < size) addIsolate();
    const expiry = Math.max(row().record.expiresAt ?? 0, timeline.now + EARLY_MS);
    const timeOf = timesOf(chance, expiry);
    const at = (time: number, run: () => void) => timeline.after(time - timeline.now, run);
    const before = ledger.posts.length;
    let lastAt = 0;
    for (const isolate of all.filter(({ dead }) => !dead)) {
      for (let count = chance.whole(1, 3); count > 0; count--) {
        const time = timeOf();
        lastAt = Math.max(lastAt, time);
        at(time, () => void (isolate.dead || isolate.request()));
      }
    }
    isDisturbed = false;
    if (chance.is(0.1)) {
      isDisturbed = true;
      const isolate = all[chance.whole(0, all.length - 1)]!;
      at(timeOf(), () => void (isolate.dead || isolate.manual(ID)));
    }
    if (chance.is(0.1) || (row().record.status === "needs_login" && chance.is(0.7))) {
      isDisturbed = true;
      at(timeOf() + chance.between(-100, 2_000), () => void signIn(identity.login()));
    }
    if (chance.is(0.05)) {
      isDisturbed = true;
      at(timeOf() + chance.between(0, 2_000), () => void bringAgain());
    }
    if (chance.is(0.1)) {
      isDisturbed = true;
      at(timeOf() + chance.between(0, 20_000), () => void bringFile());
    }
    await timeline.runUntil(expiry + 15 * 60_000);
    const posts = ledger.posts.length - before;
    const isNeeded = lastAt > expiry + skewMs;
    if (isCalm && !isDisturbed && (posts > 1 || (isNeeded && posts < 1))) {
      ledger.violate(5, `${posts} refreshes for one expiry, though nothing went wrong`);
    }
  }

  /** Imports once more the very tokens that are stored. */
  async function bringAgain(): Promise<void> {
    const { record, secrets } = row();
    const { accessToken, refreshToken } = secrets;
    note(`the owner brings ${refreshToken} again`);
    await plain.accounts.save({ ...record, ...secrets, accessToken, refreshToken, now: timeline.now });
    ledger.storeChanged();
  }

  /** Imports the owner's copy of the last sign-in once more, which may be older than what is stored. */
  async function bringFile(): Promise<void> {
    note(`the owner brings the file with ${file.refresh}`);
    await save(file).catch((error: unknown) => {
      if (!(error instanceof SpentTokenError)) throw error;
      note("which is older than what is stored");
    });
  }

  // Calm: nothing goes wrong any more, who was frozen goes on.
  isRestless = false;
  Object.assign(trouble, { kill: 0, freeze: 0, store: 0, outage: 0, provider: 0, slow: 0 });
  for (const isolate of all) isolate.thaw();
  note("calm");
  // Those whose events were put off far go on before the reckoning.
  await timeline.runUntil(timeline.now + 3 * LIFETIME_MS);
  ledger.settled();
  let succeeded = false;
  void addIsolate()
    .request()
    .then((answered) => {
      succeeded = answered;
    });
  await timeline.runUntil(timeline.now + 10 * 60_000);
  ledger.ended(succeeded);

  if (isCalm && ledger.calls.refused > 0)
    ledger.violate(3, "a request was refused though nothing went wrong");
  return {
    seed,
    violations: ledger.violations,
    trace,
    isolates: all.length,
    posts: ledger.posts.length,
    answered: ledger.calls.answered,
    refused: ledger.calls.refused,
    died: all.filter(({ dead }) => dead).length,
    calm: isCalm,
    lost: row().record.status === "needs_login",
  };
}

/** Every kind of trouble alone and together; every sixth run has none. */
function troubleOf(chance: Chance): Trouble {
  const kind = chance.whole(0, 5);
  const some = (when: boolean, most: number) => (when ? chance.between(0, most) : 0);
  return {
    kill: some(kind === 1 || kind === 5, 0.03),
    freeze: some(kind === 2 || kind === 5, 0.03),
    store: some(kind === 3 || kind === 5, 0.15),
    outage: some(kind === 3 || kind === 5, 0.01),
    provider: some(kind === 4 || kind === 5, 0.6),
    slow: some(kind !== 0, 0.4),
  };
}

/** When requests come, around an expiry. */
function timesOf(chance: Chance, expiry: number): () => number {
  switch (chance.whole(0, 3)) {
    case 0: // All in the moment of expiry.
      return () => expiry + chance.between(-500, 500);
    case 1: // When it becomes early.
      return () => expiry - EARLY_MS + chance.between(0, 10_000);
    case 2: // Long after, at once.
      return () => expiry + 600_000 + chance.between(0, 50);
    default:
      return () => expiry + chance.between(-EARLY_MS, 300_000);
  }
}

const fakeProvider: Refreshing = {
  id: "fake",
  identityOrigins: () => [ORIGIN],
  async refresh({ refreshToken }, net): Promise<RefreshResult> {
    if (refreshToken === null) return { status: "rejected", reason: "There is no refresh token." };
    const response = await net.fetch(`${ORIGIN}/token`, {
      method: "POST",
      headers: new Headers(),
      body: refreshToken,
    });
    const text = await response.text();
    if (response.status === 400) return { status: "rejected", reason: "The provider refused the token." };
    if (response.status !== 200) {
      const seconds = response.headers.get("retry-after");
      const retry = seconds === null ? {} : { retryAfterMs: Number(seconds) * 1000 };
      return { status: "unavailable", reason: `The provider answered ${response.status}.`, ...retry };
    }
    const [accessToken = "", refresh = null, seconds] = text.split(" ");
    const expiresAt = net.now() + Number(seconds) * 1000;
    return { status: "refreshed", accessToken, refreshToken: refresh, idToken: null, expiresAt };
  },
};

/** Asks for something else before it posts, so that an isolate may freeze in between. */
const lookingAround: Refreshing = {
  ...fakeProvider,
  async refresh(input, net) {
    await net.fetch(`${ORIGIN}/about`, { method: "GET", headers: new Headers() });
    return (await fakeProvider.refresh?.(input, net)) ?? { status: "valid" };
  },
};
