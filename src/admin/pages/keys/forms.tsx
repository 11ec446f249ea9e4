/** Making a key, seeing it, and revoking it with a second thought. */
import type { FC } from "hono/jsx";
import type { ListedModel } from "../../../models/catalogue/list.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord, KeyRecord } from "../../../storage/port.ts";
import type { FormError, FormFields } from "../../ui/form-error.ts";
import {
  CodeBlock,
  FormButtons,
  FormErrorMessage,
  LimitChoices,
  SelectField,
  TextField,
} from "../../ui/forms.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";

/** How long a key may live, by the value in the form; days, or null for no end. */
export const LIFETIMES = {
  never: { name: "Never", days: null },
  week: { name: "In 7 days", days: 7 },
  month: { name: "In 30 days", days: 30 },
  quarter: { name: "In 90 days", days: 90 },
  year: { name: "In a year", days: 365 },
} as const;

export type Lifetime = keyof typeof LIFETIMES | "date";

export interface KeyDraft {
  readonly label?: string | undefined;
  readonly providers: readonly string[];
  readonly accounts: readonly string[];
  readonly models: readonly string[];
  readonly lifetime?: string | undefined;
  /** `YYYY-MM-DD`. */
  readonly date?: string | undefined;
}

export const NO_DRAFT: KeyDraft = { providers: [], accounts: [], models: [] };

/** The form's fields by the API's names. */
export const KEY_FIELDS: FormFields = {
  label: { label: "Name" },
  expires_at: { label: "Last day", field: "date", text: "The last day must not lie in the past." },
  providers: { label: "Providers", text: "A chosen provider is not there any more. Choose again." },
  accounts: {
    label: "Accounts",
    text: "Choose accounts that are still there, and of the chosen providers only.",
  },
  models: { label: "Models" },
};

export const NewKeyPanel: FC<{
  providers: readonly Provider[];
  accounts: readonly AccountRecord[];
  models: readonly ListedModel[];
  draft: KeyDraft;
  error?: FormError | undefined;
}> = ({ providers, accounts, models, draft, error }) => (
  <Panel title="Create a key" back={PATH.keys}>
    <form class="stack" method="post" action="/admin/page/keys">
      <TextField
        id="label"
        name="label"
        label="Name"
        hint="The agent or machine that will use it."
        placeholder="Laptop, OpenCode"
        value={draft.label}
        maxlength={120}
        autofocus
        error={error}
      />
      <div class="limits">
        <LimitChoices
          title="Providers"
          all="all"
          name="providers"
          choices={providers.map(({ id, name }) => ({ value: id, name }))}
          chosen={draft.providers}
        />
        {accounts.length === 0 ? null : (
          <LimitChoices
            title="Accounts"
            all="all, also later ones"
            name="accounts"
            choices={accounts.map(({ id, label, provider }) => ({
              value: id,
              name: label,
              text: providers.find((one) => one.id === provider)?.name ?? provider,
            }))}
            chosen={draft.accounts}
          />
        )}
        {models.length === 0 ? null : (
          <LimitChoices
            title="Models"
            all="all, also later ones"
            name="models"
            choices={models.map(({ id, name }) => ({ value: id, name, text: id }))}
            chosen={draft.models}
          />
        )}
      </div>
      <SelectField
        id="lifetime"
        name="lifetime"
        label="Ends"
        choices={[
          ...Object.entries(LIFETIMES).map(([value, { name }]) => ({ value, name })),
          { value: "date", name: "On a date" },
        ]}
        chosen={draft.lifetime ?? "never"}
      />
      <div class="on-date">
        <TextField
          id="date"
          name="date"
          type="date"
          label="Last day (UTC)"
          value={draft.date}
          error={error}
        />
      </div>
      <FormErrorMessage text={error?.text} />
      <FormButtons back={PATH.keys} send="Create" />
    </form>
  </Panel>
);

/** A key's full text: right after it was made, or on an explicit wish. */
export const KeyPanel: FC<{ stored: Pick<KeyRecord, "id" | "label">; text: string; isNew: boolean }> = ({
  stored: { id, label },
  text,
  isNew,
}) => (
  <Panel title={isNew ? "The key is ready" : label} back={PATH.keys}>
    <p>
      {isNew
        ? `Give “${label}” to one agent or machine. You can reveal it again here, as long as you are logged in.`
        : "Anyone who has this key can use your accounts within its limits."}
    </p>
    <CodeBlock id="key-text" title="Key" text={text} />
    {/* Posted, so that the setups come with the key that is on the screen already. */}
    <form method="post" action={PATH.use} data-plain>
      <input type="hidden" name="key" value={id} />
      <FormButtons back={PATH.keys} leave="Done" send="Use it in an agent" />
    </form>
  </Panel>
);

export const RevokePanel: FC<{ stored: KeyRecord }> = ({ stored: { id, label, prefix } }) => (
  <Panel title={`Revoke ${label}?`} back={PATH.keys}>
    <p>
      Whatever uses <code>{prefix}…</code> is refused from now on, elsewhere within ten seconds. A revoked key
      does not come back; create a new one instead.
    </p>
    <form method="post" action={`/admin/page/keys/${id}/revoke`}>
      <FormButtons back={PATH.keys} leave="Keep it" send="Revoke" isDanger />
    </form>
  </Panel>
);
