/** Builds the application of what a runtime gives; mounts every route and knows no runtime. */
import { Hono } from "hono";
import { createAccountCache } from "./accounts/account-cache.ts";
import { createCredentials } from "./accounts/credentials.ts";
import { createLastRefusals } from "./accounts/last-refusals.ts";
import { createAdminActions } from "./admin/actions/actions.ts";
import { createAuditLog } from "./admin/actions/audit.ts";
import { createAdminRoutes } from "./admin/api/routes.ts";
import { createAdminPage } from "./admin/pages/router.tsx";
import { hostGuard } from "./auth/host-guard.ts";
import { createSessions, isOwnSession } from "./auth/session.ts";
import { publicPath } from "./base-url.ts";
import { KleisError } from "./errors.ts";
import { canonicalPathOf } from "./http/canonical-path.ts";
import { logUnexpected, protocolOfRequest, respondWithError, toKleisError } from "./http/error-response.ts";
import { createHealthRoutes } from "./http/health.ts";
import { underPublicPath, withoutPublicPath } from "./http/public-path.ts";
import { createRegistryRoutes } from "./http/registry.ts";
import { createClientRoutes } from "./http/routes.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { createKeyUses } from "./keys/last-used.ts";
import { createKeyLookup } from "./keys/lookup.ts";
import { createDecisionLog } from "./limits/decision-log.ts";
import { createLimits } from "./limits/limits.ts";
import { POLICY_SETTING } from "./limits/policy.ts";
import { createRedactor } from "./log/redact.ts";
import { requestLogger, requestLoggerOf } from "./log/request-logger.ts";
import { cacheSetting } from "./models/cached-setting.ts";
import { createModelSource } from "./models/catalogue/source.ts";
import { PROVIDERS } from "./providers/index.ts";
import { createPrefetch } from "./proxy/prefetch.ts";
import { untilShutdown } from "./proxy/until-shutdown.ts";
import type { Peer, Runtime } from "./runtime.ts";
import { sortableId } from "./sortable-id.ts";
import { observeSecrets } from "./storage/secret-observer.ts";
import { watchStore } from "./storage/store-health.ts";
import { createBatchWriter } from "./usage/batch.ts";

export interface App {
  fetch(request: Request, peer?: Peer): Response | Promise<Response>;
  /** What is mounted: the methods and path patterns of handlers and of what stands before them. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  /** Writes what is only in memory yet; for a runtime that is about to end. */
  flush(): Promise<void>;
}

export function createApp(given: Runtime): App {
  const { runtime, redact } = discreet(given);
  const services = createServices(runtime, redact);
  const { providers, accountCache, uses, refusals, limits, models, keys, audit, batches } = services;
  const inside = withoutPublicPath(runtime.config);
  const getPath = canonicalPathOf(new Set(providers.map(({ id }) => id)), inside);
  const app = new Hono({ getPath });
  app.use(requestLogger(runtime, () => sortableId(runtime, "req_")));
  // The client routes do this themselves, each in its protocol.
  for (const path of ["/healthz", "/admin/*", "/models/*", "/v1/models/*", "/:provider/v1/models/*"])
    app.use(path, (_, next) => untilShutdown(runtime, next()));
  app.use(securityHeaders(runtime));
  app.route("/", createHealthRoutes(runtime));
  app.route("/", createClientRoutes(services));
  app.route("/", createRegistryRoutes({ runtime, providers, accountCache, keys, models }));
  mountAdmin(app, services);
  handleErrors(app, runtime);

  return {
    fetch: (request, peer = {}) => app.fetch(request, peer),
    routes: app.routes.map(({ method, path }) => ({ method, path })),
    async flush() {
      await Promise.all([
        batches.flush(),
        audit.flush(),
        uses.flush(),
        refusals.flush(),
        limits.cooling.flush(),
      ]);
    },
  };
}

/** What routes share, made once per process. */
function createServices(runtime: Runtime, redact: (text: string) => string) {
  const health = watchStore(runtime.clock);
  const policies = cacheSetting(runtime, POLICY_SETTING);
  const limits = createLimits(runtime, () => policies.value());
  const accountCache = createAccountCache(runtime, {
    health,
    onLimits: (reading) => limits.cooling.learn(reading),
  });
  const uses = createKeyUses(runtime);
  const refusals = createLastRefusals(runtime, accountCache);
  const providers = PROVIDERS;
  const credentials = createCredentials({ runtime, providers, accountCache });
  const models = createModelSource({ runtime, providers, credentials });
  const prefetch = createPrefetch({ storage: runtime.storage, accountCache, models, policies });
  const keys = createKeyLookup(runtime, prefetch, health);
  const audit = createAuditLog(runtime);
  const batches = createBatchWriter(runtime);
  const decisions = createDecisionLog(runtime, batches, redact);
  return {
    runtime,
    providers,
    accountCache,
    credentials,
    refusals,
    limits,
    policies,
    models,
    keys,
    uses,
    audit,
    batches,
    decisions,
  };
}

type Services = ReturnType<typeof createServices>;

/** Mounts the admin page and the admin API, which share sessions and actions. */
function mountAdmin(app: Hono, services: Services): void {
  const { runtime } = services;
  const prefix = publicPath(runtime.config);
  app.use("/admin/*", hostGuard(runtime));
  if (prefix !== "") app.use("/admin/*", underPublicPath(prefix));
  app.get("/admin/", (c) => c.redirect("/admin", 308));
  const sessions = createSessions(runtime);
  const admin = { ...services, actions: createAdminActions(services) };
  app.route(
    "/admin",
    createAdminPage({
      ...admin,
      sessions,
      sendAsAgent: (request, peer) => app.fetch(request, peer),
    }),
  );
  app.route(
    "/admin",
    createAdminRoutes({
      ...admin,
      session: (request) => isOwnSession(runtime.config, sessions, request),
      freshSession: (request) => sessions.isFresh(request),
    }),
  );
}

/** Responses where no route fits and where one failed, in the protocol of the request. */
function handleErrors(app: Hono, { config, logger }: Runtime): void {
  const prefix = publicPath(config);
  app.notFound((c) => {
    const error = new KleisError(
      "not_found",
      `There is nothing at ${c.req.path.slice(0, 200)}. Agents use POST /v1/chat/completions, /v1/responses or /v1/messages; the admin page is at ${prefix}/admin.`,
    );
    return respondWithError(c, error, protocolOfRequest(c.req.path, c.req.raw.headers));
  });
  app.onError((error, c) => {
    const failure = toKleisError(error);
    logUnexpected(logger, failure, requestLoggerOf(c).id);
    return respondWithError(c, failure, protocolOfRequest(c.req.path, c.req.raw.headers));
  });
}

/** The runtime with a log that hides every secret this process has come to know, and what hides them in other texts. */
function discreet(runtime: Runtime): { runtime: Runtime; redact(text: string): string } {
  const { config, logger, storage } = runtime;
  const redactor = createRedactor();
  for (const secret of [config.ADMIN_TOKEN, ...config.ENCRYPTION_KEY]) redactor.hold(secret);
  const watched = { logger: redactor.wrap(logger), storage: observeSecrets(storage, redactor.hold) };
  return { runtime: { ...runtime, ...watched }, redact: redactor.redact };
}
