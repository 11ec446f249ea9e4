/**
 * How requests were decided: the last ones in the memory of a server, and in the store whatever an owner may ask about. What
 * is stored goes with the batches, behind the requests.
 */
import type { LogFields, Runtime } from "../runtime.ts";
import type { DecisionFilter, DecisionRow } from "../storage/port.ts";
import type { BatchWriter } from "../usage/batch.ts";
import { agentOf, decisionRow, isPlainSuccess } from "./record.ts";
import { RequestTrace } from "./trace.ts";

export interface DecisionLog {
  /** A request with an accepted key begins. */
  begin(request: BegunRequest): DecisionInProgress;
  /** Newest first, older than the entry `after`. */
  list(
    filter: DecisionFilter,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ entries: DecisionRow[]; hasAfter: boolean }>;
  /** By Kleis's id or the provider's; null where it is not kept. */
  get(id: string): Promise<DecisionRow | null>;
}

export interface BegunRequest {
  readonly id: string;
  readonly keyId: string;
  readonly operation: string;
  readonly userAgent: string;
}

export interface DecisionInProgress {
  readonly trace: RequestTrace;
  /** The request has ended; only the first call counts. `fields`: everything that its log entry holds. */
  end(fields: LogFields): void;
  /** Nothing runs any more, whether its end was noted or not. */
  release(): void;
}

/** Decisions in the memory of a server. */
const REMEMBERED = 500;
/** One in so many plain successes is stored by a server. */
const SAMPLE = 20;

export function createDecisionLog(
  runtime: Runtime,
  batches: BatchWriter,
  redact: (text: string) => string,
): DecisionLog {
  const { storage, clock, outlivesRequests = false } = runtime;
  /** By id, oldest first. */
  const remembered = new Map<string, DecisionRow>();
  let successes = 0;

  function keep(trace: RequestTrace, row: DecisionRow): void {
    if (outlivesRequests) {
      remembered.set(row.id, row);
      const oldest = remembered.keys().next().value;
      if (remembered.size > REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    }
    const isSampled = !outlivesRequests || !isPlainSuccess(trace, row) || ++successes % SAMPLE === 0;
    if (isSampled) batches.add(row);
  }

  return {
    begin({ id, keyId, operation, userAgent }) {
      const at = clock.now();
      const trace = new RequestTrace();
      const release = batches.begin();
      let hasEnded = false;
      return {
        trace,
        release,
        end(fields) {
          if (!hasEnded) {
            hasEnded = true;
            const facts = { id, at, keyId, operation, agent: agentOf(userAgent), fields };
            keep(trace, decisionRow(trace, facts, redact));
          }
          release();
        },
      };
    },

    async list(filter, page) {
      await batches.flush();
      const stored = await storage.decisions.list(filter, page);
      const known = new Set(stored.entries.map(({ id }) => id));
      const { after } = page;
      const more = [...remembered.values()].filter(
        (row) => !known.has(row.id) && (after === undefined || row.id < after) && passes(row, filter),
      );
      const all = [...stored.entries, ...more].sort((a, b) => (a.id < b.id ? 1 : -1));
      return { entries: all.slice(0, page.limit), hasAfter: stored.hasAfter || all.length > page.limit };
    },

    async get(id) {
      const own = remembered.get(id) ?? [...remembered.values()].findLast((row) => row.upstreamId === id);
      if (own !== undefined) return own;
      await batches.flush();
      return storage.decisions.get(id);
    },
  };
}

function passes(row: DecisionRow, { keyId, accountId, outcome }: DecisionFilter): boolean {
  return (
    (keyId === undefined || row.keyId === keyId) &&
    (accountId === undefined || row.accountId === accountId) &&
    (outcome === undefined || row.outcome === outcome)
  );
}
