/** The models page: what this deployment serves, by provider, and which models a chosen key may use. */
import type { FC } from "hono/jsx";
import type { ListedModel } from "../../../models/catalogue/list.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { KeyRecord } from "../../../storage/port.ts";
import { counted, tokens } from "../../ui/format.ts";
import { ActionButton, SelectField, TextField } from "../../ui/forms.tsx";
import { Empty, type Frame, Head, type Notice, PATH, Page } from "../../ui/layout.tsx";
import { CustomModels, type CustomRow } from "./custom.tsx";
import { modelsPath } from "./urls.ts";

/** Why a model is not available to a key: the key's limits exclude it, or its account is not usable now. */
export type Refusal = "limits" | "account";

const REFUSAL_TEXT: Readonly<Record<Refusal, string>> = {
  limits: "outside its limits",
  account: "its account cannot answer now",
};

export interface ModelRow {
  readonly model: ListedModel;
  /** Undefined when the chosen key may use the model. */
  readonly refusal?: Refusal | undefined;
}

export interface ModelsProps {
  frame: Frame;
  providers: readonly Provider[];
  rows: readonly ModelRow[];
  /** The keys to choose from. */
  keys: readonly KeyRecord[];
  /** Whether there are more keys than these. */
  isCut: boolean;
  chosen: KeyRecord | undefined;
  /** The search text for ids and names. */
  query: string;
  /** The query parameters that select what the page shows. */
  shown: URLSearchParams;
  hasAccount: boolean;
  custom: readonly CustomRow[];
  notice?: Notice | undefined;
}

export const ModelsPage: FC<ModelsProps> = (props) => {
  const { frame, providers, rows, keys, isCut, chosen, query, shown, hasAccount, custom, notice } = props;
  const search = query.trim().toLowerCase();
  const found = rows.filter(({ model }) => `${model.id} ${model.name}`.toLowerCase().includes(search));
  return (
    <Page frame={frame} section="models" title="Models" notice={notice}>
      <Head
        title="Models"
        lead="What your connected accounts answer for, under the names that agents ask by."
      >
        {hasAccount ? (
          <ActionButton id="look-again" action={modelsPath(shown, "/refresh")} kind="" busy="Looking…">
            Look again
          </ActionButton>
        ) : null}
      </Head>
      {hasAccount ? (
        <>
          <form class="bar" method="get" action={PATH.models}>
            <SelectField
              id="key"
              name="key"
              label="For the key"
              choices={[
                { value: "", name: "Any key without limits" },
                ...keys.map(({ id, label, prefix }) => ({ value: id, name: `${label} (${prefix}…)` })),
              ]}
              chosen={chosen?.id ?? ""}
              sends
            />
            <TextField id="q" name="q" type="search" label="Find" value={query} placeholder="Name or id" />
            <button type="submit">Show</button>
          </form>
          {isCut ? <p class="hint">The newest keys are listed.</p> : null}
          {providers.map((provider) => (
            <ProviderModels
              provider={provider}
              rows={found.filter(({ model }) => model.entry.provider === provider.id)}
              chosen={chosen}
            />
          ))}
          {found.length > 0 ? null : (
            <p class="none">{rows.length === 0 ? "No account can answer now." : "Nothing has this name."}</p>
          )}
          <CustomModels providers={providers} custom={custom} shown={shown} />
        </>
      ) : (
        <Empty
          title="No model yet"
          text="Models come with accounts. Connect one, and its models are listed here."
        >
          <a class="button primary" href={PATH.accounts}>
            Connect an account
          </a>
        </Empty>
      )}
    </Page>
  );
};

const ProviderModels: FC<{
  provider: Provider;
  rows: readonly ModelRow[];
  chosen: KeyRecord | undefined;
}> = ({ provider, rows, chosen }) =>
  rows.length === 0 ? null : (
    <div class="models">
      <h2 id={`models-${provider.id}`}>
        {provider.name} <small>{counted(rows.length, "model")}</small>
      </h2>
      <section class="table" aria-labelledby={`models-${provider.id}`} tabindex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col">Answers on</th>
              <th scope="col" class="number">
                Context
              </th>
              <th scope="col" class="number">
                Output
              </th>
              {chosen === undefined ? null : <th scope="col">This key</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ model, refusal }) => (
              <tr class={refusal === undefined ? "" : "is-off"}>
                <th scope="row">
                  <span>{model.name}</span>
                  <code>{model.id}</code>
                </th>
                <td data-name="Answers on">
                  {model.entry.operations
                    .filter((operation) => operation !== "count_tokens")
                    .map((operation) => (
                      <span class="chip">{operation}</span>
                    ))}
                </td>
                <td class="number" data-name="Context">
                  {tokens(model.entry.limit.context)}
                </td>
                <td class="number" data-name="Output">
                  {tokens(model.entry.limit.output)}
                </td>
                {chosen === undefined ? null : (
                  <td data-name="This key">
                    {refusal === undefined ? (
                      <span class="yes">answers</span>
                    ) : (
                      <span class="no">{REFUSAL_TEXT[refusal]}</span>
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
