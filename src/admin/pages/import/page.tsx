/** Bringing in what the owner holds already: an agent's credential file, an API key, or tokens. Never shows any of it. */
import type { FC } from "hono/jsx";
import { knownFiles, namesOfKnownFiles } from "../../../accounts/credential-file.ts";
import type { CredentialFile, Provider } from "../../../providers/provider.ts";
import type { AccountRecord } from "../../../storage/port.ts";
import type { FormError, FormFields } from "../../ui/form-error.ts";
import { described, Field, FormErrorMessage, SelectField, TextField } from "../../ui/forms.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";

export type ImportKind = "file" | "api_key" | "tokens";

const KINDS: readonly [ImportKind, string][] = [
  ["file", "Credential file"],
  ["api_key", "API key"],
  ["tokens", "Tokens"],
];

/** A form's fields by the API's names. */
export function importFields(kind: ImportKind, providers: readonly Provider[]): FormFields {
  if (kind !== "file") return MATERIAL_FIELDS[kind];
  const text = `No account was found in it. Kleis knows ${namesOfKnownFiles(providers, "’")}.`;
  return { file: { label: "File", text } };
}

const MATERIAL_FIELDS: Readonly<Record<Exclude<ImportKind, "file">, FormFields>> = {
  api_key: { provider: { label: "Provider" }, api_key: { label: "API key" }, label: { label: "Name" } },
  tokens: {
    provider: { label: "Provider" },
    access_token: { label: "Access token" },
    refresh_token: { label: "Refresh token" },
    account_id: {
      label: "Account id",
      text: "The tokens do not say whose they are. Fill in the account id too, which stands beside them where they come from; or connect the account by signing in.",
    },
    expires_at: { label: "Access token ends" },
    label: { label: "Name" },
  },
};

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
  /** The account whose key is to be replaced. */
  former?: AccountRecord | undefined;
  error?: FormError | undefined;
}

export const ImportPanel: FC<ImportProps> = (props) => (
  <Panel
    title={props.former === undefined ? "Import an account" : `Replace the key of ${props.former.label}`}
    back={PATH.accounts}
  >
    {props.former === undefined ? <Tabs kind={props.kind} /> : null}
    <form class="stack" method="post" action="/admin/page/import" enctype="multipart/form-data">
      <input type="hidden" name="kind" value={props.kind} />
      {props.former === undefined ? null : <input type="hidden" name="replaces" value={props.former.id} />}
      {props.kind === "file" ? <FileFields {...props} /> : <MaterialFields {...props} />}
      <FormErrorMessage text={props.error?.text} />
      <div class="row end">
        <button class="primary" type="submit" data-busy="Importing…">
          Import
        </button>
      </div>
    </form>
  </Panel>
);

const Tabs: FC<Pick<ImportProps, "kind">> = (props) => (
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
);

const FileFields: FC<Pick<ImportProps, "providers" | "error">> = ({ providers, error }) => (
  <>
    <KnownFiles files={knownFiles(providers)} />
    <p class="hint">
      A login works in one program only. After the import use that agent through Kleis, and do not log out in
      it: logging out ends the imported login too. Better: <a href={PATH.accounts}>connect</a>, which gives
      Kleis a login of its own.
    </p>
    <div class="drop" data-drop>
      <label for="file">Choose the file, or drop it here</label>
      <input
        id="file"
        name="file"
        type="file"
        accept=".json,application/json"
        {...described("file", undefined, error)}
      />
    </div>
    <Field id="text" label="Or paste its content">
      <textarea
        id="text"
        name="text"
        rows={4}
        autocomplete="off"
        spellcheck={false}
        placeholder="{ … }"
        {...described("text", undefined, error)}
      />
    </Field>
  </>
);

const KnownFiles: FC<{ files: readonly CredentialFile[] }> = ({ files }) => (
  <p>
    The file in which an agent keeps its login:{" "}
    {files.map(({ agent, path }, at) => (
      <>
        {at === 0 ? "" : at === files.length - 1 ? " or " : ", "}
        {agent}’s <code>{path}</code>
      </>
    ))}
    .
    {files.map(({ agent, keychainCommand }) =>
      keychainCommand === undefined ? null : (
        <>
          {" "}
          On macOS {agent} keeps it in the keychain: <code>{keychainCommand}</code> prints it.
        </>
      ),
    )}
  </p>
);

const TokenFields: FC<Pick<ImportProps, "draft" | "error">> = ({ draft, error }) => (
  <>
    <TextField id="access-token" name="access_token" type="password" label="Access token" error={error} />
    <TextField
      id="refresh-token"
      name="refresh_token"
      type="password"
      label="Refresh token"
      hint="Either is enough where the provider allows it; with both the account renews itself."
      error={error}
    />
    <TextField
      id="account-id"
      name="account_id"
      label="Account id (optional)"
      hint="Only where the tokens do not say it."
      value={draft.accountId}
      error={error}
    />
    <TextField
      id="expires-at"
      name="expires_at"
      label="Access token ends (optional)"
      hint="As credential files write it (epoch milliseconds or seconds), or like 2026-12-31T23:59:59Z."
      value={draft.expiresAt}
      error={error}
    />
  </>
);

const MaterialFields: FC<ImportProps> = ({ kind, providers, draft, former, error }) => {
  const able = providers.filter(
    ({ id, kinds }) =>
      kinds.includes(kind === "api_key" ? "api_key" : "oauth") &&
      (former === undefined || former.provider === id),
  );
  return (
    <>
      <SelectField
        id="provider"
        name="provider"
        label="Provider"
        choices={able.map(({ id, name }) => ({ value: id, name }))}
        chosen={draft.provider}
        error={error}
      />
      {kind === "api_key" ? (
        <TextField
          id="api-key"
          name="api_key"
          type="password"
          label="API key"
          hint="A key of your own from the provider’s console. It is billed to you, and requests are sent as they came."
          required
          error={error}
        />
      ) : (
        <TokenFields draft={draft} error={error} />
      )}
      <TextField
        id="label"
        name="label"
        label="Name (optional)"
        value={draft.label}
        maxlength={120}
        error={error}
      />
    </>
  );
};
