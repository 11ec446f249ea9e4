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

/**
 * The protocol that the agent uses for this model: one that the model's provider speaks, else the agent's own, which Kleis
 * translates; undefined for a model that generates nothing.
 */
export function protocolFor(
  { protocols }: Agent,
  { entry: { operations } }: ListedModel,
): Protocol | undefined {
  const native = protocols.find((protocol) => operations.includes(protocol));
  return native ?? (operations.some((operation) => operation !== "count_tokens") ? protocols[0] : undefined);
}

/** True where Kleis translates between the agent's protocol and that of the model's provider. */
export function isTranslated({ protocol, model }: Pick<Setup, "protocol" | "model">): boolean {
  return !model.entry.operations.includes(protocol);
}

/** The models that the agent can use: preferred ones first, translated ones last, otherwise in the given order. */
export function modelsFor(agent: Agent, models: readonly ListedModel[]): ListedModel[] {
  const rankOf = (model: ListedModel): number | undefined => {
    const protocol = protocolFor(agent, model);
    if (protocol === undefined) return undefined;
    if (isTranslated({ protocol, model })) return 2;
    return agent.prefers?.test(model.id) === false ? 1 : 0;
  };
  return [0, 1, 2].flatMap((rank) => models.filter((model) => rankOf(model) === rank));
}

/** The most models listed in one file. */
const FILE_MAX = 40;

/** The models to list in a configuration file: the chosen one first. */
export function modelsInFile(chosen: ListedModel, usable: readonly ListedModel[]): ListedModel[] {
  return [chosen, ...usable.filter(({ id }) => id !== chosen.id)].slice(0, FILE_MAX);
}
