/** The tokens and keys that a fake knows, what each may do and how long; and the one-time codes they are bought with. */
import { createHash, randomBytes } from "node:crypto";

/** `id`: opens nothing here, and is a secret all the same, for it says who its owner is. */
export type TokenKind = "access" | "refresh" | "id" | "api_key";

/** `spent`: a refresh token that was used once; only its rotation makes it so. */
export type TokenState = "live" | "expired" | "revoked" | "spent";

export interface TokenRecord {
  readonly token: string;
  readonly kind: TokenKind;
  /** Whose it is, by the provider's account id. */
  readonly account: string;
  readonly scopes: readonly string[];
  /** Epoch ms; null when it does not end by itself. */
  expiresAt: number | null;
  state: TokenState;
}

export interface TokenBook {
  /** Makes a token known that the fake did not issue itself. */
  add(token: Pick<TokenRecord, "token" | "kind"> & Partial<TokenRecord>): TokenRecord;
  /** The record with its state as of now; undefined for a token never issued. */
  find(token: string): TokenRecord | undefined;
  list(): TokenRecord[];
  revoke(token: string): void;
  expire(token: string): void;
}

export function createTokenBook(now: () => number, account: string): TokenBook {
  const records = new Map<string, TokenRecord>();
  const known = (token: string): TokenRecord => {
    const record = records.get(token);
    if (record === undefined) throw new Error("the fake does not know this token");
    return record;
  };
  const aged = (record: TokenRecord): TokenRecord => {
    if (record.state === "live" && record.expiresAt !== null && record.expiresAt <= now())
      record.state = "expired";
    return record;
  };
  return {
    add(given) {
      const record: TokenRecord = { account, scopes: [], expiresAt: null, state: "live", ...given };
      records.set(record.token, record);
      return record;
    },
    find(token) {
      const record = records.get(token);
      return record === undefined ? undefined : aged(record);
    },
    list: () => [...records.values()].map(aged),
    revoke(token) {
      known(token).state = "revoked";
    },
    expire(token) {
      known(token).state = "expired";
    },
  };
}

/** Unguessable base64url text. */
export function secret(bytes = 24): string {
  return randomBytes(bytes).toString("base64url");
}

/** A JSON web token as it lies in a credential file; its signature is noise, as no caller can check it. */
export function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", typ: "JWT", kid: "fake" })}.${part(claims)}.${secret(64)}`;
}

/** What an authorization code stands for. */
export interface CodeGrant {
  readonly account: string;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly scopes: readonly string[];
}

const CODE_LIFETIME_MS = 10 * 60_000;

/** Authorization codes: single use, ten minutes, bound to a PKCE challenge. */
export class CodeBook {
  readonly #grants = new Map<string, { grant: CodeGrant; until: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  issue(grant: CodeGrant): string {
    const code = `code_${secret()}`;
    this.#grants.set(code, { grant, until: this.#now() + CODE_LIFETIME_MS });
    return code;
  }

  /** Uses the code up; a string names what is wrong with it. */
  redeem(code: string, verifier: string, redirectUri: string): CodeGrant | string {
    const found = this.#grants.get(code);
    this.#grants.delete(code);
    if (found === undefined) return "authorization code unknown or already used";
    if (found.until <= this.#now()) return "authorization code is older than ten minutes";
    if (challengeOf(verifier) !== found.grant.challenge)
      return "code_verifier does not fit the code_challenge";
    if (redirectUri !== found.grant.redirectUri) return "redirect_uri differs from the one authorized";
    return found.grant;
  }
}

/** PKCE S256. */
export function challengeOf(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}

/** What goes wrong at a token endpoint; queued for its next calls, one each. */
export interface TokenTrouble {
  /** Milliseconds before the answer; a rotation has happened by then. */
  delayMs?: number;
  /** Answer with this instead … */
  reply?: { status: number; headers?: Record<string, string>; body?: string | object };
  /** … before anything changes (default), or after the refresh token was rotated. */
  after?: "nothing" | "rotating";
  /** Drop the connection after rotating. */
  drop?: boolean;
  omitRefreshToken?: boolean;
  omitIdToken?: boolean;
  /** Seconds; null leaves the field out. */
  expiresIn?: number | null;
}

/** The troubles ahead of one token endpoint. */
export class TokenScript {
  readonly #queue: TokenTrouble[] = [];
  #standard: TokenTrouble = {};

  script(trouble: TokenTrouble, ...more: TokenTrouble[]): void {
    this.#queue.push(trouble, ...more);
  }

  always(trouble: TokenTrouble): void {
    this.#standard = trouble;
  }

  next(): TokenTrouble {
    return this.#queue.shift() ?? this.#standard;
  }
}
