/** `/admin/accounts`: list, import, choose the primary, refresh, change, remove. */
import { Hono } from "hono";
import { importAccounts } from "../../accounts/import.ts";
import { accountView } from "../../accounts/view.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import { requestLoggerOf } from "../../log/request-logger.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { AdminDeps } from "../context.ts";
import { notFound } from "./errors.ts";
import { askedPage } from "./paging.ts";
import { accountChangeBody, importBody } from "./schemas.ts";

export function createAccountRoutes(deps: AdminDeps): Hono {
  const { runtime, providers, directory, credentials, refusals, models } = deps;
  const { storage, clock } = runtime;

  /** What a change answers: the account as it is now, which this process sees from here on. */
  function changed(account: AccountRecord | null): { account: ReturnType<typeof accountView> } {
    if (account === null) throw notFound("account");
    directory.forget(account.id);
    return { account: accountView(account) };
  }

  return new Hono()
    .get("/", async (c) => {
      await refusals.flush();
      const { entries, hasAfter } = await askedPage(c, (wish) => storage.accounts.page(wish));
      return c.json({ accounts: entries.map(accountView), has_more: hasAfter });
    })
    .post("/import", requireJson, jsonBody(importBody), async (c) => {
      try {
        const { accounts, notes } = await importAccounts(runtime, providers, c.req.valid("json"));
        models.connected(accounts);
        requestLoggerOf(c).addFields({ on: accounts.map(({ id }) => id).join(",") });
        return c.json({ accounts: accounts.map(accountView), ...(notes.length > 0 ? { notes } : {}) }, 201);
      } finally {
        // Also when it broke off: a part of a file may have been stored.
        directory.forget();
      }
    })
    .post("/:id/primary", async (c) =>
      c.json(changed(await storage.accounts.makePrimary(c.req.param("id"), clock.now()))),
    )
    .post("/:id/refresh", async (c) => c.json(changed(await credentials.refresh(c.req.param("id")))))
    .patch("/:id", requireJson, jsonBody(accountChangeBody), async (c) => {
      const { label, enabled } = c.req.valid("json");
      const change = {
        ...(label === undefined ? {} : { label }),
        ...(enabled === undefined ? {} : { enabled }),
      };
      return c.json(changed(await storage.accounts.update(c.req.param("id"), change, clock.now())));
    })
    .delete("/:id", async (c) => {
      const id = c.req.param("id");
      if (!(await storage.accounts.remove(id, clock.now()))) throw notFound("account");
      directory.forget(id);
      return c.json({ id, deleted: true });
    });
}
