/** `/admin/accounts`: list, import, choose the primary, refresh, use again, update, remove. */
import { Hono } from "hono";
import { accountView } from "../../accounts/view.ts";
import { jsonBody, requireJson } from "../../http/json-body.ts";
import type { AccountRecord } from "../../storage/port.ts";
import { type ApiDeps, auditOf } from "./context.ts";
import { requestedPage } from "./paging.ts";
import { accountChangeBody, importBody } from "./schemas.ts";

export function createAccountRoutes(deps: ApiDeps): Hono {
  const { runtime, providers, refusals, audit, actions } = deps;
  const { accounts } = actions;
  const viewOf = (account: AccountRecord) => accountView(account, providers);
  return new Hono()
    .get("/", async (c) => {
      await refusals.flush();
      const { entries, hasAfter } = await requestedPage(c, (page) => runtime.storage.accounts.page(page));
      return c.json({ accounts: entries.map(viewOf), has_more: hasAfter });
    })
    .post("/import", requireJson, jsonBody(importBody), async (c) => {
      const imported = await accounts.import(c.req.valid("json"), auditOf(audit, c));
      const { notes } = imported;
      return c.json({ accounts: imported.accounts.map(viewOf), ...(notes.length > 0 ? { notes } : {}) }, 201);
    })
    .post("/:id/primary", async (c) =>
      c.json({ account: viewOf(await accounts.makePrimary(c.req.param("id"), auditOf(audit, c))) }),
    )
    .post("/:id/refresh", async (c) =>
      c.json({ account: viewOf(await accounts.refresh(c.req.param("id"), auditOf(audit, c))) }),
    )
    .post("/:id/uncool", async (c) =>
      c.json({ account: viewOf(await accounts.uncool(c.req.param("id"), auditOf(audit, c))) }),
    )
    .patch("/:id", requireJson, jsonBody(accountChangeBody), async (c) =>
      c.json({
        account: viewOf(await accounts.update(c.req.param("id"), c.req.valid("json"), auditOf(audit, c))),
      }),
    )
    .delete("/:id", async (c) => {
      const id = c.req.param("id");
      await accounts.remove(id, auditOf(audit, c));
      return c.json({ id, deleted: true });
    });
}
