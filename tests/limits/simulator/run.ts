/**
 * One simulated hour: isolates with wrong clocks that serve requests from what they know, and the properties that hold for
 * each of their decisions. What they know and how they decide is Kleis's own; only the sending is played.
 */
import { type Cooling, createCooling } from "../../../src/limits/cooling.ts";
import { compactInputs, decide } from "../../../src/limits/decide.ts";
import type { Candidate, Decision, DecisionInputs } from "../../../src/limits/decision.ts";
import { createSessions, type Sessions } from "../../../src/limits/sessions.ts";
import type { LimitClass } from "../../../src/providers/limit.ts";
import { accountsExhausted } from "../../../src/proxy/limit-errors.ts";
import { type Chance, chanceOf } from "../../refresh/simulator/chance.ts";
import { Timeline } from "../../refresh/simulator/timeline.ts";
import {
  accountsOf,
  exhaustedAt,
  MINUTE,
  type SimulatedAccount,
  SimulatedStore,
  verdictOn,
} from "./world.ts";

/** What is known of the shared limits is at most this old, ms: it is read again after 8 s, and at most 10 s later. */
const KNOWN_WITHIN_MS = 10_000;
const FRESH_MS = 8_000;
const POLL_MS = 15 * MINUTE;
/** Rounding, slack after an end, and what clocks may differ by without anybody noticing, ms. */
const TOLERANCE_MS = 12_000;

/** The rules, each of which a sabotaged run leaves out. */
export interface Rules {
  cooling(real: Cooling): Cooling;
  sessions(real: Sessions): Sessions;
  decide(inputs: DecisionInputs): Decision;
  hops: number;
  error: typeof accountsExhausted;
}

export const RULES: Rules = {
  cooling: (real) => real,
  sessions: (real) => real,
  decide,
  hops: 1,
  error: accountsExhausted,
};

export interface Report {
  readonly violations: string[];
  readonly isolates: number;
  requests: number;
  hops: number;
  /** Refused without a call. */
  refused: number;
  limited: number;
}

export async function simulate(seed: number, change: Partial<Rules> = {}): Promise<Report> {
  const run = new Run(chanceOf(seed), { ...RULES, ...change });
  return run.play();
}

/** A stated end that some isolate has learned. */
interface Learned {
  readonly by: number;
  readonly until: number;
}

const START = Date.UTC(2026, 10, 22);

class Run {
  readonly chance: Chance;
  readonly rules: Rules;
  readonly timeline = new Timeline(START);
  readonly report: Report;
  readonly failover: boolean;
  readonly accounts: readonly SimulatedAccount[];
  readonly store: SimulatedStore;
  /** By account: the last stated end that was learned, and when the account was last declared free. */
  readonly learned = new Map<string, Learned[]>();
  readonly freed = new Map<string, number>();
  readonly #isolates: Isolate[];

  constructor(chance: Chance, rules: Rules) {
    this.chance = chance;
    this.rules = rules;
    const count = chance.is(0.7) ? chance.whole(1, 4) : chance.whole(5, 50);
    this.failover = chance.is(0.6);
    this.accounts = accountsOf(chance, START, chance.whole(1, 4));
    this.store = new SimulatedStore(this.timeline, chance);
    this.report = { violations: [], isolates: count, requests: 0, hops: 0, refused: 0, limited: 0 };
    this.#isolates = Array.from({ length: count }, (_, at) => new Isolate(this, at));
  }

  async play(): Promise<Report> {
    const { chance, timeline } = this;
    let at = 0;
    for (let n = chance.whole(6, 16); n > 0; n--) {
      at += chance.is(0.6) ? chance.between(0, 3_000) : chance.between(0, 8 * MINUTE);
      const session = chance.is(0.5) ? chance.whole(0, 3) : null;
      const isolate =
        this.#isolates[
          session === null ? chance.whole(0, this.#isolates.length - 1) : session % this.#isolates.length
        ];
      timeline.after(at, () => void isolate?.serve(session));
    }
    await timeline.runUntil(START + at + 2 * MINUTE);
    return this.report;
  }

  violated(property: string, what: string): void {
    this.report.violations.push(`${property}: ${what} at ${(this.timeline.now - START) / 1000} s`);
  }

  /** Under a stated limit the provider is asked every 15 minutes whether it holds still. */
  pollLater(account: SimulatedAccount, isolate: Isolate): void {
    this.timeline.after(POLL_MS, () => {
      if (isolate.cooling.of(account.id, "m")?.phase !== "active") return;
      if (exhaustedAt(account, this.timeline.now) !== null) return this.pollLater(account, isolate);
      this.freed.set(account.id, this.timeline.now);
      isolate.cooling.clear(account.id);
    });
  }
}

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

class Isolate {
  readonly cooling: Cooling;
  readonly #run: Run;
  readonly #at: number;
  readonly #skew: number;
  readonly #sessions: Sessions;
  readonly #last = new Map<number, { readonly accountId: string; readonly at: number }>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(run: Run, at: number) {
    const { chance, timeline } = run;
    this.#run = run;
    this.#at = at;
    this.#skew = chance.is(0.5) ? 0 : Math.round(chance.between(-5 * MINUTE, 5 * MINUTE));
    const clock = {
      now: () => timeline.now + this.#skew,
      sleep: (ms: number) => new Promise<void>((resolve) => timeline.after(ms, resolve)),
    };
    const storage = { limits: run.store.portOf() };
    this.cooling = run.rules.cooling(createCooling({ clock, logger: QUIET, waitUntil: () => {}, storage }));
    this.#sessions = run.rules.sessions(createSessions(clock));
  }

  async serve(session: number | null): Promise<void> {
    const { report, timeline, rules } = this.#run;
    report.requests++;
    await this.#read();
    const key = session === null ? null : String(session);
    const tried: string[] = [];
    const classes: LimitClass[] = [];
    for (;;) {
      const decision = this.#decide(this.#sessions.boundTo(key), tried);
      if (!decision.ok) return this.#refused(decision, tried);
      const account = this.#run.accounts.find(({ id }) => id === decision.accountId)!;
      this.#checkSend(account);
      if (tried.length === 0) this.#checkMove(session, account.id);
      const probe = decision.isProbe ? this.cooling.probe(account.id, "m") : null;
      const since = timeline.now + this.#skew;
      await new Promise<void>((resolve) => timeline.after(this.#run.chance.between(20, 400), resolve));
      tried.push(account.id);
      const name = this.#answer(account);
      probe?.end(name === null);
      if (name === null) {
        this.cooling.succeeded(account.id, "m", since);
        if (session !== null) this.#last.set(session, { accountId: account.id, at: timeline.now });
        this.#sessions.served(key, account.id, account.id !== this.#run.accounts[0]?.id);
        return this.#checkSends(tried);
      }
      classes.push(name);
      const goesOn = name === "window" && this.#run.failover && tried.length <= rules.hops;
      if (!goesOn) {
        if (name === "window") this.#checkLimited(tried);
        return this.#checkSends(tried);
      }
      report.hops++;
    }
  }

  /** The limits come along with the accounts, which are read again when they are old. */
  async #read(): Promise<void> {
    const { timeline, store } = this.#run;
    if (timeline.now - this.#readAt < FRESH_MS) return;
    const began = timeline.now;
    try {
      this.cooling.learn(await store.portOf().read());
      this.#readAt = began;
    } catch {
      // A store that is away forgets nothing.
    }
  }

  #decide(bound: string | null, tried: readonly string[]): Decision {
    const { accounts, failover, rules, timeline } = this.#run;
    const candidates = accounts.map(
      ({ id }, at): Candidate => ({
        accountId: id,
        isPrimary: at === 0,
        rank: null,
        createdAt: -at,
        isPaidPerUse: false,
        unusable: null,
        cooling: this.cooling.of(id, "m"),
      }),
    );
    const inputs: DecisionInputs = {
      version: 1,
      now: timeline.now + this.#skew,
      provider: "p",
      model: "m",
      policy: { failover: failover ? "own_accounts" : "off", maySpend: false },
      bound,
      tried: [...tried],
      candidates,
    };
    const decision = rules.decide(inputs);
    const again = rules.decide(JSON.parse(JSON.stringify(compactInputs(inputs))) as DecisionInputs);
    if (again.ok !== decision.ok || again.accountId !== decision.accountId)
      this.#run.violated("P11", "a decision does not replay");
    return decision;
  }

  /** What the provider says: null for a success. Learns from a refusal. */
  #answer(account: SimulatedAccount): LimitClass | null {
    const { chance, timeline, learned, report } = this.#run;
    const exhaustion = exhaustedAt(account, timeline.now);
    if (exhaustion === null) {
      if (!chance.is(0.15)) return null;
      const name = (["content", "burst", "overload", "edge"] as const)[chance.whole(0, 3)] ?? "content";
      const before = JSON.stringify(this.cooling.rows());
      const verdict = {
        class: name,
        scope: "*",
        untilMs: timeline.now + this.#skew + MINUTE,
        isStated: true,
        code: name,
      };
      this.cooling.refused(account.id, verdict, null);
      if (JSON.stringify(this.cooling.rows()) !== before) this.#run.violated("P4", `${name} cools`);
      return name;
    }
    report.limited++;
    const verdict = verdictOn(exhaustion, timeline.now, this.#skew);
    this.cooling.refused(account.id, verdict, null);
    if (verdict.isStated) {
      const known = learned.get(account.id) ?? [];
      learned.set(account.id, [...known, { by: this.#at, until: exhaustion.planned }]);
      this.#run.pollLater(account, this);
    }
    return "window";
  }

  /** P1: nothing is sent to an account whose stated end is ahead, once this isolate can know. */
  #checkSend(account: SimulatedAccount): void {
    const { learned, freed, store, timeline } = this.#run;
    const { now } = timeline;
    if (freed.has(account.id)) return;
    for (const { by, until } of learned.get(account.id) ?? []) {
      if (until <= now + 5_000) continue;
      const written = store.writtenAt(account.id, until);
      const isKnown = by === this.#at || (now > written + KNOWN_WITHIN_MS && this.#readAt > written);
      if (isKnown)
        this.#run.violated("P1", `sent to ${account.id}, stated until ${(until - now) / 1000} s ahead`);
    }
  }

  /** P2: first and one hop. */
  #checkSends(tried: readonly string[]): void {
    if (tried.length > 2) this.#run.violated("P2", `${tried.length} sends`);
  }

  /** P5: with failover no limit reaches the client while an account could serve. */
  #checkLimited(tried: readonly string[]): void {
    const { accounts, failover, timeline } = this.#run;
    if (!failover || tried.length > 1) return;
    const free = accounts.find(
      (each) =>
        !tried.includes(each.id) &&
        exhaustedAt(each, timeline.now) === null &&
        this.cooling.of(each.id, "m") === null,
    );
    if (free !== undefined) this.#run.violated("P5", `a limit reached the client while ${free.id} was free`);
  }

  /** P6 and P7: what is refused without a call, and for how long. */
  #refused(decision: Extract<Decision, { ok: false }>, tried: readonly string[]): void {
    const { accounts, failover, rules, report, store, timeline } = this.#run;
    if (tried.length > 0) {
      this.#checkLimited(tried);
      return;
    }
    report.refused++;
    const { now } = timeline;
    const usable = failover ? accounts : accounts.slice(0, 1);
    const limit = this.cooling.rowOf(decision.accountId ?? "", "m");
    const resetsAt = decision.resetsAt;
    const error = rules.error(
      { account: undefined, limit, now: now + this.#skew, resetsAt, operation: "responses" },
      "P",
      "u",
    );
    if (error.status !== 429) this.#run.violated("P6", `status ${error.status}`);
    if (Number(error.headers["retry-after"] ?? 0) > 60)
      this.#run.violated("P6", "a wait of more than a minute");
    const ends = usable.flatMap(({ id }) => (this.#run.learned.get(id) ?? []).map(({ until }) => until));
    const isStatedEnd = ends.some(
      (end) => resetsAt !== null && Math.abs(end - (resetsAt - this.#skew)) <= TOLERANCE_MS,
    );
    if (!isStatedEnd) this.#run.violated("P6", `an end that no provider stated: ${resetsAt}`);
    // Trouble with the store delays what others learn.
    if (store.outage.until > store.outage.from) return;
    for (const account of usable) {
      const stated = (this.#run.learned.get(account.id) ?? []).map(({ until }) => until);
      const isOver =
        stated.every((until) => until + TOLERANCE_MS < now) && exhaustedAt(account, now) === null;
      if (isOver) this.#run.violated("P7", `${account.id} is refused after its end`);
    }
  }

  /** P8: a session leaves an account only because it is limited. */
  #checkMove(session: number | null, accountId: string): void {
    const last = session === null ? undefined : this.#last.get(session);
    // Forgotten after an hour.
    if (last === undefined || this.#run.timeline.now - last.at >= 60 * MINUTE) return;
    if (last.accountId === accountId || this.cooling.of(last.accountId, "m") !== null) return;
    this.#run.violated("P8", `a session left ${last.accountId} without need`);
  }
}
