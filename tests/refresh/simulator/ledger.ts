/**
 * Watches a simulated run from outside, knows what every isolate did and did not readResponse, and notes what must not happen.
 * The five properties are the ones that promise 1 ("no lost rotation") is made of.
 */
import { EARLY_MS, LEASE_MS } from "../../../src/accounts/refresh/timing.ts";
import type { MemoryRow } from "../../support/memory-storage.ts";
import type { Identity, Pair } from "./identity.ts";

/** What the ledger needs to know of an isolate. */
export interface Party {
  readonly name: string;
  readonly dead: boolean;
  /** Its requests wait for each other's promises. */
  readonly shares: boolean;
}

export interface Attempt {
  readonly party: Party;
  readonly owner: string;
  readonly version: number;
  readonly token: string;
  readonly leasedAt: number;
  intendedAt: number | null;
  committedAt: number | null;
}

/** One refresh token on its way to the provider and back. */
export interface Post {
  readonly party: Party;
  readonly token: string;
  readonly attempt: Attempt;
  /** What the provider issued for it; undefined while it has not arrived, null when nothing. */
  pair: Pair | null | undefined;
  /** Tokens reached its isolate. */
  heard: boolean;
  /** It ended without tokens, as far as its isolate knows. */
  over: boolean;
}

export interface Call {
  readonly party: Party;
  readonly kind: "request" | "manual";
  readonly since: number;
  /** The last moment of the store that it, not another call, was told of. */
  lookedAt?: number;
}

/**
 * What a call is told goes by its own look at the store, which may be older than the last one seen here by as much, ms:
 * than that of the call itself or of what it began in the background; than that of its isolate, where calls share one.
 */
const OWN_SPREAD_MS = 10_000;
const SHARED_SPREAD_MS = 20_000;

export class Ledger {
  readonly violations: string[] = [];
  readonly attempts: Attempt[] = [];
  readonly posts: Post[] = [];
  readonly calls = { answered: 0, refused: 0 };
  /** Access tokens that the provider refused with 401. */
  readonly refused = new Set<string>();
  /** Owner's wishes under way. */
  manual = 0;
  readonly #now: () => number;
  readonly #identity: Identity;
  readonly #row: () => MemoryRow;
  /** The stored tokens over time, newest last. */
  readonly #stored: { at: number; access: string; refresh: string }[] = [];
  readonly #lastLook = new Map<Party, number>();
  readonly #storeFailed = new Map<Party, number>();
  #neededLoginAt = Number.NEGATIVE_INFINITY;
  readonly #skewMs: number;

  constructor(now: () => number, identity: Identity, row: () => MemoryRow, skewMs: number) {
    this.#now = now;
    this.#identity = identity;
    this.#row = row;
    this.#skewMs = skewMs;
  }

  violate(property: 1 | 2 | 3 | 4 | 5, words: string): void {
    this.violations.push(`property ${property}: ${words}`);
  }

  /** After every step of the store. */
  storeChanged(): void {
    const { secrets, record } = this.#row();
    const last = this.#stored.at(-1);
    const [access, refresh] = [secrets.accessToken ?? "", secrets.refreshToken ?? ""];
    if (last?.access !== access || last.refresh !== refresh) {
      this.#stored.push({ at: this.#now(), access, refresh });
    }
    if (record.status === "needs_login") this.#neededLoginAt = this.#now();
  }

  /** The store answered a question of the isolate's, put by this call, with what it held at `at`. */
  looked(party: Party, call: Call | undefined, at: number): void {
    if (call !== undefined) call.lookedAt = Math.max(at, call.lookedAt ?? 0);
    this.#lastLook.set(party, Math.max(at, this.#lastLook.get(party) ?? 0));
  }

  storeFailed(party: Party): void {
    this.#storeFailed.set(party, this.#now());
  }

  leased(party: Party, owner: string, version: number): void {
    if (this.attempts.some((attempt) => attempt.owner === owner)) return;
    const row = this.#row();
    const now = this.#now();
    if (row.leaseUntil - now > LEASE_MS) this.violate(4, "a lease was given for longer than stated");
    const token = row.secrets.refreshToken ?? "";
    this.attempts.push({
      party,
      owner,
      version,
      token,
      leasedAt: now,
      intendedAt: null,
      committedAt: null,
    });
  }

  intended(owner: string): void {
    const attempt = this.attempts.find((each) => each.owner === owner);
    if (attempt) attempt.intendedAt = this.#now();
  }

  committed(owner: string): void {
    const attempt = this.attempts.find((each) => each.owner === owner);
    if (attempt) attempt.committedAt = this.#now();
  }

  /** A token leaves an isolate. */
  posted(party: Party, token: string): Post | null {
    const now = this.#now();
    const attempt = this.attempts.findLast((each) => each.party === party && each.intendedAt !== null);
    if (attempt === undefined) {
      this.violate(5, `${party.name} posted ${token} without lease or intent`);
      return null;
    }
    for (const earlier of this.posts) {
      if (earlier.token === token && earlier.party === party && earlier.heard)
        this.violate(1, `${party.name} posted ${token} again although it has the answer`);
      if (earlier.token !== token || earlier.over || now > earlier.attempt.leasedAt + LEASE_MS) continue;
      this.violate(
        5,
        `${party.name} posted ${token} beside ${earlier.party.name}, whose attempt had not ended`,
      );
    }
    if (!this.#isDue(token)) this.violate(5, `${party.name} posted ${token}, which was not due`);
    const post: Post = { party, token, attempt, pair: undefined, heard: false, over: false };
    this.posts.push(post);
    return post;
  }

  /** A token arrives at the provider. */
  arrived(post: Post): void {
    if (!this.#identity.isSpent(post.token)) return;
    const now = this.#now();
    const winner = this.posts.find((each) => each.token === post.token && each.pair);
    if (winner && !winner.over && !winner.party.dead && now <= winner.attempt.leasedAt + LEASE_MS) {
      this.violate(
        1,
        `${post.party.name} redeemed ${post.token} again while ${winner.party.name} had its answer`,
      );
    }
    const successor = winner?.pair?.refresh;
    const stored = this.#stored.find(({ refresh }) => refresh === successor);
    if (stored && stored.at < (post.attempt.intendedAt ?? 0)) {
      this.violate(1, `${post.party.name} redeemed ${post.token} although its successor was stored`);
    }
  }

  answered(call: Call, token: string): void {
    this.calls.answered++;
    if (this.#identity.pairByAccess(token) === undefined) {
      this.violate(3, `${call.party.name} was given a token that nobody issued`);
    }
  }

  /** A caller got an error, which it may only while nobody's refresh succeeds. */
  failed(call: Call, code: string): void {
    this.calls.refused++;
    const now = this.#now();
    const { party, since } = call;
    const seenAt = this.#seenAt(call);
    const said = `${party.name} got ${code} after ${Math.round(now - since)} ms`;
    if (code === "account_needs_login") {
      // A store that is away leaves an isolate with what it remembers.
      const remembers = (this.#storeFailed.get(party) ?? 0) > since - 5_000;
      if (this.#neededLoginAt < since - 15_000 && !remembers)
        this.violate(3, `${said} from an account that is well`);
      return;
    }
    if (code === "storage_unavailable") {
      if ((this.#storeFailed.get(party) ?? 0) < since) this.violate(3, `${said} although the store answered`);
      return;
    }
    if (code !== "refresh_failed") {
      this.violate(3, said);
      return;
    }
    for (const { leasedAt, committedAt, version, party: holder } of this.attempts) {
      if (committedAt === null) continue;
      // A wish that came upon what that refresh brought, and began another one, is told of that.
      const isNext = (each: Attempt) => each.party === party && each.version > version;
      if (call.kind === "manual" && this.attempts.some((each) => isNext(each) && each.leasedAt > committedAt))
        continue;
      // An owner's wish made after that refresh is another one, and so is the next expiry of a call that was frozen.
      const isRecent = call.kind === "request" && now - committedAt < 1_800_000;
      const wasDone = isRecent && committedAt >= since && committedAt <= seenAt;
      const wasRunning =
        since <= seenAt && leasedAt <= seenAt && seenAt < committedAt && committedAt <= leasedAt + LEASE_MS;
      if (wasDone || wasRunning) this.violate(3, `${said} although ${holder.name} refreshed`);
    }
  }

  /** The provider's 401 reached the client. */
  unauthorized(call: Call, rejected: string): void {
    this.calls.refused++;
    const seenAt = this.#seenAt(call);
    const stored = this.#stored.findLast(({ at }) => at <= seenAt);
    if (seenAt >= call.since && stored && stored.access !== rejected && this.#identity.accepts(stored.access))
      this.violate(3, `${call.party.name} got 401 although a good token was stored`);
  }

  /** When nothing goes wrong any more and nobody is frozen: the newest token is stored, or nobody has it. */
  settled(): void {
    const row = this.#row();
    const { pair } = this.#identity.newest();
    if (row.leaseUntil > this.#now()) this.violate(4, "a lease was left behind");
    if (row.secrets.refreshToken === pair.refresh) return;
    const holder = this.posts.find((post) => post.pair === pair);
    if (holder === undefined) this.violate(2, `${pair.refresh} of the owner's own sign-in is not stored`);
    else if (holder.heard && !holder.party.dead)
      this.violate(2, `${pair.refresh} is not stored although ${holder.party.name} lives and has it`);
  }

  /** After one more request at the very end. */
  ended(succeeded: boolean): void {
    const { record, secrets } = this.#row();
    const { pair, revoked } = this.#identity.newest();
    if (secrets.refreshToken === pair.refresh && !revoked) {
      if (record.status !== "active")
        this.violate(2, `the stored ${pair.refresh} is good, but the account says ${record.status}`);
      if (!succeeded) this.violate(4, "the last request was not answered although the account is well");
    } else if (record.status !== "needs_login" || !record.statusReason) {
      this.violate(2, `${pair.refresh} is lost, but the account says ${record.status}`);
    }
  }

  /** Up to when the call must have known what was stored. */
  #seenAt(call: Call): number {
    const { party, since, lookedAt = since } = call;
    if (!party.shares) return lookedAt - OWN_SPREAD_MS;
    return (this.#lastLook.get(party) ?? since) - SHARED_SPREAD_MS;
  }

  #isDue(token: string): boolean {
    const pair = this.#identity.pairOf(token);
    if (pair === undefined || this.manual > 0) return true;
    if (this.refused.has(pair.access) || !this.#identity.accepts(pair.access)) return true;
    return pair.accessUntil - this.#now() <= EARLY_MS + 2 * this.#skewMs + 1_000;
  }
}
