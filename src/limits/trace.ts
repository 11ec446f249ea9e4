/** What happened to one request: the choices of an account with their inputs, and what each account's provider said. */
import type { LimitClass } from "../providers/limit.ts";
import { compactInputs } from "./decide.ts";
import type { Decision, DecisionInputs } from "./decision.ts";

export interface TracedDecision {
  /** As they are stored: `decide(inputs)` gives the same account or refusal. */
  readonly inputs: DecisionInputs;
  readonly decision: Decision;
}

export interface TracedAttempt {
  readonly accountId: string;
  /** Null where the provider did not respond. */
  status: number | null;
  /** Null where it did not refuse. */
  class: LimitClass | null;
  /** Until its headers came, ms. */
  ms: number;
  /** The provider's id of the request. */
  upstreamId: string | null;
}

export class RequestTrace {
  /** 8 hex digits of the session's hash; null where the request names no session. */
  session: string | null = null;
  readonly decisions: TracedDecision[] = [];
  readonly attempts: TracedAttempt[] = [];

  decided(inputs: DecisionInputs, decision: Decision): void {
    this.decisions.push({ inputs: compactInputs(inputs), decision });
  }

  /** Begins an attempt with an account; its members are filled in as they become known. */
  attempt(accountId: string): TracedAttempt {
    const attempt: TracedAttempt = { accountId, status: null, class: null, ms: 0, upstreamId: null };
    this.attempts.push(attempt);
    return attempt;
  }
}
