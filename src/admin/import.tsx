/** Bringing in what the owner holds already: an agent's credential file, an API key, or tokens. Never shows any of it. */
import type { FC } from "hono/jsx";
import type { Provider } from "../providers/provider.ts";
import { Field, Refused, SelectField, TextField } from "./forms.tsx";
import { PATH, Panel } from "./layout.tsx";

export type ImportKind = "file" | "api_key" | "tokens";

const KINDS: readonly [ImportKind, string][] = [
  ["file", "Credential file"],
  ["api_key", "API key"],
  ["tokens", "Tokens"],
];

/** What may be shown again after a refusal: nothing secret. */
export interface ImportDraft {
  readonly provider?: string | undefined;
  readonly label?: string | undefined;
  readonly accountId?: string | undefined;
  readonly expiresAt?: string | undefined;
}

interface ImportProps {
  kind: ImportKind;
  providers: readonly Provider[];
  draft: ImportDraft;
  refused?: string | undefined;
}

export const ImportPanel: FC<ImportProps> = (props) => (
  <Panel title="Import an account" back={PATH.accounts}>
    <nav class="tabs" aria-label="What to import">
      {KINDS.map(([kind, name]) => (
        <a
          href={`/admin/page/import?kind=${kind}`}
          data-panel-link
          {...(kind === props.kind ? { "aria-current": "true" } : {})}
        >
          {name}
        </a>
      ))}
    </nav>
    <form class="stack" method="post" action="/admin/page/import" enctype="multipart/form-data">
      <input type="hidden" name="kind" value={props.kind} />
      {props.kind === "file" ? <FileFields /> : <MaterialFields {...props} />}
      <Refused words={props.refused} />
      <div class="row end">
        <button class="primary" type="submit">
          Import
        </button>
      </div>
    </form>
  </Panel>
);

const FileFields: FC = () => (
  <>
    <p>
      The file in which an agent keeps its login: OpenCode’s <code>~/.local/share/opencode/auth.json</code>,
      Codex’s <code>~/.codex/auth.json</code> or Claude Code’s <code>~/.claude/.credentials.json</code>.
    </p>
    <p class="hint">
      A login that two programs use dies in one of them: sign out there afterwards, or connect a sign-in of
      its own.
    </p>
    <div class="drop" data-drop>
      <label for="file">Choose the file, or drop it here</label>
      <input id="file" name="file" type="file" accept=".json,application/json" />
    </div>
    <Field id="text" label="Or paste its content">
      <textarea id="text" name="text" rows={4} autocomplete="off" spellcheck={false} placeholder="{ … }" />
    </Field>
  </>
);

const MaterialFields: FC<ImportProps> = ({ kind, providers, draft }) => {
  const able = providers.filter(({ kinds }) => kinds.includes(kind === "api_key" ? "api_key" : "oauth"));
  return (
    <>
      <SelectField
        id="provider"
        name="provider"
        label="Provider"
        choices={able.map(({ id, name }) => ({ value: id, name }))}
        chosen={draft.provider}
      />
      {kind === "api_key" ? (
        <TextField
          id="api-key"
          name="api_key"
          type="password"
          label="API key"
          hint="A key of your own from the provider’s console. It is billed to you, and requests are sent as they came."
          required
        />
      ) : (
        <>
          <TextField id="access-token" name="access_token" type="password" label="Access token" />
          <TextField
            id="refresh-token"
            name="refresh_token"
            type="password"
            label="Refresh token"
            hint="Either is enough where the provider allows it; with both the account renews itself."
          />
          <TextField
            id="account-id"
            name="account_id"
            label="Account id (optional)"
            hint="Only where the tokens do not say it."
            value={draft.accountId}
          />
          <TextField
            id="expires-at"
            name="expires_at"
            label="Access token ends (optional)"
            hint="In epoch milliseconds, as credential files write it."
            value={draft.expiresAt}
          />
        </>
      )}
      <TextField id="label" name="label" label="Name (optional)" value={draft.label} maxlength={120} />
    </>
  );
};
