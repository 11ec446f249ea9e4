/** What an agent is to the page: what it speaks, what to paste for it, and which models it can ask for. Pure. */
import type { ListedModel } from "../../../models/catalogue/list.ts";
import type { Protocol } from "../../../protocols/protocol.ts";

/** What a setup is filled with. */
export interface Setup {
  /** The root address, without `/v1`. */
  readonly origin: string;
  /** The key's text, or its first characters and `…` while it is not revealed. */
  readonly key: string;
  /** Opens the key's own model list; null while the key is not revealed. */
  readonly discoveryToken: string | null;
  readonly model: ListedModel;
  /** The protocol in which the agent will ask for the model. */
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
  /** What it can speak, best first. */
  readonly protocols: readonly Protocol[];
  /** Models to offer first, by id. */
  readonly prefers?: RegExp;
  /** What to know beside the snippets. */
  readonly note?: (setup: Setup) => string;
  readonly snippets: (setup: Setup) => Snippet[];
}

/** The variable in which every setup keeps the key. */
export const KEY_VARIABLE = "KLEIS_API_KEY";

export const SHELL = "Shell";

export const exported = (name: string, value: string) => `export ${name}=${value}`;

export const keyLine = ({ key }: Setup) => exported(KEY_VARIABLE, key);

/** The protocol in which the agent would ask for this model; undefined when they have none in common. */
export function commonProtocol(agent: Agent, model: ListedModel): Protocol | undefined {
  return agent.protocols.find((protocol) => model.entry.operations.includes(protocol));
}

/** The models that the agent can use, those it prefers first; the order is otherwise kept. */
export function modelsFor(agent: Agent, models: readonly ListedModel[]): ListedModel[] {
  const able = models.filter((model) => commonProtocol(agent, model) !== undefined);
  const { prefers } = agent;
  if (prefers === undefined) return able;
  return [...able.filter(({ id }) => prefers.test(id)), ...able.filter(({ id }) => !prefers.test(id))];
}

/** Models that one file names at most. */
const FILE_MAX = 40;

/** What to name in a file of the models that the agent can ask for: the chosen one first. */
export function modelsInFile(chosen: ListedModel, able: readonly ListedModel[]): ListedModel[] {
  return [chosen, ...able.filter(({ id }) => id !== chosen.id)].slice(0, FILE_MAX);
}
