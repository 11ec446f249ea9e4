/** Routes for monitors, agents' probes and a curious browser: no key, no redirect, no database. */
import { Hono } from "hono";
import { createLoginGuard, HEADER_LIMITS, tooManyAttempts } from "../auth/login-guard.ts";
import { publicPath } from "../base-url.ts";
import { KleisError } from "../errors.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import type { Peer, Runtime } from "../runtime.ts";
import { forOwner, storageReason } from "../storage/read-cache.ts";
import { VERSION } from "../version.ts";
import { logUnexpected, respondWithError, toKleisError } from "./error-response.ts";

export function createHealthRoutes(runtime: Runtime): Hono<{ Bindings: Peer }> {
  const guard = createLoginGuard(runtime, HEADER_LIMITS);
  const app = new Hono<{ Bindings: Peer }>();
  const prefix = publicPath(runtime.config);
  const hello = `Kleis ${VERSION} is running. The admin page is at ${prefix}/admin; agents use ${prefix}/v1 with an issued key.\n`;
  app.get("/", (c) => c.text(hello));
  app.get("/api/hello", (c) => c.text(hello));

  app.get("/healthz", async (c) => {
    const alive = { status: "ok", version: VERSION };
    if (c.req.query("deep") === undefined) return c.json(alive, 200, { "cache-control": "no-store" });
    try {
      const token = /^bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
      const outcome = token === "" ? null : await guard(token, c.env?.source);
      if (outcome?.status === "wait") throw tooManyAttempts(outcome.seconds);
      if (outcome?.status !== "right") {
        throw new KleisError(
          "admin_unauthorized",
          "The deep check needs Authorization: Bearer <ADMIN_TOKEN>.",
        );
      }
      requestLoggerOf(c).addFields({ by: "admin token" });
      await runtime.storage.ping(runtime.clock.now());
      return c.json({ ...alive, database: "ok" }, 200, { "cache-control": "no-store" });
    } catch (error) {
      const reason = storageReason(error);
      const failure = toKleisError(error);
      const { id } = requestLoggerOf(c);
      if (reason !== undefined) runtime.logger.error("deep_check_failed", { id, reason });
      logUnexpected(runtime.logger, failure, id);
      return respondWithError(c, forOwner(failure), "chat");
    }
  });
  return app;
}
