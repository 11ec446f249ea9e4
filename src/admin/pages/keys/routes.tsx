/** The routes of the keys page. A key's text is only ever in the response to a POST. */
import { Hono } from "hono";
import { decodeBody } from "../../../http/json-body.ts";
import type { KeyFilter } from "../../../storage/port.ts";
import { keyBody } from "../../api/schemas.ts";
import { type FormError, formErrorOf } from "../../ui/form-error.ts";
import { PATH } from "../../ui/layout.tsx";
import { showPanel } from "../../ui/panel.tsx";
import { createConfirm } from "../confirm/routes.tsx";
import {
  type Form,
  fieldsOf,
  filled,
  formOf,
  type PageContext,
  type PageDeps,
  type PageEnv,
  perform,
  render,
} from "../context.ts";
import { missing } from "../error-page.tsx";
import { createModelView } from "../models/view.ts";
import {
  KEY_FIELDS,
  type KeyDraft,
  KeyPanel,
  LIFETIMES,
  NewKeyPanel,
  NO_DRAFT,
  RevokePanel,
} from "./forms.tsx";
import { ENDED, KeysPage, type PageParameters, WORKING } from "./page.tsx";

/** Keys on one page. */
const WORKING_SHOWN = 50;
const ENDED_SHOWN = 20;

const DAY_MS = 24 * 60 * 60_000;

export function createKeyPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { storage } = deps.runtime;
  const actions = deps.actions.keys;
  const view = createModelView(deps);
  const confirm = createConfirm(deps);

  const showNew = async (c: PageContext, draft: KeyDraft, error?: FormError) => {
    const [accounts, models] = await Promise.all([storage.accounts.list(), view.listFor(null)]);
    const panel = (
      <NewKeyPanel
        providers={deps.providers}
        accounts={accounts}
        models={models}
        draft={draft}
        error={error}
      />
    );
    return showPanel(c, "keys", "Create a key", panel);
  };

  app.get("/", (c) => showKeys(deps, c));
  app.get("/new", (c) => showNew(c, NO_DRAFT));

  app.post("/", async (c) => {
    const draft = draftOf(await formOf(c));
    const ends = endOf(draft, c.get("frame").now);
    if (ends === "unreadable") {
      return showNew(c, draft, { text: "Choose the last day on which the key may be used.", field: "date" });
    }
    const body = bodyOf(draft, ends);
    const outcome = await perform(deps, c, "POST /admin/keys", (audit) =>
      actions.issue(decodeBody(keyBody, body), audit),
    );
    if (!outcome.ok) return showNew(c, draft, formErrorOf(outcome.error, KEY_FIELDS));
    const { record, key } = outcome.value;
    return showPanel(c, "keys", "The key is ready", <KeyPanel stored={record} text={key} isNew />);
  });

  app.post("/:id/reveal", async (c) => {
    const stored = await storage.keys.get(c.req.param("id"));
    if (stored === null) return missing(c, "key");
    const { token } = await fieldsOf(c);
    const action = `/admin/page/keys/${stored.id}/reveal`;
    const confirmation = await confirm(c, token, { section: "keys", action, back: PATH.keys, fields: {} });
    if (confirmation !== null) return confirmation;
    const outcome = await perform(deps, c, "POST /admin/keys/:id/reveal", (audit) =>
      actions.reveal(stored.id, audit),
    );
    if (!outcome.ok) return missing(c, "key");
    const { key } = outcome.value;
    return showPanel(c, "keys", stored.label, <KeyPanel stored={stored} text={key} isNew={false} />);
  });

  app.get("/:id/revoke", async (c) => {
    const stored = await storage.keys.get(c.req.param("id"));
    if (stored === null) return missing(c, "key");
    return showPanel(c, "keys", "Revoke", <RevokePanel stored={stored} />);
  });

  app.post("/:id/revoke", async (c) => {
    const id = c.req.param("id");
    const outcome = await perform(deps, c, "POST /admin/keys/:id/revoke", (audit) =>
      actions.revoke(id, audit),
    );
    return outcome.ok ? c.redirect(`${PATH.keys}?done=revoke`, 303) : missing(c, "key");
  });
  return app;
}

/** The working keys and, apart from them, those that have ended. */
async function showKeys(deps: PageDeps, c: PageContext): Promise<Response> {
  const { storage } = deps.runtime;
  await deps.uses.flush();
  const [working, ended, endedCount, accounts] = await Promise.all([
    pageOf(deps, c, "working", WORKING, WORKING_SHOWN),
    pageOf(deps, c, "ended", ENDED, ENDED_SHOWN),
    storage.keys.count({ state: "ended", now: c.get("frame").now }),
    deps.accountCache.list(),
  ]);
  const notice = c.req.query("done") === "revoke" ? { tone: "good" as const, text: "Revoked." } : undefined;
  return render(
    c,
    <KeysPage
      frame={c.get("frame")}
      working={working}
      ended={ended}
      endedCount={endedCount}
      query={new URL(c.req.url).searchParams}
      providers={deps.providers}
      accounts={accounts}
      notice={notice}
    />,
  );
}

/** The requested page of a list; the first page when the address names an unknown key. */
async function pageOf(
  { runtime: { storage } }: PageDeps,
  c: PageContext,
  state: KeyFilter["state"],
  names: PageParameters,
  limit: number,
) {
  const filter = { state, now: c.get("frame").now };
  const [after, before] = [c.req.query(names.after), c.req.query(names.before)];
  const requested = await storage.keys.list({ limit, after, before }, filter);
  // The first page is read again, so that it is full.
  const isBeginning =
    requested === null || (after === undefined && before !== undefined && !requested.hasBefore);
  const page = isBeginning ? await storage.keys.list({ limit }, filter) : requested;
  return page ?? { entries: [], hasBefore: false, hasAfter: false };
}

function draftOf(form: Form): KeyDraft {
  const all = (name: string) => (form[name] ?? []).filter((value) => typeof value === "string");
  const one = (name: string) => all(name).at(-1);
  return {
    label: one("label"),
    providers: all("providers"),
    accounts: all("accounts"),
    models: all("models"),
    lifetime: one("lifetime"),
    date: one("date"),
  };
}

/** The body of `POST /admin/keys`, undecoded; an empty limit is none. */
function bodyOf({ label, providers, accounts, models }: KeyDraft, ends: number | null): object {
  return {
    ...filled({ label }),
    ...(providers.length === 0 ? {} : { providers }),
    ...(accounts.length === 0 ? {} : { accounts }),
    ...(models.length === 0 ? {} : { models }),
    ...(ends === null ? {} : { expires_at: ends }),
  };
}

/** Epoch ms; null for a key without end. */
function endOf({ lifetime = "never", date = "" }: KeyDraft, now: number): number | null | "unreadable" {
  if (lifetime === "date") {
    const start = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
    return Number.isNaN(start) ? "unreadable" : start + DAY_MS;
  }
  const days = Object.entries(LIFETIMES).find(([value]) => value === lifetime)?.[1].days ?? null;
  return days === null ? null : now + days * DAY_MS;
}
