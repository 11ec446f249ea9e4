/** The operator's own names for models: listed, added, changed, and removed with a second thought. */
import type { FC } from "hono/jsx";
import type { CustomModel } from "../../../models/catalogue/custom-model.ts";
import type { ListedModel } from "../../../models/catalogue/list.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { FormError, FormFields } from "../../ui/form-error.ts";
import { tokens } from "../../ui/format.ts";
import { described, FormButtons, FormErrorMessage, SelectField, TextField } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Panel } from "../../ui/layout.tsx";
import { modelsPath } from "./urls.ts";

export interface CustomRow {
  readonly entry: CustomModel;
  /** Whether an account answers for it now. */
  readonly answers: boolean;
}

export const CustomModels: FC<{
  providers: readonly Provider[];
  custom: readonly CustomRow[];
  shown: URLSearchParams;
}> = ({ providers, custom, shown }) => (
  <section class="models" aria-labelledby="own-names">
    <div class="provider-head">
      <h2 id="own-names">Your own names</h2>
      <a class="button" id="new-name" href={modelsPath(shown, "/new")} data-panel-link>
        <Icon name="plus" />
        Add a name
      </a>
    </div>
    {custom.length === 0 ? (
      <p class="none">
        None. A name of your own stands for a model of one provider, for example <code>fast</code> for the one
        that answers soonest.
      </p>
    ) : (
      <ul class="names">
        {custom.map(({ entry, answers }) => (
          <li class="card">
            <div>
              <strong>
                <code>{entry.id}</code>
              </strong>
              <span>
                {entry.name === undefined ? "" : `${entry.name} · `}
                {providers.find(({ id }) => id === entry.provider)?.name ?? entry.provider}:{" "}
                <code>{entry.model}</code>
                {entry.limit === undefined
                  ? ""
                  : ` · ${tokens(entry.limit.context)} context, ${tokens(entry.limit.output)} output`}
              </span>
              <span class={answers ? "yes" : "no"}>
                {answers ? "answers" : "no account answers for it now"}
              </span>
            </div>
            <fieldset class="actions" aria-label={`Actions for ${entry.id}`}>
              <a
                class="quiet"
                id={`change-${entry.id}`}
                href={modelsPath(shown, "/change", { id: entry.id })}
                data-panel-link
              >
                Change
              </a>
              <a
                class="quiet danger"
                id={`remove-${entry.id}`}
                href={modelsPath(shown, "/remove", { id: entry.id })}
                data-panel-link
              >
                Remove
              </a>
            </fieldset>
          </li>
        ))}
      </ul>
    )}
  </section>
);

/** The form's fields as they were typed. */
export interface CustomDraft {
  /** The name that is being changed; empty for a new one. */
  readonly former: string;
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly name: string;
  readonly context: string;
  readonly output: string;
}

/** The form's fields by the API's names. */
export const CUSTOM_FIELDS: FormFields = {
  id: { label: "Name that agents ask for" },
  provider: { label: "Provider", text: "This provider is not known. Choose another." },
  model: { label: "Model" },
  name: { label: "Shown as" },
  limit: { label: "Context and output", field: "context" },
  "limit.context": { label: "Context", field: "context" },
  "limit.output": { label: "Output", field: "output" },
};

export const CustomPanel: FC<{
  providers: readonly Provider[];
  /** What is served, as suggestions. */
  models: readonly ListedModel[];
  draft: CustomDraft;
  shown: URLSearchParams;
  error?: FormError | undefined;
}> = ({ providers, models, draft, shown, error }) => (
  <Panel title={draft.former === "" ? "Add a name" : `Change ${draft.former}`} back={modelsPath(shown)}>
    <form class="stack" method="post" action={modelsPath(shown)}>
      <input type="hidden" name="former" value={draft.former} />
      <TextField
        id="custom-id"
        name="id"
        label="Name that agents ask for"
        value={draft.id}
        placeholder="fast"
        required
        autofocus
        error={error}
      />
      <SelectField
        id="custom-provider"
        name="provider"
        label="Provider"
        choices={providers.map(({ id, name }) => ({ value: id, name }))}
        chosen={draft.provider}
        error={error}
      />
      <div class="field">
        <label for="custom-model">Model, as the provider spells it</label>
        <input
          id="custom-model"
          name="model"
          value={draft.model}
          list="served-models"
          autocomplete="off"
          spellcheck={false}
          required
          {...described("model", undefined, error)}
        />
        <datalist id="served-models">
          {[...new Set(models.map(({ entry }) => entry.id))].map((id) => (
            <option value={id} />
          ))}
        </datalist>
      </div>
      <TextField
        id="custom-name"
        name="name"
        label="Shown as (optional)"
        value={draft.name}
        maxlength={200}
        error={error}
      />
      <div class="pair">
        <TextField
          id="context"
          name="context"
          label="Context (optional)"
          value={draft.context}
          type="number"
          error={error}
        />
        <TextField
          id="output"
          name="output"
          label="Output (optional)"
          value={draft.output}
          type="number"
          error={error}
        />
      </div>
      <p class="hint">
        In tokens, both or neither. Needed for a model that no list knows; else the model’s own hold.
      </p>
      <FormErrorMessage text={error?.text} />
      <FormButtons back={modelsPath(shown)} send="Save" />
    </form>
  </Panel>
);

export const RemoveNamePanel: FC<{ id: string; shown: URLSearchParams }> = ({ id, shown }) => (
  <Panel title={`Remove ${id}?`} back={modelsPath(shown)}>
    <p>
      Agents that ask for <code>{id}</code> are refused from now on, unless a provider has a model of this
      name.
    </p>
    <form method="post" action={modelsPath(shown, "/remove")}>
      <input type="hidden" name="id" value={id} />
      <FormButtons back={modelsPath(shown)} leave="Keep it" send="Remove" isDanger />
    </form>
  </Panel>
);
