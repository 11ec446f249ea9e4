/** The routes behind the page of accounts: showing them, and what is done with one. */
import { Hono } from "hono";
import { decodeBody } from "../../../http/json-body.ts";
import type { AccountActions } from "../../actions/accounts.ts";
import type { Audit } from "../../actions/audit.ts";
import { accountChangeBody } from "../../api/schemas.ts";
import { formErrorOf } from "../../ui/form-error.ts";
import { type Notice, PATH } from "../../ui/layout.tsx";
import { showPanel } from "../../ui/panel.tsx";
import { fieldsOf, type PageContext, type PageDeps, type PageEnv, perform, render } from "../context.ts";
import { missing } from "../error-page.tsx";
import { hasWorkingKey } from "../keys/choice.ts";
import { RemovePanel, RenamePanel } from "./forms.tsx";
import { limitView } from "./limit-view.ts";
import { AccountsPage } from "./page.tsx";

const PATCH = "PATCH /admin/accounts/:id";

/** How many of the keys that a removal would leave without an account are named. */
const STRANDED_NAMED = 20;

/** What was done, by its name in the address. */
const DONE: ReadonlyMap<string, string> = new Map([
  ["primary", "Requests use this account from now on."],
  ["refresh", "The account is fresh."],
  ["rename", "Renamed."],
  ["enable", "Enabled: requests may use it again."],
  ["disable", "Disabled: requests pass it over."],
  ["remove", "Removed."],
  ["uncool", "Requests use this account again."],
  ["policy", "Saved: it holds for the next request here, and within ten seconds everywhere."],
]);

export async function showAccounts(deps: PageDeps, c: PageContext, error?: string): Promise<Response> {
  const { storage } = deps.runtime;
  const frame = c.get("frame");
  await deps.refusals.flush();
  const [accounts, hasKey, policies] = await Promise.all([
    storage.accounts.list(),
    hasWorkingKey(deps, frame.now),
    deps.actions.policies.all(),
  ]);
  const view = await limitView(deps, accounts, policies);
  const lists = await deps.models.listStatuses(accounts);
  const done = DONE.get(c.req.query("done") ?? "");
  const notice: Notice | undefined =
    error !== undefined
      ? { tone: "bad", text: error }
      : done === undefined
        ? undefined
        : { tone: "good", text: done };
  return render(
    c,
    <AccountsPage
      frame={frame}
      providers={deps.providers}
      accounts={accounts}
      lists={lists}
      {...view}
      hasKey={hasKey}
      notice={notice}
    />,
  );
}

interface ButtonAction {
  /** The API call that does the same, for the log. */
  readonly api: string;
  run(accounts: AccountActions, id: string, audit: Audit): Promise<unknown>;
}

/** The actions that one button performs, by the last part of their path. */
const BUTTON_ACTIONS: Readonly<Record<string, ButtonAction>> = {
  primary: {
    api: "POST /admin/accounts/:id/primary",
    run: (accounts, id, audit) => accounts.makePrimary(id, audit),
  },
  refresh: {
    api: "POST /admin/accounts/:id/refresh",
    run: (accounts, id, audit) => accounts.refresh(id, audit),
  },
  uncool: {
    api: "POST /admin/accounts/:id/uncool",
    run: (accounts, id, audit) => accounts.uncool(id, audit),
  },
  enable: { api: PATCH, run: (accounts, id, audit) => accounts.update(id, { enabled: true }, audit) },
  disable: { api: PATCH, run: (accounts, id, audit) => accounts.update(id, { enabled: false }, audit) },
  remove: { api: "DELETE /admin/accounts/:id", run: (accounts, id, audit) => accounts.remove(id, audit) },
};

export function createAccountPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { storage } = deps.runtime;

  for (const [name, { api, run }] of Object.entries(BUTTON_ACTIONS)) {
    app.post(`/:id/${name}`, async (c) => {
      const outcome = await perform(deps, c, api, (audit) =>
        run(deps.actions.accounts, c.req.param("id"), audit),
      );
      if (!outcome.ok) return showAccounts(deps, c, outcome.error.message);
      return c.redirect(`${PATH.accounts}?done=${name}`, 303);
    });
  }

  app.get("/:id/rename", async (c) => {
    const account = await storage.accounts.get(c.req.param("id"));
    if (account === null) return missing(c, "account");
    return showPanel(c, "accounts", "Rename", <RenamePanel account={account} />);
  });

  app.post("/:id/rename", async (c) => {
    const account = await storage.accounts.get(c.req.param("id"));
    if (account === null) return missing(c, "account");
    const { label = "" } = await fieldsOf(c);
    const outcome = await perform(deps, c, PATCH, (audit) =>
      deps.actions.accounts.update(account.id, decodeBody(accountChangeBody, { label }), audit),
    );
    if (outcome.ok) return c.redirect(`${PATH.accounts}?done=rename`, 303);
    const error = formErrorOf(outcome.error, { label: { label: "Name" } });
    return showPanel(c, "accounts", "Rename", <RenamePanel account={account} error={error} />);
  });

  app.get("/:id/remove", async (c) => {
    const account = await storage.accounts.get(c.req.param("id"));
    if (account === null) return missing(c, "account");
    const stranded = await storage.keys.list(
      { limit: STRANDED_NAMED },
      { state: "working", now: c.get("frame").now, onlyAccount: account.id },
    );
    const provider = deps.providers.find(({ id }) => id === account.provider);
    return showPanel(
      c,
      "accounts",
      "Remove",
      <RemovePanel
        account={account}
        providerName={provider?.name ?? account.provider}
        stranded={stranded?.entries.map(({ label }) => label) ?? []}
        strandsMore={stranded?.hasAfter ?? false}
      />,
    );
  });
  return app;
}
