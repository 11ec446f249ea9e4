/** How one request was decided, as it is kept for the owner: at most 2 KB, without body, header, prompt or secret. */
import type { JsonObject } from "../json.ts";
import type { LogFields } from "../runtime.ts";
import type { DecisionRow } from "../storage/port.ts";
import { decide } from "./decide.ts";
import type { Decision, DecisionInputs } from "./decision.ts";
import type { RequestTrace, TracedDecision } from "./trace.ts";

/** Bytes of a record's JSON at most. */
const RECORD_BYTES = 2_048;
/** Characters of a model's id at most; it comes from outside. */
const MODEL_MAX = 100;

/** What is known of a request besides its trace. */
export interface RequestFacts {
  readonly id: string;
  /** When it came, epoch ms. */
  readonly at: number;
  readonly keyId: string;
  readonly operation: string;
  readonly agent: string | null;
  /** Of the request's log entry: `model`, `upstream_model`, `provider`, `outcome`, `code`, `status`, `resent`. */
  readonly fields: LogFields;
}

/** The row of a request that has ended. `redact`: hides what may be a secret in texts that came from outside. */
export function decisionRow(
  trace: RequestTrace,
  facts: RequestFacts,
  redact: (text: string) => string,
): DecisionRow {
  const { fields } = facts;
  const last = trace.attempts.at(-1);
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === "string" ? redact(value).slice(0, MODEL_MAX) : null;
  };
  const record: JsonObject = {
    operation: facts.operation,
    upstream_model: text("upstream_model"),
    session: trace.session,
    status: typeof fields.status === "number" ? fields.status : null,
    code: text("code"),
    repaired: text("resent"),
    attempts: trace.attempts.map(({ accountId, status, class: name, ms, upstreamId }) => ({
      account: accountId,
      status,
      class: name,
      ms,
      upstream_id: upstreamId?.slice(0, 64) ?? null,
    })),
  };
  return {
    id: facts.id,
    upstreamId: last?.upstreamId ?? null,
    at: facts.at,
    keyId: facts.keyId,
    accountId: last?.accountId ?? null,
    provider: text("provider"),
    model: text("model") ?? "",
    outcome: text("outcome") ?? "unknown",
    agent: facts.agent === null ? null : redact(facts.agent),
    record: { ...record, decisions: fitting(trace.decisions, RECORD_BYTES - sizeOf(record)) },
  };
}

/** True for a request that was served by the first account asked, without a limit in sight. */
export function isPlainSuccess(trace: RequestTrace, { outcome, record }: DecisionRow): boolean {
  const [attempt] = trace.attempts;
  const isAsUsual = trace.decisions.every(
    ({ inputs, decision }) =>
      decision.ok &&
      (decision.because === "primary" || decision.because === "newest") &&
      inputs.candidates.every(({ cooling }) => cooling === null),
  );
  const isServedAtOnce = trace.attempts.length === 1 && attempt?.class === null;
  return outcome === "complete" && isServedAtOnce && isAsUsual && record.repaired === null;
}

/** The agent's name as its user-agent begins; null where it has none. */
export function agentOf(userAgent: string): string | null {
  return /^[A-Za-z][\w.-]{0,39}/.exec(userAgent)?.[0] ?? null;
}

/** The decisions with as many candidates as there is room for; those that change nothing go first. */
function fitting(decisions: readonly TracedDecision[], bytes: number): JsonObject[] {
  let kept = [...decisions];
  while (sizeOf(kept.map(viewOf)) > bytes) {
    const shorter = kept.map(withoutOne);
    if (shorter.every((each, at) => each === kept[at])) {
      // What was decided last is what the owner asks for.
      if (kept.length <= 1) return kept.map(({ decision }) => resultOf(decision));
      kept = kept.slice(1);
    } else kept = shorter;
  }
  return kept.map(viewOf);
}

/** Leaves out the last candidate that changes nothing, if there is one. */
function withoutOne(traced: TracedDecision): TracedDecision {
  const { inputs, decision } = traced;
  for (let at = inputs.candidates.length - 1; at >= 0; at--) {
    const fewer = { ...inputs, candidates: inputs.candidates.toSpliced(at, 1) };
    if (sameResult(decide(fewer), decision)) return { inputs: fewer, decision };
  }
  return traced;
}

function sameResult(one: Decision, other: Decision): boolean {
  return JSON.stringify(resultOf(one)) === JSON.stringify(resultOf(other));
}

/** What a decision came to, apart from its reasons, which follow from the inputs. */
export function resultOf(decision: Decision): JsonObject {
  const { ok, accountId } = decision;
  return decision.ok
    ? { ok, account: accountId, because: decision.because, probe: decision.isProbe }
    : { ok, account: accountId, code: decision.code, resets_at: decision.resetsAt };
}

/** A decision as it is stored and shown. */
export function viewOf({ inputs, decision }: TracedDecision): JsonObject {
  return { ...resultOf(decision), inputs: inputsOf(inputs) };
}

function inputsOf({ candidates, policy, ...inputs }: DecisionInputs): JsonObject {
  return {
    ...inputs,
    tried: [...inputs.tried],
    policy: { ...policy },
    candidates: candidates.map((each) => ({
      ...each,
      cooling: each.cooling === null ? null : { ...each.cooling },
    })),
  };
}

const encoder = new TextEncoder();

function sizeOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length;
}
