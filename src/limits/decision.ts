/**
 * The inputs and the result of the choice of an account. Inputs are plain JSON: they are stored with the decision, and
 * `decide(inputs)` gives the same result whenever it is called with them.
 */
import type { CoolingClass } from "../providers/limit.ts";
import type { RequestPolicy } from "./policy.ts";

/** Rises whenever the same inputs may lead to another choice. */
export const DECIDE_VERSION = 1;

export interface DecisionInputs {
  readonly version: number;
  /** Epoch ms. */
  readonly now: number;
  /** The provider's id. */
  readonly provider: string;
  /** The model's id as the provider spells it. */
  readonly model: string;
  readonly policy: RequestPolicy;
  /** The account that serves the session since it moved; null where it did not move. */
  readonly bound: string | null;
  /** Accounts that this request was sent with already. */
  readonly tried: readonly string[];
  /**
   * Accounts of the provider in the order of preference; further ones may be left out once they cannot change the result.
   */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly accountId: string;
  readonly isPrimary: boolean;
  /** The owner's order of those that take over, lowest first; null comes after every number. */
  readonly rank: number | null;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Each request costs money, as with an API key. */
  readonly isPaidPerUse: boolean;
  /** Why it cannot serve this request whatever its limits are; null where it can. */
  readonly unusable: Unusable | null;
  /** The limit that keeps it from this request for the longest time; null where there is none. */
  readonly cooling: CandidateCooling | null;
}

/** `out_of_scope`: the key may not use it. `cannot_serve`: it does not serve this model or protocol. */
export type Unusable = "disabled" | "out_of_scope" | "cannot_serve" | "needs_login";

export interface CandidateCooling {
  readonly scope: string;
  readonly class: CoolingClass;
  readonly code: string;
  /** Epoch ms. */
  readonly until: number;
  readonly isStated: boolean;
  /**
   * `active`: before its end. `probing`: after its end, while another request of this process finds out whether it holds
   * still. `over`: after its end; this request may find out.
   */
  readonly phase: CoolingPhase;
}

export type CoolingPhase = "active" | "probing" | "over";

/** Why an account was not chosen. */
export type Exclusion = Unusable | "tried" | "spending_not_allowed" | "failover_off" | "blocked" | "cooling";

/** The result for an account that could be used. */
export type Outcome = "chosen" | "not_needed";

export interface Reason {
  readonly accountId: string;
  readonly reason: Exclusion | Outcome;
}

export type RefusalCode =
  | "provider_not_configured"
  | "key_scope"
  | "protocol_not_supported"
  | "account_needs_login"
  | "account_blocked"
  | "accounts_exhausted";

export type Decision = ChosenAccount | RefusedRequest;

export interface ChosenAccount {
  readonly ok: true;
  readonly accountId: string;
  /** Why it was preferred. */
  readonly because: "bound" | "primary" | "newest" | "failover";
  /** True where this request finds out whether a limit that has ended holds still. */
  readonly isProbe: boolean;
  /** In order of preference. */
  readonly reasons: readonly Reason[];
}

export interface RefusedRequest {
  readonly ok: false;
  readonly code: RefusalCode;
  /** The account that the code is about; null where there is none. */
  readonly accountId: string | null;
  /** When the first of the limits ends, epoch ms; null unless the accounts are exhausted. */
  readonly resetsAt: number | null;
  readonly reasons: readonly Reason[];
}
