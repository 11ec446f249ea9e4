/** A fake identity provider: single-use refresh tokens that rotate, and a family that dies when one is used twice. */
export interface Pair {
  readonly login: number;
  readonly order: number;
  readonly refresh: string;
  readonly access: string;
  /** Epoch ms. */
  readonly accessUntil: number;
}

export interface IdentityRules {
  /** Using a spent token ends every token of its login. */
  readonly revokesFamily: boolean;
  /** The access token ends when its refresh token is rotated. */
  readonly endsAccess: boolean;
  readonly lifetimeMs: number;
}

interface Login {
  revoked: boolean;
  newest: Pair;
}

export class Identity {
  readonly #rules: IdentityRules;
  readonly #now: () => number;
  readonly #pairs = new Map<string, Pair>();
  readonly #byAccess = new Map<string, Pair>();
  readonly #spent = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #logins: Login[] = [];
  #issued = 0;

  constructor(rules: IdentityRules, now: () => number) {
    this.#rules = rules;
    this.#now = now;
  }

  /** A sign-in of the owner's; what was issued for earlier ones is of no interest any more. */
  login(): Pair {
    const pair = this.#issue(this.#logins.length);
    this.#logins.push({ revoked: false, newest: pair });
    return pair;
  }

  /** Null: `invalid_grant`. */
  redeem(refresh: string): Pair | null {
    const pair = this.#pairs.get(refresh);
    const login = pair && this.#logins[pair.login];
    if (!pair || !login || login.revoked) return null;
    if (this.#spent.has(refresh)) {
      if (this.#rules.revokesFamily) login.revoked = true;
      return null;
    }
    this.#spent.add(refresh);
    if (this.#rules.endsAccess) this.#ended.add(pair.access);
    login.newest = this.#issue(pair.login);
    return login.newest;
  }

  accepts(access: string): boolean {
    const pair = this.#byAccess.get(access);
    if (!pair || this.#ended.has(access) || this.#logins[pair.login]?.revoked) return false;
    return this.#now() < pair.accessUntil;
  }

  isSpent(refresh: string): boolean {
    return this.#spent.has(refresh);
  }

  /** The newest pair of the owner's last login, and whether it still works. */
  newest(): { pair: Pair; revoked: boolean } {
    const login = this.#logins.at(-1);
    if (login === undefined) throw new Error("nobody has signed in yet");
    return { pair: login.newest, revoked: login.revoked };
  }

  pairOf(refresh: string): Pair | undefined {
    return this.#pairs.get(refresh);
  }

  pairByAccess(access: string): Pair | undefined {
    return this.#byAccess.get(access);
  }

  #issue(login: number): Pair {
    const order = ++this.#issued;
    const accessUntil = this.#now() + this.#rules.lifetimeMs;
    const pair = { login, order, refresh: `refresh-${order}`, access: `access-${order}`, accessUntil };
    this.#pairs.set(pair.refresh, pair);
    this.#byAccess.set(pair.access, pair);
    return pair;
  }
}
