/** What the routes of the JSON API work with. */
import type { Context } from "hono";
import type { AdminActions } from "../actions/actions.ts";
import type { Audit, AuditLog } from "../actions/audit.ts";
import type { AdminDeps } from "../context.ts";

/** The audit of a call: the token where one came along, otherwise the session (`auth/require-admin.ts`). */
export function auditOf(audit: AuditLog, c: Context): Audit {
  return audit.of(c, c.req.header("authorization") === undefined ? "session" : "admin token");
}

export interface ApiDeps extends AdminDeps {
  actions: AdminActions;
  /** Whether a request without `ADMIN_TOKEN` belongs to a session of the admin page. */
  session?: (request: Request) => boolean | Promise<boolean>;
  /** Whether that session was opened recently enough to reveal a key. */
  freshSession?: (request: Request) => boolean | Promise<boolean>;
}
