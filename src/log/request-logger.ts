/**
 * Logs every request once: the route's pattern, who was let in and how, how it ended. Mounted before every route. Never
 * reads a path, a query, a header or a body: any of them may hold a secret.
 */
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { LogFields, Peer, Runtime } from "../runtime.ts";
import { createRequestLog, type RequestEntry } from "./request-log.ts";

export interface RequestLogger {
  /** The request's id; the response's `x-request-id` where it carries one of Kleis's own. */
  readonly id: string;
  /** Adds fields to the request's log entry. */
  addFields(fields: LogFields): void;
  /** For a handler whose response goes on after it has returned: from here on that handler ends the entry. */
  takeOver(): RequestEntry;
}

const KEY = "requestLogger";

/** Routes that monitors, agents and browsers call all day; logged at `debug` as long as they succeed. */
const QUIET: ReadonlySet<string> = new Set([
  "/",
  "/api/hello",
  "/healthz",
  "/admin/app.js",
  "/admin/app.css",
  "/admin/icon.svg",
]);

/** Ids of Kleis's own, and of providers: anything else in their place in a path is not logged. */
const OWN_ID = /^(acc|key)_[\w-]{1,64}$/;
const PROVIDER_ID = /^[a-z]{1,20}$/;

export function requestLogger(
  { clock, logger }: Pick<Runtime, "clock" | "logger">,
  newRequestId: () => string,
): MiddlewareHandler<{ Bindings: Peer; Variables: { [KEY]: RequestLogger } }> {
  return async (c, next) => {
    const { method } = c.req;
    const route = patternOf(c);
    const id = newRequestId();
    const log = createRequestLog(logger, clock, { id, method, route });
    let isTakenOver = false;
    c.set(KEY, {
      id,
      addFields: (fields) => log.addFields(fields),
      takeOver() {
        isTakenOver = true;
        return log;
      },
    });
    await next();
    if (isTakenOver) return;
    const { status } = c.res;
    const isFine = status < 400;
    log.addFields(namedIn(c));
    log.end(
      { status, outcome: isFine ? "complete" : "refused" },
      isFine && QUIET.has(route) ? "debug" : "info",
    );
  };
}

/** The logger of the current request. */
export function requestLoggerOf(c: Context): RequestLogger {
  const found: RequestLogger | undefined = c.get(KEY);
  if (found === undefined) throw new Error("requestLogger must be mounted before every route");
  return found;
}

/** The pattern of the matched route, or of the widest middleware where none matched. */
function patternOf(c: Context): string {
  const paths = matchedRoutes(c).map(({ path }) => path);
  return paths.find((path) => !path.includes("*")) ?? paths.at(-1) ?? "";
}

/** The stored things that the route's path names. */
function namedIn(c: Context): LogFields {
  const { id, provider } = c.req.param() as Record<string, string | undefined>;
  return {
    ...(id !== undefined && OWN_ID.test(id) ? { on: id } : {}),
    ...(provider !== undefined && PROVIDER_ID.test(provider) ? { provider } : {}),
  };
}
