/** What the routes of the page share: what they work with, how they ask the admin API, and how they answer. */
import type { Context } from "hono";
import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Sessions } from "../../auth/session.ts";
import { KleisError } from "../../errors.ts";
import { isObject, type JsonObject, parseJson, text } from "../../json.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { Peer } from "../../runtime.ts";
import type { AdminDeps } from "../context.ts";
import type { Frame } from "../ui/layout.tsx";

export interface PageDeps extends Omit<AdminDeps, "session" | "freshSession"> {
  readonly sessions: Sessions;
  /** The whole application, in this process: the page asks the admin API and tries keys as anybody else would. */
  call(request: Request, peer: Peer | undefined): Response | Promise<Response>;
}

export type PageEnv = { Bindings: Peer; Variables: { frame: Frame } };
export type PageContext = Context<PageEnv>;

export type ApiAnswer =
  | { ok: true; json: JsonObject }
  /** `param` names the field that is wrong, where one is. */
  | { ok: false; status: number; code: string; message: string; param: string | undefined };

/** Answers with a page. Without its doctype browsers would draw it by the rules of the nineties. */
export function render(c: PageContext, page: Child, status: ContentfulStatusCode = 200) {
  return c.html(html`<!doctype html>${page}`, status);
}

/** Asks the admin API, so that a form and a program are judged by the same rules. */
export async function askApi(
  { runtime, call }: PageDeps,
  c: PageContext,
  method: string,
  path: string,
  body?: JsonObject,
): Promise<ApiAnswer> {
  const request = new Request(new URL(`/admin${path}`, c.req.url), {
    method,
    headers: {
      authorization: `Bearer ${runtime.config.ADMIN_TOKEN}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await call(request, { ...c.env, note: requestLoggerOf(c).addFields });
  const json = parseJson(await response.text());
  if (response.ok && isObject(json)) return { ok: true, json };
  const error = isObject(json) && isObject(json.error) ? json.error : {};
  return {
    ok: false,
    status: response.status,
    code: text(error.code) ?? "internal_error",
    message: text(error.message) ?? "Something went wrong inside Kleis. Its log says what.",
    param: text(error.param),
  };
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
