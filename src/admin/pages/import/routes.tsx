/** The routes of an import: a credential file (chosen or pasted), an API key, or tokens. Never shows a secret again. */
import { Hono } from "hono";
import { readCredentialFile } from "../../../accounts/credential-file.ts";
import { recognise } from "../../../accounts/recognise-secret.ts";
import { decodeBody } from "../../../http/json-body.ts";
import { type JsonObject, text } from "../../../json.ts";
import { hasKeyForm } from "../../../keys/extract.ts";
import { cleanCredential } from "../../../providers/pasted-credential.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord } from "../../../storage/port.ts";
import { importBody } from "../../api/schemas.ts";
import { type FormError, formErrorOf } from "../../ui/form-error.ts";
import { showPanel } from "../../ui/panel.tsx";
import { SavedPanel } from "../connect/result.tsx";
import { filled, formOf, type PageContext, type PageDeps, type PageEnv, perform } from "../context.ts";
import { hasWorkingKey } from "../keys/choice.ts";
import { type ImportDraft, type ImportKind, ImportPanel, importFields } from "./page.tsx";

export function createImportPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { providers } = deps;

  const show = (c: PageContext, target: ImportTarget, draft: ImportDraft, error?: FormError) =>
    showPanel(
      c,
      "accounts",
      "Import",
      <ImportPanel {...target} providers={providers} draft={draft} error={error} />,
    );

  app.get("/", async (c) => {
    const target = await targetOf(deps, c.req.query("kind"), c.req.query("replaces"));
    return show(c, target, { provider: c.req.query("provider") });
  });

  app.post("/", async (c) => {
    const form = await formOf(c);
    const field = (name: string) => text(form[name]?.at(-1));
    const target = await targetOf(deps, field("kind"), field("replaces"));
    const { kind, former } = target;
    const draft: ImportDraft = {
      provider: field("provider"),
      label: field("label"),
      accountId: field("account_id"),
      expiresAt: field("expires_at"),
    };
    const read =
      kind === "file"
        ? await fileBody(providers, form.file?.at(-1), field("text"))
        : materialBody(kind, draft, field);
    if ("error" in read) return show(c, target, draft, read.error);
    const outcome = await perform(deps, c, "POST /admin/accounts/import", (audit) =>
      deps.actions.accounts.import(decodeBody(importBody, read.body), audit),
    );
    if (!outcome.ok) return show(c, target, draft, formErrorOf(outcome.error, importFields(kind, providers)));
    const { notes } = outcome.value;
    const [first, ...others] = outcome.value.accounts;
    const isOther = former !== undefined && !outcome.value.accounts.some(({ id }) => id === former.id);
    const saved =
      first === undefined ? [] : [isOther ? await takeOver(deps, c, former, first) : first, ...others];
    const panel = (
      <SavedPanel
        providers={providers}
        accounts={saved}
        hasKey={await hasWorkingKey(deps, c.get("frame").now)}
        notes={notes}
        former={isOther ? former : undefined}
      />
    );
    return showPanel(c, "accounts", "Saved", panel);
  });
  return app;
}

/** What the page is to import, and which account it replaces. */
interface ImportTarget {
  readonly kind: ImportKind;
  readonly former?: AccountRecord;
}

/** `replaces`: the id of the account whose key is to be replaced. */
async function targetOf(
  { runtime }: PageDeps,
  kind: string | undefined,
  replaces: string | undefined,
): Promise<ImportTarget> {
  const former = replaces === undefined ? null : await runtime.storage.accounts.get(replaces);
  return former?.kind === "api_key" ? { kind: "api_key", former } : { kind: kindOf(kind) };
}

/** Makes the new account primary in place of the one it replaces. */
async function takeOver(
  deps: PageDeps,
  c: PageContext,
  former: AccountRecord,
  next: AccountRecord,
): Promise<AccountRecord> {
  if (!former.primary) return next;
  const outcome = await perform(deps, c, "POST /admin/accounts/:id/primary", (audit) =>
    deps.actions.accounts.makePrimary(next.id, audit),
  );
  return outcome.ok ? outcome.value : next;
}

function kindOf(value: string | undefined): ImportKind {
  return value === "api_key" || value === "tokens" ? value : "file";
}

/** The import's body, undecoded, or the error in the form. */
type Read = { readonly body: JsonObject } | { readonly error: FormError };

const wrong = (field: string, text: string): Read => ({ error: { text, field } });

async function fileBody(
  providers: readonly Provider[],
  file: unknown,
  pasted: string | undefined,
): Promise<Read> {
  const chosen = file instanceof File && file.size > 0 ? new Uint8Array(await file.arrayBuffer()) : undefined;
  const source = chosen ?? pasted?.trim() ?? "";
  if (source === "") return wrong("file", "Choose a file, or paste its content.");
  const parsed = readCredentialFile(source);
  if (parsed !== null) return { body: { file: parsed } };
  const text = typeof source === "string" ? source : new TextDecoder().decode(source.subarray(0, TOKEN_MAX));
  return wrong(chosen === undefined ? "text" : "file", notAFile(providers, cleanCredential(text)));
}

/** The most bytes of a file that may be a bare token. */
const TOKEN_MAX = 16_384;

/** An error that recognises what was given instead of a file, and says where it belongs. */
function notAFile(providers: readonly Provider[], secret: string): string {
  if (hasKeyForm(secret)) {
    return "This is a key that Kleis issued, not a credential of a provider: it belongs in an agent.";
  }
  const known = recognise(providers, secret);
  if (known === undefined || known.shape.kind === null) {
    return "This is not the JSON of a credential file. Choose the file itself, or paste all of it, from { to }.";
  }
  const { shape, provider } = known;
  const tab = shape.kind === "api_key" ? "API key" : "Tokens";
  return `This is ${shape.name}, not a file: paste it under “${tab}”, with ${provider.name} as the provider.`;
}

function materialBody(
  kind: Exclude<ImportKind, "file">,
  { provider, label, accountId, expiresAt }: ImportDraft,
  field: (name: string) => string | undefined,
): Read {
  const shared = filled({ provider, label });
  if (kind === "api_key") return { body: { ...shared, kind, api_key: field("api_key") ?? "" } };
  const tokens = filled({ access_token: field("access_token"), refresh_token: field("refresh_token") });
  if (Object.keys(tokens).length === 0) {
    return wrong("access_token", "Enter an access token, a refresh token, or both.");
  }
  const ends = expiresAt?.trim() ?? "";
  return {
    body: {
      ...shared,
      kind: "oauth",
      ...tokens,
      ...filled({ account_id: accountId }),
      ...(ends === "" ? {} : { expires_at: ends }),
    },
  };
}
