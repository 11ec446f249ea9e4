/** The routes of an import: from a file that was chosen or pasted, a key, or tokens. Repeats nothing secret. */
import { Hono } from "hono";
import { type ImportDraft, type ImportKind, ImportPanel } from "../../admin/import.tsx";
import { isObject, type JsonObject, parseJson, text } from "../../json.ts";
import { showConnected } from "./page-connect.tsx";
import {
  type ApiAnswer,
  askApi,
  filled,
  formOf,
  type PageContext,
  type PageDeps,
  type PageEnv,
} from "./page-env.ts";
import { showPanel } from "./page-panel.tsx";

export function createImportPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const show = (c: PageContext, kind: ImportKind, draft: ImportDraft, refused?: string) => {
    const panel = <ImportPanel kind={kind} providers={deps.providers} draft={draft} refused={refused} />;
    return showPanel(c, "accounts", "Import", panel);
  };

  app.get("/", (c) => show(c, kindOf(c.req.query("kind")), { provider: c.req.query("provider") }));

  app.post("/", async (c) => {
    const form = await formOf(c);
    const field = (name: string) => text(form[name]?.at(-1));
    const kind = kindOf(field("kind"));
    const draft: ImportDraft = {
      provider: field("provider"),
      label: field("label"),
      accountId: field("account_id"),
      expiresAt: field("expires_at"),
    };
    const body =
      kind === "file" ? await fileBody(form.file?.at(-1), field("text")) : materialBody(kind, draft, field);
    if (typeof body === "string") return show(c, kind, draft, body);
    const answer = await askApi(deps, c, "POST", "/accounts/import", body);
    if (!answer.ok) return show(c, kind, draft, answer.message);
    const ids = idsOf(answer);
    const accounts = await Promise.all(ids.map((id) => deps.runtime.storage.accounts.get(id)));
    return showConnected(
      deps,
      c,
      accounts.filter((account) => account !== null),
    );
  });
  return app;
}

function kindOf(value: string | undefined): ImportKind {
  return value === "api_key" || value === "tokens" ? value : "file";
}

/** The body for the API, or why there is none. */
async function fileBody(file: unknown, pasted: string | undefined): Promise<JsonObject | string> {
  const chosen = file instanceof File && file.size > 0 ? await file.text() : undefined;
  const source = chosen ?? pasted?.trim() ?? "";
  if (source === "") return "Choose a file, or paste its content.";
  const parsed = parseJson(source);
  if (!isObject(parsed)) {
    return "This is not the JSON of a credential file. Choose the file itself, or paste all of it, from { to }.";
  }
  return { file: parsed };
}

function materialBody(
  kind: Exclude<ImportKind, "file">,
  { provider, label, accountId, expiresAt }: ImportDraft,
  field: (name: string) => string | undefined,
): JsonObject | string {
  const shared = filled({ provider, label });
  if (kind === "api_key") return { ...shared, kind, api_key: field("api_key") ?? "" };
  const tokens = filled({ access_token: field("access_token"), refresh_token: field("refresh_token") });
  if (Object.keys(tokens).length === 0) return "Enter an access token, a refresh token, or both.";
  const ends = expiresAt?.trim() ?? "";
  if (!/^\d*$/.test(ends)) return "“Access token ends” must be a number: epoch milliseconds.";
  return {
    ...shared,
    kind: "oauth",
    ...tokens,
    ...filled({ account_id: accountId }),
    ...(ends === "" ? {} : { expires_at: Number(ends) }),
  };
}

function idsOf(answer: Extract<ApiAnswer, { ok: true }>): string[] {
  const { accounts } = answer.json;
  if (!Array.isArray(accounts)) return [];
  return accounts.flatMap((account) => (isObject(account) ? (text(account.id) ?? []) : []));
}
