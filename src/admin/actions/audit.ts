/** What the owner changes, line by line: stored after the change, behind the response, and never in its way. */
import type { Context } from "hono";
import type { JsonObject } from "../../json.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { Runtime } from "../../runtime.ts";
import { sortableId } from "../../sortable-id.ts";
import type { AuditActor, AuditLine } from "../../storage/port.ts";

export type AuditAction =
  | "account.connect"
  | "account.import"
  | "account.primary"
  | "account.refresh"
  | "account.remove"
  | "account.uncool"
  | "account.update"
  | "check.run"
  | "key.issue"
  | "key.reveal"
  | "key.revoke"
  | "key.test"
  | "key.update"
  | "models.refresh"
  | "models.set"
  | "policy.set"
  | "session.close"
  | "session.open"
  | "signin.start";

export interface AuditEntry {
  readonly action: AuditAction;
  /** The id of what was changed; absent where there is none. */
  readonly target?: string;
  /** What it was changed to. Holds no secret. */
  readonly detail?: JsonObject;
}

/** Notes a change that has been made. Returns at once and never throws. */
export type Audit = (entry: AuditEntry) => void;

export interface AuditLog {
  /** Of a request of the owner; its log entry names the target. */
  of(c: Context, by: AuditActor): Audit;
  /** Of what happens without one. */
  by(actor: AuditActor): Audit;
  /** Writes what is not written yet (before the lines are shown, at shutdown). Never rejects. */
  flush(): Promise<void>;
}

/** Lines that wait for the store, at most; the oldest go first. */
const PENDING_MAX = 1_000;

export function createAuditLog(runtime: Runtime): AuditLog {
  const { storage, clock, logger } = runtime;
  let pending: AuditLine[] = [];

  async function flush(): Promise<void> {
    if (pending.length === 0) return;
    const lines = pending;
    pending = [];
    try {
      await storage.audit.add(lines);
    } catch (error) {
      // Kept for the next write; a line that was written after all is not written twice.
      pending = [...lines, ...pending].slice(-PENDING_MAX);
      logger.warn("audit_not_written", {
        lines: lines.length,
        error: error instanceof Error ? error.name : "unknown",
      });
    }
  }

  function add(by: AuditActor, requestId: string | null, entry: AuditEntry): void {
    const { action, target = null, detail = null } = entry;
    const id = sortableId(runtime, "aud_");
    pending.push({ id, at: clock.now(), by, requestId, action, target, detail });
    runtime.waitUntil(flush());
  }

  return {
    of(c, by) {
      const { id, addFields } = requestLoggerOf(c);
      const targets: string[] = [];
      return (entry) => {
        if (entry.target !== undefined) {
          targets.push(entry.target);
          addFields({ on: targets.join(",") });
        }
        add(by, id, entry);
      };
    },
    by: (actor) => (entry) => add(actor, null, entry),
    flush,
  };
}
