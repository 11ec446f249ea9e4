/** `/admin/keys`: list, issue, revoke, and show one again on an explicit wish. */
import { Hono } from "hono";
import type * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import type { JsonObject } from "../../json.ts";
import { issueKey } from "../../keys/issue.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { KeyRecord } from "../../storage/port.ts";
import type { AdminDeps } from "../context.ts";
import { notFound } from "./errors.ts";
import { askedPage } from "./paging.ts";
import { keyBody } from "./schemas.ts";

export function createKeyRoutes(deps: AdminDeps): Hono {
  const { runtime, keys, uses } = deps;
  const { storage, clock } = runtime;

  return new Hono()
    .get("/", async (c) => {
      await uses.flush();
      const now = clock.now();
      const { entries, hasAfter } = await askedPage(c, (wish) => storage.keys.list(wish));
      return c.json({ keys: entries.map((key) => keyView(key, now)), has_more: hasAfter });
    })
    .post("/", requireJson, jsonBody(keyBody), async (c) => {
      const body = c.req.valid("json");
      await checkRequest(body, deps);
      const { label, providers, models, accounts, expires_at } = body;
      const issued = await issueKey(runtime, { label, providers, models, accounts, expiresAt: expires_at });
      requestLoggerOf(c).addFields({ on: issued.record.id });
      const view = keyView(issued.record, clock.now());
      return c.json({ ...view, key: issued.key, discovery_token: issued.discoveryToken }, 201);
    })
    .post("/:id/revoke", async (c) => {
      const now = clock.now();
      const key = await storage.keys.revoke(c.req.param("id"), now);
      if (key === null) throw notFound("key");
      keys.forget(key.id);
      return c.json({ key: keyView(key, now) });
    })
    .post("/:id/reveal", async (c) => {
      const id = c.req.param("id");
      const isBySession = c.req.header("authorization") === undefined;
      if (isBySession && !(await deps.freshSession?.(c.req.raw))) throw TOO_LONG_AGO;
      const secrets = await storage.keys.reveal(id);
      if (secrets === null) throw notFound("key");
      return c.json({ id, key: secrets.key, discovery_token: secrets.discoveryToken });
    });
}

const TOO_LONG_AGO = new KleisError(
  "admin_unauthorized",
  "This session was opened too long ago to reveal a key. Log in again (POST /admin/login), or send Authorization: Bearer <ADMIN_TOKEN>.",
);

/** A key as a list shows it: its first characters, never the whole. */
function keyView(key: KeyRecord, now: number): JsonObject {
  return {
    id: key.id,
    label: key.label,
    prefix: key.prefix,
    status: statusOf(key, now),
    providers: key.providers,
    models: key.models,
    accounts: key.accounts,
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

/** Refuses a key that could never answer: past its end, or limited to what does not exist. */
async function checkRequest(body: z.output<typeof keyBody>, deps: AdminDeps): Promise<void> {
  const { expires_at, providers, accounts } = body;
  if (typeof expires_at === "number" && expires_at <= deps.runtime.clock.now()) {
    throw refused("expires_at", "must lie in the future, in epoch milliseconds (not seconds).");
  }
  const known = deps.providers.map(({ id }) => id);
  if (providers?.some((id) => !known.includes(id))) {
    throw refused("providers", `holds an unknown provider. Known: ${known.join(", ")}.`);
  }
  if (!accounts) return;
  const stored = await deps.runtime.storage.accounts.list();
  for (const id of accounts) {
    const account = stored.find((candidate) => candidate.id === id);
    if (account === undefined) {
      throw refused("accounts", "holds an unknown account. List them with GET /admin/accounts.");
    }
    if (providers && !providers.includes(account.provider)) {
      throw refused(
        "accounts",
        `holds ${id}, an account of ${account.provider}, which is not among the providers.`,
      );
    }
  }
}

function refused(param: string, words: string): KleisError {
  return new KleisError("invalid_request", `${param}: ${words}`, { param });
}
