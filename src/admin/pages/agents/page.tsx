/** The agents page: choose a key, a model and an agent, copy the setup, and test it. */
import type { Child, FC } from "hono/jsx";
import type { ListedModel } from "../../../models/catalogue/list.ts";
import type { KeyRecord } from "../../../storage/port.ts";
import { CodeBlock, SelectField } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Empty, type Frame, Head, PATH, Page } from "../../ui/layout.tsx";
import { type Agent, isTranslated, modelsFor, protocolFor, type Setup } from "./agent.ts";
import { AGENTS } from "./catalogue.ts";
import type { TestResult } from "./test-request.ts";

export interface AgentsProps {
  frame: Frame;
  /** Working keys to choose from. */
  keys: readonly KeyRecord[];
  /** Whether there are more than these. */
  isCut: boolean;
  chosen: KeyRecord | undefined;
  agent: Agent;
  /** The models that the chosen key may use, newest first. */
  models: readonly ListedModel[];
  /** The requested model; another one is shown when the agent cannot use it. */
  wanted: string | undefined;
  /** The key's text, after an explicit reveal. */
  revealed?: { key: string; discoveryToken: string } | undefined;
  testResult?: TestResult | undefined;
  hasAccount: boolean;
}

export const AgentsPage: FC<AgentsProps> = (props) => {
  const { frame, keys, chosen, hasAccount } = props;
  return (
    <Page frame={frame} section="use" title="Use it">
      <Head title="Use it" lead="Choose a key and an agent, paste the setup, and test it from here." />
      {chosen === undefined ? (
        <Empty
          title={hasAccount ? "No key yet" : "Nothing to use yet"}
          text={
            hasAccount
              ? "Create a key first: it is what the agent sends."
              : "Connect an account and create a key; then this page has the setup for your agents."
          }
        >
          {hasAccount ? (
            <a class="button primary" id="new-key" href="/admin/page/keys/new" data-panel-link>
              <Icon name="plus" />
              Create a key
            </a>
          ) : (
            <a class="button primary" href={PATH.accounts}>
              Connect an account
            </a>
          )}
        </Empty>
      ) : (
        <Chosen {...props} chosen={chosen} keys={keys} />
      )}
    </Page>
  );
};

/** What the owner should know of a model that the agent's protocol is translated for. */
const TRANSLATED =
  "The model’s provider speaks another protocol than this agent: Kleis translates. What it cannot carry, such as tools that the agent’s own vendor runs, is left out and named in the response header x-kleis-changes, or refused with what to do.";

/** The id of the form that requests the page with the key filled in. */
const FILL = "fill-form";

const Chosen: FC<AgentsProps & { chosen: KeyRecord }> = (props) => {
  const { frame, isCut, chosen, agent, models, wanted, revealed } = props;
  const usable = modelsFor(agent, models);
  const model = usable.find(({ id }) => id === wanted) ?? usable[0];
  const protocol = model === undefined ? undefined : protocolFor(agent, model);
  const setup: Setup | undefined =
    model === undefined || protocol === undefined
      ? undefined
      : {
          origin: frame.origin,
          key: revealed?.key ?? `${chosen.prefix}…`,
          discoveryToken: revealed?.discoveryToken ?? null,
          model,
          protocol,
          models,
        };
  return (
    <>
      <SelectionBar {...props} usable={usable} model={model} />
      {isCut ? (
        <p class="hint">
          The newest keys are listed. Any other: “Use it” on its card, under <a href={PATH.keys}>Keys</a>.
        </p>
      ) : null}
      <AgentTabs {...props} model={model?.id} />
      {setup === undefined ? (
        <Empty
          title={`No model for ${agent.name}`}
          text="This key may use no model now: its accounts must sign in again, or its limits leave nothing."
        >
          <a class="button" href={`${PATH.models}?key=${chosen.id}`}>
            See its models
          </a>
        </Empty>
      ) : (
        <SetupSection {...props} setup={setup} />
      )}
    </>
  );
};

/** Chooses the key and the model. */
const SelectionBar: FC<
  AgentsProps & {
    chosen: KeyRecord;
    /** The models that the agent can use. */
    usable: readonly ListedModel[];
    model: ListedModel | undefined;
  }
> = ({ keys, chosen, agent, usable, model }) => (
  <form class="bar" method="get" action={PATH.use}>
    <input type="hidden" name="agent" value={agent.id} />
    <SelectField
      id="key"
      name="key"
      label="Key"
      choices={keys.map(({ id, label, prefix }) => ({ value: id, name: `${label} (${prefix}…)` }))}
      chosen={chosen.id}
      sends
    />
    <SelectField
      id="model"
      name="model"
      label="Model"
      choices={usable.map(({ id, name }) => ({ value: id, name: name === id ? id : `${name} (${id})` }))}
      chosen={model?.id}
      sends
    />
    <button class="no-js" type="submit">
      Show
    </button>
  </form>
);

/** What to paste, and the test. */
const SetupSection: FC<AgentsProps & { chosen: KeyRecord; setup: Setup }> = (props) => {
  const { agent, wanted, setup, revealed, testResult } = props;
  const isOther = wanted !== undefined && wanted !== "" && setup.model.id !== wanted;
  return (
    <section class="setup" aria-label={`Setup for ${agent.name}`}>
      {isOther ? (
        <p class="hint">
          {agent.name} cannot use {wanted}; shown with {setup.model.id}.
        </p>
      ) : null}
      {agent.note === undefined ? null : <p class="note">{agent.note(setup)}</p>}
      {isTranslated(setup) ? <p class="note">{TRANSLATED}</p> : null}
      {revealed === undefined ? (
        <SelfForm {...props} model={setup.model.id} action={PATH.use} id={FILL}>
          <div class="row">
            <button id="fill" type="submit">
              Fill in the key
            </button>
            <span class="hint">It is shown only when you ask for it.</span>
          </div>
        </SelfForm>
      ) : null}
      {agent.snippets(setup).map(({ title, text }, index) => (
        <CodeBlock
          id={`snippet-${index}`}
          title={title}
          text={text}
          fills={revealed === undefined && text.includes(setup.key) ? FILL : undefined}
        />
      ))}
      <SelfForm {...props} model={setup.model.id} action={`${PATH.use}/test`}>
        <div class="row">
          <button id="test" class="primary" type="submit" data-busy="Asking…">
            Test
          </button>
          <span class="hint">Sends one tiny request with this key to {setup.model.id}.</span>
        </div>
      </SelfForm>
      <TestOutcome result={testResult} />
    </section>
  );
};

const TestOutcome: FC<{ result: TestResult | undefined }> = ({ result }) => (
  <div class="test-result" aria-live="polite">
    {result === undefined ? null : (
      <div class={`notice ${result.ok ? "good" : "bad"}`} id="test-result">
        <Icon name={result.ok ? "check" : "alert"} />
        <span>
          {result.text}
          {result.next === undefined ? null : <span class="why">{result.next}</span>}
        </span>
      </div>
    )}
  </div>
);

/** Links; once the key is revealed they are buttons, so that it stays revealed on the next agent. */
const AgentTabs: FC<AgentsProps & { chosen: KeyRecord; model: string | undefined }> = (props) => {
  const { chosen, agent, wanted, model, revealed } = props;
  const keep = wanted ?? model ?? "";
  const current = (id: string) => (id === agent.id ? { "aria-current": "true" as const } : {});
  if (revealed !== undefined) {
    return (
      <form method="post" action={PATH.use}>
        <input type="hidden" name="key" value={chosen.id} />
        <input type="hidden" name="model" value={keep} />
        <fieldset class="tabs" aria-label="Agents">
          {AGENTS.map(({ id, name }) => (
            <button type="submit" id={`agent-${id}`} name="agent" value={id} {...current(id)}>
              {name}
            </button>
          ))}
        </fieldset>
      </form>
    );
  }
  return (
    <nav class="tabs" aria-label="Agents">
      {AGENTS.map(({ id, name }) => (
        <a
          id={`agent-${id}`}
          href={`${PATH.use}?${new URLSearchParams({ key: chosen.id, agent: id, ...(wanted ? { model: wanted } : {}) })}`}
          data-swap
          {...current(id)}
        >
          {name}
        </a>
      ))}
    </nav>
  );
};

/** A form that requests the same page with the same selection. */
const SelfForm: FC<
  AgentsProps & { chosen: KeyRecord; model: string; action: string; id?: string; children?: Child }
> = ({ chosen, agent, model, revealed, action, id, children }) => (
  <form method="post" action={action} {...(id === undefined ? {} : { id })}>
    <input type="hidden" name="key" value={chosen.id} />
    <input type="hidden" name="agent" value={agent.id} />
    <input type="hidden" name="model" value={model} />
    {revealed === undefined ? null : <input type="hidden" name="revealed" value="1" />}
    {children}
  </form>
);
