/** What the routes of the JSON API work with. */
import type { AdminActions } from "../actions/actions.ts";
import type { AdminDeps } from "../context.ts";

export interface ApiDeps extends AdminDeps {
  actions: AdminActions;
  /** Whether a request without `ADMIN_TOKEN` belongs to a session of the admin page. */
  session?: (request: Request) => boolean | Promise<boolean>;
  /** Whether that session was opened recently enough to reveal a key. */
  freshSession?: (request: Request) => boolean | Promise<boolean>;
}
