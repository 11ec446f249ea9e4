/**
 * The routes that agents call: the three protocols under `/v1` and under each provider's forced prefix. Authenticates the
 * key, calls the pipeline, and gives errors their shape.
 */
import { type Context, Hono } from "hono";
import { requireKey } from "../auth/api-key.ts";
import { baseUrlOf } from "../base-url.ts";
import { KleisError } from "../errors.ts";
import type { KeyUses } from "../keys/last-used.ts";
import type { KeyLookup } from "../keys/lookup.ts";
import type { DecisionInProgress, DecisionLog } from "../limits/decision-log.ts";
import type { RequestLog } from "../log/request-log.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import { type Operation, protocolOf, ROUTE } from "../protocols/protocol.ts";
import { type ConcurrencyLimiter, createConcurrencyLimiter } from "../proxy/concurrency.ts";
import type { ProxyDeps } from "../proxy/context.ts";
import { createMemoryBudget, type MemoryBudget } from "../proxy/memory-budget.ts";
import { proxy } from "../proxy/pipeline.ts";
import { createWorkQueue } from "../proxy/request/work-queue.ts";
import { untilShutdown } from "../proxy/until-shutdown.ts";
import type { KeyRecord } from "../storage/port.ts";
import {
  errorLogFields,
  errorResponse,
  logUnexpected,
  respondWithError,
  toKleisError,
} from "./error-response.ts";
import { createModelRoutes } from "./models.ts";

export interface ClientDeps extends Omit<ProxyDeps, "workQueue"> {
  readonly keys: KeyLookup;
  readonly uses: KeyUses;
  readonly decisions: DecisionLog;
}

const OPERATIONS: readonly Operation[] = ["chat", "responses", "messages", "count_tokens"];

export function createClientRoutes(deps: ClientDeps): Hono {
  const { config, clock, sharesPromises = false } = deps.runtime;
  const limits: Limits = {
    limiter: createConcurrencyLimiter(
      { perKey: config.KLEIS_MAX_STREAMS_PER_KEY, inAll: config.KLEIS_MAX_STREAMS },
      () => clock.now(),
    ),
    memoryBudget: createMemoryBudget({
      perKey: config.KLEIS_MAX_BYTES_IN_FLIGHT_PER_KEY,
      inAll: config.KLEIS_MAX_BYTES_IN_FLIGHT,
    }),
  };
  const proxyDeps = { ...deps, workQueue: createWorkQueue(clock, sharesPromises) };
  const app = new Hono();
  app.route("/v1", routesOf(proxyDeps, limits, undefined));
  for (const { id } of deps.providers) app.route(`/${id}/v1`, routesOf(proxyDeps, limits, id));
  return app;
}

/** Limits that all running requests share. */
interface Limits {
  readonly limiter: ConcurrencyLimiter;
  readonly memoryBudget: MemoryBudget;
}

type RouteDeps = ClientDeps & ProxyDeps;

function routesOf(deps: RouteDeps, limits: Limits, forced: string | undefined): Hono {
  const app = new Hono();
  for (const operation of OPERATIONS) {
    const path = ROUTE[operation];
    app.post(path, (c) => handle(deps, limits, c, operation, forced));
    app.all(path, (c) => refuseMethod(c, operation));
  }
  app.route(
    "/",
    createModelRoutes({
      providers: deps.providers,
      source: deps.models,
      ...(forced === undefined ? {} : { forced }),
      authenticate: async (c) => ({
        key: await keyOf(deps, c.req.raw),
        accounts: await deps.accountCache.list(),
      }),
    }),
  );
  return app;
}

async function handle(
  deps: RouteDeps,
  { limiter, memoryBudget }: Limits,
  c: Context,
  operation: Operation,
  forced: string | undefined,
): Promise<Response> {
  const request = c.req.raw;
  const logger = requestLoggerOf(c);
  const requestId = logger.id;
  const entry = logger.takeOver();
  let release = () => {};
  let decision: DecisionInProgress | null = null;
  const log: RequestLog = {
    addFields: entry.addFields,
    mark: entry.mark,
    end(last) {
      release();
      entry.end(last);
      decision?.end({ ...entry.fields, ...last });
    },
  };
  /** Tells under which id the owner can ask how the request was decided. */
  const named = (response: Response): Response => {
    if (decision !== null) response.headers.set("x-kleis-decision", requestId);
    return response;
  };
  try {
    const key = await keyOf(deps, request);
    const releasePermit = limiter.acquire(key.id);
    const memory = memoryBudget.open(key.id);
    const userAgent = request.headers.get("user-agent") ?? "";
    const begun = deps.decisions.begin({ id: requestId, keyId: key.id, operation, userAgent });
    decision = begun;
    release = () => {
      releasePermit();
      memory.release();
      begun.release();
    };
    // A client that leaves may neither read nor cancel the response.
    request.signal.addEventListener("abort", () => release());
    deps.uses.note(key.id);
    log.addFields({ key: key.id });
    const adminUrl = `${baseUrlOf(deps.runtime.config, request)}/admin`;
    const response = proxy(deps, {
      operation,
      forced,
      request,
      key,
      requestId,
      adminUrl,
      log,
      trace: begun.trace,
      memory,
    });
    return named(await untilShutdown(deps.runtime, response));
  } catch (error) {
    if (request.signal.aborted) {
      log.end({ outcome: "client_left" });
      return new Response(null, { status: 499 });
    }
    const failure = toKleisError(error);
    logUnexpected(deps.runtime.logger, failure, requestId);
    log.end(errorLogFields(failure));
    return named(errorResponse(failure, protocolOf(operation), requestId));
  }
}

/** The request's key. A client with one also reports its version. */
async function keyOf({ keys, models }: RouteDeps, { headers }: Request): Promise<KeyRecord> {
  const key = await requireKey(keys, headers);
  models.noteClient(headers.get("user-agent") ?? "");
  return key;
}

/** A websocket upgrade gets the 426 on which Codex falls back to HTTP at once; other methods get a 405. */
function refuseMethod(c: Context, operation: Operation): Response {
  const upgrade = c.req.header("upgrade")?.toLowerCase() === "websocket";
  const error = upgrade
    ? new KleisError(
        "upgrade_required",
        "Kleis speaks HTTP with event streams here, not websockets. POST to the same address.",
        { headers: { connection: "close" } },
      )
    : new KleisError("method_not_allowed", `Use POST for ${c.req.path}.`, { headers: { allow: "POST" } });
  return respondWithError(c, error, protocolOf(operation));
}
