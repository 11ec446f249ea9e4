/**
 * One line in the log for every request: what was asked, as the route's pattern, who was let in and how, how it ended.
 * Stands before every route. Never sees a path, a query, a header or a body: any of them may hold a secret.
 */
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { LogFields, Peer, Runtime } from "../runtime.ts";
import { createRequestLog, type RequestLog } from "./request-log.ts";

export interface RequestLine {
  /** The request's id; the answer's `x-request-id` where it carries one of ours. */
  readonly id: string;
  /** What else there is to say of the request. */
  note(fields: LogFields): void;
  /** For a handler whose answer goes on after it has returned: from here on it is the one to end the line. */
  take(): RequestLog;
}

const LINE = "requestLine";

/** What is asked all day by monitors, agents and browsers, and tells nothing as long as it is answered. */
const QUIET: ReadonlySet<string> = new Set([
  "/",
  "/api/hello",
  "/healthz",
  "/admin/app.js",
  "/admin/app.css",
  "/admin/icon.svg",
]);

/** Ids of ours, and of providers: what else stands in their place in a path is not logged. */
const OWN_ID = /^(acc|key)_[\w-]{1,64}$/;
const PROVIDER_ID = /^[a-z]{1,20}$/;

export function requestLines(
  { clock, logger }: Pick<Runtime, "clock" | "logger">,
  newRequestId: () => string,
): MiddlewareHandler<{ Bindings: Peer; Variables: { [LINE]: RequestLine } }> {
  return async (c, next) => {
    const { method } = c.req;
    const route = patternOf(c);
    const id = newRequestId();
    const log = createRequestLog(logger, clock, { id, method, route });
    const outer = c.env?.note;
    let taken = false;
    c.set(LINE, {
      id,
      note(fields) {
        log.note(fields);
        outer?.(fields);
      },
      take() {
        taken = true;
        return log;
      },
    });
    await next();
    if (taken) return;
    const { status } = c.res;
    const named = namedIn(c);
    if (outer !== undefined) {
      if (method !== "GET") outer({ api: `${method} ${route}`, ...named });
      return;
    }
    const isFine = status < 400;
    log.note(named);
    log.end(
      { status, outcome: isFine ? "complete" : "refused" },
      isFine && QUIET.has(route) ? "debug" : "info",
    );
  };
}

/** The line of the request that is being answered. */
export function lineOf(c: Context): RequestLine {
  const line: RequestLine | undefined = c.get(LINE);
  if (line === undefined) throw new Error("requestLines must stand before every route");
  return line;
}

/** The route that answers, or the widest of those that stand in its place. */
function patternOf(c: Context): string {
  const paths = matchedRoutes(c).map(({ path }) => path);
  return paths.find((path) => !path.includes("*")) ?? paths.at(-1) ?? "";
}

/** What the path names of what is stored, where it is the route's to say. */
function namedIn(c: Context): LogFields {
  const { id, provider } = c.req.param() as Record<string, string | undefined>;
  return {
    ...(id !== undefined && OWN_ID.test(id) ? { on: id } : {}),
    ...(provider !== undefined && PROVIDER_ID.test(provider) ? { provider } : {}),
  };
}
