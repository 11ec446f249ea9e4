/** `/admin/keys`: list, issue, revoke, reveal. */
import { Hono } from "hono";
import { KleisError } from "../../errors.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import type { JsonObject } from "../../json.ts";
import type { KeyRecord } from "../../storage/port.ts";
import { type ApiDeps, auditOf } from "./context.ts";
import { requestedPage } from "./paging.ts";
import { keyBody, keyChangeBody } from "./schemas.ts";

export function createKeyRoutes({ runtime, uses, audit, actions: { keys }, freshSession }: ApiDeps): Hono {
  const { storage, clock } = runtime;

  return new Hono()
    .get("/", async (c) => {
      await uses.flush();
      const now = clock.now();
      const { entries, hasAfter } = await requestedPage(c, (page) => storage.keys.list(page));
      return c.json({ keys: entries.map((key) => keyView(key, now)), has_more: hasAfter });
    })
    .post("/", requireJson, jsonBody(keyBody), async (c) => {
      const issued = await keys.issue(c.req.valid("json"), auditOf(audit, c));
      const view = keyView(issued.record, clock.now());
      return c.json({ ...view, key: issued.key, discovery_token: issued.discoveryToken }, 201);
    })
    .patch("/:id", requireJson, jsonBody(keyChangeBody), async (c) => {
      const key = await keys.update(c.req.param("id"), c.req.valid("json"), auditOf(audit, c));
      return c.json({ key: keyView(key, clock.now()) });
    })
    .post("/:id/revoke", async (c) => {
      const key = await keys.revoke(c.req.param("id"), auditOf(audit, c));
      return c.json({ key: keyView(key, clock.now()) });
    })
    .post("/:id/reveal", async (c) => {
      const id = c.req.param("id");
      const isBySession = c.req.header("authorization") === undefined;
      if (isBySession && !(await freshSession?.(c.req.raw))) throw SESSION_TOO_OLD;
      const { key, discoveryToken } = await keys.reveal(id, auditOf(audit, c));
      return c.json({ id, key, discovery_token: discoveryToken });
    });
}

const SESSION_TOO_OLD = new KleisError(
  "admin_unauthorized",
  "This session was opened too long ago to reveal a key. Log in again (POST /admin/login), or send Authorization: Bearer <ADMIN_TOKEN>.",
);

/** A key for a list: its first characters, never the whole key. */
function keyView(key: KeyRecord, now: number): JsonObject {
  return {
    id: key.id,
    label: key.label,
    prefix: key.prefix,
    status: statusOf(key, now),
    providers: key.providers,
    models: key.models,
    accounts: key.accounts,
    failover: key.failover,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt,
  };
}

function statusOf(key: KeyRecord, now: number): "active" | "expired" | "revoked" | "damaged" {
  if (key.revokedAt !== null) return "revoked";
  if (key.damaged !== undefined) return "damaged";
  return key.expiresAt !== null && key.expiresAt <= now ? "expired" : "active";
}
