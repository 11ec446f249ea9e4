/** An agent as the page knows it: its protocols, its setup, and the models it can request. Pure. */
import type { ListedModel } from "../../../models/catalogue/list.ts";
import type { Protocol } from "../../../protocols/protocol.ts";

/** The values that a setup is filled with. */
export interface Setup {
  /** The root address, without `/v1`. */
  readonly origin: string;
  /** The key's text, or its first characters and `…` while it is not revealed. */
  readonly key: string;
  /** Opens the key's own model list; null while the key is not revealed. */
  readonly discoveryToken: string | null;
  readonly model: ListedModel;
  /** The protocol that the agent will use for the model. */
  readonly protocol: Protocol;
  /** All models that the key may use. */
  readonly models: readonly ListedModel[];
}

export interface Snippet {
  /** Where it goes: a shell, or a file by its path. */
  readonly title: string;
  readonly text: string;
}

export interface Agent {
  readonly id: string;
  readonly name: string;
  /** Supported protocols, preferred first. */
  readonly protocols: readonly Protocol[];
  /** Models to offer first, by id. */
  readonly prefers?: RegExp;
  /** A note shown with the snippets. */
  readonly note?: (setup: Setup) => string;
  readonly snippets: (setup: Setup) => Snippet[];
}

/** The environment variable that holds the key in every setup. */
export const KEY_VARIABLE = "KLEIS_API_KEY";

export const SHELL = "Shell";

export const exported = (name: string, value: string) => `export ${name}=${value}`;

export const keyLine = ({ key }: Setup) => exported(KEY_VARIABLE, key);

/** The protocol that the agent would use for this model; undefined when they have none in common. */
export function commonProtocol(agent: Agent, model: ListedModel): Protocol | undefined {
  return agent.protocols.find((protocol) => model.entry.operations.includes(protocol));
}

/** The models that the agent can use, preferred ones first, otherwise in the given order. */
export function modelsFor(agent: Agent, models: readonly ListedModel[]): ListedModel[] {
  const usable = models.filter((model) => commonProtocol(agent, model) !== undefined);
  const { prefers } = agent;
  if (prefers === undefined) return usable;
  return [...usable.filter(({ id }) => prefers.test(id)), ...usable.filter(({ id }) => !prefers.test(id))];
}

/** The most models listed in one file. */
const FILE_MAX = 40;

/** The models to list in a configuration file: the chosen one first. */
export function modelsInFile(chosen: ListedModel, usable: readonly ListedModel[]): ListedModel[] {
  return [chosen, ...usable.filter(({ id }) => id !== chosen.id)].slice(0, FILE_MAX);
}
