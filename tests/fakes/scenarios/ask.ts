/** What an inference request asks for, as far as a scenario needs it to give a fitting answer. */
import { arrayOf, type Dict, objectOf, objectsOf, stringOf } from "../inspect.ts";

export interface DeclaredTool {
  readonly name: string;
  readonly kind: "function" | "custom";
  /** JSON schema of the arguments. */
  readonly schema: Dict;
  readonly namespace?: string;
}

export interface Ask {
  readonly model: string;
  readonly stream: boolean;
  /** Those that the caller itself executes, in order of declaration. */
  readonly tools: readonly DeclaredTool[];
  /** Text of the last user message. */
  readonly text: string;
  /** Chat only: usage was asked for in the stream. */
  readonly includeUsage: boolean;
  /** The caller names the one tool that must be called. */
  readonly forced?: boolean;
  /** Responses only: how many input tokens were cached. */
  readonly cachedTokens?: number;
}

/** What an agent is asked to execute. */
export interface ToolCall {
  readonly tool: DeclaredTool;
  readonly arguments: Dict;
}

/** Knobs of single scenarios. */
export interface ScenarioOptions {
  /** The answer's text, instead of the echo. */
  text?: string;
  /** `long`: number of delta events. */
  events?: number;
  /** `big-event`: bytes of text in its one delta. */
  bytes?: number;
  /** Chat `parallel-tools`: both calls carry index 0. */
  sharedIndex?: boolean;
  /** Scenarios with exactly one tool call: this one, instead of the first tool with sample arguments. */
  call?: ToolCall;
  /** Responses and Chat: the sealed form of the reasoning, instead of one of the fake's own. */
  sealed?: string;
}

export const NOTHING_ASKED: Ask = {
  model: "fake-model",
  stream: true,
  tools: [],
  text: "",
  includeUsage: false,
};

/** What the fake says: enough of the question that a person sees it is alive. */
export function echo(ask: Ask, options: ScenarioOptions = {}): string {
  if (options.text !== undefined) return options.text;
  const heard = ask.text.trim().slice(-200);
  return heard === "" ? `Hello from the fake ${ask.model}.` : `The fake ${ask.model} heard: ${heard}`;
}

/** Words with their spaces: joined again they are the text. */
export function words(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [""];
}

/** The n-th tool of a kind, or an invented one when the request declares too few. */
export function toolAt(ask: Ask, index: number, kind: DeclaredTool["kind"] = "function"): DeclaredTool {
  const fitting = ask.tools.filter((tool) => tool.kind === kind);
  return (
    fitting[index] ??
    fitting[0] ?? { name: index === 0 ? "lookup" : `lookup_${index + 1}`, kind, schema: LOOKUP }
  );
}

const LOOKUP: Dict = { type: "object", properties: { query: { type: "string" } }, required: ["query"] };

/** Arguments that satisfy a tool's schema: a value for each required property. */
export function argumentsFor(tool: DeclaredTool): Dict {
  return objectOf(sample(tool.schema, tool.name, tool.schema, 0)) ?? {};
}

/** The one tool call of a scenario. */
export function callOf(ask: Ask, options: ScenarioOptions): ToolCall {
  return options.call ?? sampleCall(toolAt(ask, 0));
}

export function sampleCall(tool: DeclaredTool): ToolCall {
  return { tool, arguments: argumentsFor(tool) };
}

/** JSON text in two halves, as arguments arrive in a stream. */
export function halves(json: string): [string, string] {
  const middle = Math.ceil(json.length / 2);
  return [json.slice(0, middle), json.slice(middle)];
}

function sample(schema: unknown, name: string, root: Dict, depth: number): unknown {
  const node = resolve(schema, root);
  if (node === null || depth > 8) return `${name} value`;
  if ("const" in node) return node.const;
  if (Array.isArray(node.enum)) return node.enum[0];
  const option = [...arrayOf(node.anyOf), ...arrayOf(node.oneOf), ...arrayOf(node.allOf)].find(
    (entry) => objectOf(entry)?.type !== "null",
  );
  if (option !== undefined) return sample(option, name, root, depth + 1);
  const type = Array.isArray(node.type) ? node.type.find((entry) => entry !== "null") : node.type;
  switch (type) {
    case "integer":
    case "number":
      return typeof node.minimum === "number" ? node.minimum : 1;
    case "boolean":
      return true;
    case "null":
      return null;
    case "array":
      return Number(node.minItems ?? 1) === 0 ? [] : [sample(node.items, name, root, depth + 1)];
    case "string":
      return `${name} value`;
    default:
      break;
  }
  const properties = objectOf(node.properties);
  if (properties === null) return type === "object" ? {} : `${name} value`;
  return Object.fromEntries(
    arrayOf(node.required).map((key) => [
      String(key),
      sample(properties[String(key)], String(key), root, depth + 1),
    ]),
  );
}

function resolve(schema: unknown, root: Dict): Dict | null {
  const node = objectOf(schema);
  const reference = stringOf(node?.$ref);
  if (!reference.startsWith("#/")) return node;
  let target: unknown = root;
  for (const step of reference.slice(2).split("/")) target = objectOf(target)?.[step];
  return objectOf(target);
}

/** The text of a message's content, whatever the protocol calls its text parts. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return objectsOf(content)
    .map((part) => stringOf(part.text))
    .join("");
}

/** Text of the last message with role `user` that has any. */
export function lastUserText(messages: unknown): string {
  const spoken = objectsOf(messages)
    .filter((message) => message.role === "user")
    .map((message) => textOf(message.content))
    .filter((text) => text !== "");
  return spoken.at(-1) ?? "";
}
