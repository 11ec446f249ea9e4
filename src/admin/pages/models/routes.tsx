/** The routes behind the page of models: what is served, and the operator's own names over `/admin/models`. */
import { Hono } from "hono";
import { decodeBody } from "../../../http/json-body.ts";
import type { JsonObject } from "../../../json.ts";
import type { CustomModel } from "../../../models/catalogue/custom-model.ts";
import type { ModelActions } from "../../actions/models.ts";
import { customModelsBody } from "../../api/schemas.ts";
import { type FormError, formErrorOf } from "../../ui/form-error.ts";
import { counted } from "../../ui/format.ts";
import type { Notice } from "../../ui/layout.tsx";
import { showPanel } from "../../ui/panel.tsx";
import {
  fieldsOf,
  type Outcome,
  type PageContext,
  type PageDeps,
  type PageEnv,
  perform,
  render,
} from "../context.ts";
import { keyChoice } from "../keys/choice.ts";
import { CUSTOM_FIELDS, type CustomDraft, CustomPanel, type CustomRow, RemoveNamePanel } from "./custom.tsx";
import { ModelsPage, type Refusal } from "./page.tsx";
import { modelsPath, SHOWN } from "./urls.ts";
import { createModelView, type ModelView } from "./view.ts";

/** What was done, by its name in the address. */
const DONE: ReadonlyMap<string | undefined, string> = new Map([
  ["save", "The name is saved."],
  ["remove", "The name is removed."],
]);

export function createModelPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const view = createModelView(deps);
  const actions = deps.actions.models;

  const show = (c: PageContext, notice = doneNotice(c)) => showModels(deps, view, c, notice);

  const showDraft = async (c: PageContext, draft: CustomDraft, error?: FormError) => {
    const panel = (
      <CustomPanel
        providers={deps.providers}
        models={await view.listFor(null)}
        draft={draft}
        shown={shownIn(c)}
        error={error}
      />
    );
    return showPanel(c, "models", "A name of your own", panel);
  };

  const put = (c: PageContext, models: readonly (CustomModel | JsonObject)[]) =>
    perform(deps, c, "PUT /admin/models", (audit) =>
      actions.setCustom(decodeBody(customModelsBody, { models }).models, audit),
    );

  app.get("/", (c) => show(c));

  app.post("/refresh", async (c) => {
    const outcome = await perform(deps, c, "POST /admin/models/refresh", (audit) => actions.refresh(audit));
    return show(c, outcome.ok ? refreshNotice(outcome.value) : badNotice(outcome.error));
  });

  app.get("/new", (c) => showDraft(c, draftOf({})));
  app.get("/change", async (c) => {
    const entry = (await actions.custom()).find(({ id }) => id === c.req.query("id"));
    return entry === undefined ? c.redirect(modelsPath(shownIn(c)), 303) : showDraft(c, draftFrom(entry));
  });

  app.post("/", async (c) => {
    const draft = draftOf(await fieldsOf(c));
    const entry = entryOf(draft);
    const before = await actions.custom();
    const others = before.filter(({ id }) => id !== draft.former);
    if (others.some(({ id }) => id === entry.id)) {
      const text = `There is a name ${draft.id} already. Choose another, or change that one.`;
      return showDraft(c, draft, { text, field: "id" });
    }
    const outcome = await put(c, [...others, entry]);
    if (!outcome.ok) return showDraft(c, draft, customError(outcome.error, others));
    return done(c, "save");
  });

  app.get("/remove", async (c) => {
    const entry = (await actions.custom()).find(({ id }) => id === c.req.query("id"));
    if (entry === undefined) return c.redirect(modelsPath(shownIn(c)), 303);
    return showPanel(c, "models", "Remove", <RemoveNamePanel id={entry.id} shown={shownIn(c)} />);
  });

  app.post("/remove", async (c) => {
    const { id } = await fieldsOf(c);
    const others = (await actions.custom()).filter((entry) => entry.id !== id);
    const outcome = await put(c, others);
    return outcome.ok ? done(c, "remove") : show(c, badNotice(outcome.error));
  });
  return app;
}

/** What is served, as far as the chosen key may use it, and the names of the owner's own. */
async function showModels(
  deps: PageDeps,
  view: ModelView,
  c: PageContext,
  notice: Notice | undefined,
): Promise<Response> {
  const frame = c.get("frame");
  const [choice, accounts, models, custom] = await Promise.all([
    keyChoice(deps, frame.now, c.req.query("key")),
    deps.accountCache.list(),
    view.listFor(null),
    deps.actions.models.custom(),
  ]);
  const chosen = choice.requested;
  const refusals: ReadonlyMap<string, Refusal> =
    chosen === undefined ? new Map() : await view.refusalsFor(chosen, models);
  const rows: CustomRow[] = custom.map((entry) => ({
    entry,
    answers: models.some(
      (model) => model.entry.provider === entry.provider && model.entry.id === entry.model,
    ),
  }));
  return render(
    c,
    <ModelsPage
      frame={frame}
      providers={deps.providers}
      rows={models.map((model) => ({ model, refusal: refusals.get(model.id) }))}
      keys={choice.keys}
      isCut={choice.isCut}
      chosen={chosen}
      query={c.req.query("q") ?? ""}
      shown={shownIn(c)}
      hasAccount={accounts.length > 0}
      custom={rows}
      notice={notice}
    />,
  );
}

/** What the page shows, in its address and in those of the steps that are begun on it. */
function shownIn(c: PageContext): URLSearchParams {
  const shown = new URLSearchParams();
  for (const name of SHOWN) {
    const value = c.req.query(name);
    if (value !== undefined) shown.set(name, value);
  }
  return shown;
}

function done(c: PageContext, what: string): Response {
  return c.redirect(modelsPath(shownIn(c), "", { done: what }), 303);
}

function doneNotice(c: PageContext): Notice | undefined {
  const text = DONE.get(c.req.query("done"));
  return text === undefined ? undefined : { tone: "good", text };
}

function badNotice({ message }: { message: string }): Notice {
  return { tone: "bad", text: message };
}

function refreshNotice({ registry, lists }: Awaited<ReturnType<ModelActions["refresh"]>>): Notice {
  const failed = lists.filter(({ isRenewed }) => !isRenewed).length;
  if (failed > 0) {
    return {
      tone: "bad",
      text: `${counted(failed, "account")} did not tell its models; the last known are shown.`,
    };
  }
  return registry === "refused"
    ? { tone: "bad", text: "models.dev did not answer; what was known before is shown." }
    : { tone: "good", text: "Asked again: this is what there is now." };
}

/** The whole list is validated, with the form's entry last; an error in another entry is reported with its name. */
function customError(
  { message, param = "" }: Extract<Outcome<unknown>, { ok: false }>["error"],
  others: readonly CustomModel[],
): FormError {
  const [, at, name] = /^models\.(\d+)\.(.+)$/.exec(param) ?? [];
  if (at === undefined || name === undefined) return { text: message };
  const error = formErrorOf({ message: message.replace(param, name), param: name }, CUSTOM_FIELDS);
  const other = others[Number(at)];
  return other === undefined ? error : { text: `Your name ${other.id}: ${error.text}` };
}

function draftOf(fields: Readonly<Record<string, string>>): CustomDraft {
  const field = (name: string) => fields[name]?.trim() ?? "";
  return {
    former: field("former"),
    id: field("id"),
    provider: field("provider"),
    model: field("model"),
    name: field("name"),
    context: field("context"),
    output: field("output"),
  };
}

function draftFrom({ id, provider, model, name, limit }: CustomModel): CustomDraft {
  return {
    former: id,
    id,
    provider,
    model,
    name: name ?? "",
    context: limit === undefined ? "" : String(limit.context),
    output: limit === undefined ? "" : String(limit.output),
  };
}

function entryOf({ id, provider, model, name, context, output }: CustomDraft): JsonObject {
  const limit =
    context === "" && output === ""
      ? {}
      : { limit: { context: numberOf(context), output: numberOf(output) } };
  return { id, provider, model, ...(name === "" ? {} : { name }), ...limit };
}

/** A number, or null, which the schema rejects. */
function numberOf(value: string): number | null {
  return /^\d{1,12}$/.test(value) ? Number(value) : null;
}
