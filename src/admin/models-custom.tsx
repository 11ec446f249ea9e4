/** The operator's own names for models: listed, added, changed and removed. */
import type { FC } from "hono/jsx";
import type { CustomModel } from "../models/custom.ts";
import type { ListedModel } from "../models/list.ts";
import type { Provider } from "../providers/provider.ts";
import { Refused, SelectField, TextField } from "./forms.tsx";
import { Icon } from "./icons.tsx";
import { PATH, Panel } from "./layout.tsx";
import { tokens } from "./words.ts";

export interface CustomRow {
  readonly entry: CustomModel;
  /** Whether an account answers for it now. */
  readonly answers: boolean;
}

export const CustomModels: FC<{ providers: readonly Provider[]; custom: readonly CustomRow[] }> = ({
  providers,
  custom,
}) => (
  <section class="models" aria-labelledby="own-names">
    <div class="provider-head">
      <h2 id="own-names">Your own names</h2>
      <a class="button" id="new-name" href="/admin/page/models/new" data-panel-link>
        <Icon name="plus" />
        Add a name
      </a>
    </div>
    {custom.length === 0 ? (
      <p class="none">
        None. A name of your own stands for a model of one provider, for example <code>fast</code> for{" "}
        <code>copilot/gpt-5-mini</code>.
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
                href={`/admin/page/models/change?id=${encodeURIComponent(entry.id)}`}
                data-panel-link
              >
                Change
              </a>
              <form method="post" action="/admin/page/models/remove">
                <input type="hidden" name="id" value={entry.id} />
                <button class="quiet danger" type="submit">
                  Remove
                </button>
              </form>
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

export const CustomPanel: FC<{
  providers: readonly Provider[];
  /** What is served, as suggestions. */
  models: readonly ListedModel[];
  draft: CustomDraft;
  refused?: string | undefined;
}> = ({ providers, models, draft, refused }) => (
  <Panel title={draft.former === "" ? "Add a name" : `Change ${draft.former}`} back={PATH.models}>
    <form class="stack" method="post" action="/admin/page/models">
      <input type="hidden" name="former" value={draft.former} />
      <TextField
        id="custom-id"
        name="id"
        label="Name that agents ask for"
        value={draft.id}
        placeholder="fast"
        required
        autofocus
      />
      <SelectField
        id="custom-provider"
        name="provider"
        label="Provider"
        choices={providers.map(({ id, name }) => ({ value: id, name }))}
        chosen={draft.provider}
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
      />
      <div class="pair">
        <TextField
          id="context"
          name="context"
          label="Context (optional)"
          value={draft.context}
          type="number"
        />
        <TextField id="output" name="output" label="Output (optional)" value={draft.output} type="number" />
      </div>
      <p class="hint">
        In tokens, both or neither. Needed for a model that no list knows; else the model’s own hold.
      </p>
      <Refused words={refused} />
      <div class="row end">
        <a class="button" href={PATH.models} data-close>
          Cancel
        </a>
        <button class="primary" type="submit">
          Save
        </button>
      </div>
    </form>
  </Panel>
);
