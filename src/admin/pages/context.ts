/** Shared by the routes of the page: their dependencies, running an action, reading forms, and rendering. */
import type { Context } from "hono";
import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Sessions } from "../../auth/session.ts";
import { KleisError } from "../../errors.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { Peer } from "../../runtime.ts";
import type { AdminActions } from "../actions/actions.ts";
import type { Audit } from "../actions/audit.ts";
import type { AdminDeps } from "../context.ts";
import { reportFailure } from "../errors.ts";
import type { Frame } from "../ui/layout.tsx";

export interface PageDeps extends AdminDeps {
  readonly actions: AdminActions;
  readonly sessions: Sessions;
  /** Sends an agent's request through the whole application, in this process, to test a key. */
  sendAsAgent(request: Request, peer: Peer | undefined): Response | Promise<Response>;
}

export type PageEnv = { Bindings: Peer; Variables: { frame: Frame } };
export type PageContext = Context<PageEnv>;

/** How an action ended: its value, or the error as the owner may read it. */
export type Outcome<Value> = { ok: true; value: Value } | { ok: false; error: KleisError };

/** Responds with a page. Without its doctype browsers would use quirks mode. */
export function render(c: PageContext, page: Child, status: ContentfulStatusCode = 200) {
  return c.html(html`<!doctype html>${page}`, status);
}

/**
 * Runs an action for a page. Its log entry names the API call that does the same (`api`, such as `POST /admin/keys`)
 * beside what the action changes.
 */
export async function perform<Value>(
  { runtime, audit }: PageDeps,
  c: PageContext,
  api: string,
  action: (audit: Audit) => Value | Promise<Value>,
): Promise<Outcome<Value>> {
  const { addFields } = requestLoggerOf(c);
  addFields({ api });
  try {
    return { ok: true, value: await action(audit.of(c, "session")) };
  } catch (error) {
    return { ok: false, error: reportFailure(c, runtime.logger, error) };
  }
}

export type Form = Readonly<Record<string, readonly (string | File)[]>>;

/** Everything a form sent, by field. Throws `invalid_request` for a body that is not what its content type says. */
export async function formOf(c: PageContext): Promise<Form> {
  // First, so that only the reading of the form is caught: a body that is too large has its own answer.
  await c.req.arrayBuffer();
  const sent = await c.req.parseBody({ all: true }).catch((cause: unknown) => {
    throw new KleisError("invalid_request", "The form came in a shape that Kleis cannot read.", { cause });
  });
  return Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, [value].flat()]));
}

/** The fields of a form as text; a field that came several times counts once, with its last value. */
export async function fieldsOf(c: PageContext): Promise<Readonly<Record<string, string>>> {
  const fields: Record<string, string> = {};
  for (const [name, values] of Object.entries(await formOf(c))) {
    const last = values.at(-1);
    if (typeof last === "string") fields[name] = last;
  }
  return fields;
}

/** The members that are not empty: forms send every field, the API takes absent ones. */
export function filled(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const present: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value.trim() !== "") present[name] = value.trim();
  }
  return present;
}
