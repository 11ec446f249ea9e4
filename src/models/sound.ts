/**
 * Which providers and models of a foreign registry may be passed on. One model without limits makes every command of
 * OpenCode crash (models-registry.md §2), so what must be there is there and what is there is of its kind. Written by
 * hand because it looks at thousands of models and copies none.
 */
import { isObject, type JsonObject } from "../json.ts";
import { MAX_MODEL_ID } from "./registry.ts";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string" && value !== "";
const isString: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isAmount: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isWords: Check = (value) => Array.isArray(value) && value.every(isString);
const isRecord: Check = (value) => isObject(value);

/** What holds for the members of a provider and of a model. */
interface Shape {
  readonly required: Readonly<Record<string, Check>>;
  readonly optional: Readonly<Record<string, Check>>;
}

const PROVIDER = shape({
  required: { name: isText, env: isNames, models: isRecord },
  optional: { npm: isText, api: isText, doc: isString },
});

const MODEL = shape({
  required: { name: isText, limit: isLimit },
  optional: {
    description: isString,
    family: isString,
    attachment: isBoolean,
    reasoning: isBoolean,
    tool_call: isBoolean,
    temperature: isBoolean,
    structured_output: isBoolean,
    open_weights: isBoolean,
    release_date: isString,
    last_updated: isString,
    knowledge: isString,
    status: isString,
    reasoning_options: (value) => Array.isArray(value) && value.every(isRecord),
    interleaved: (value) => isBoolean(value) || isRecord(value),
    modalities: (value) => isObject(value) && isWords(value.input) && isWords(value.output),
    cost: isCost,
    provider: isRecord,
    experimental: (value) => isObject(value) && (value.modes === undefined || isModes(value.modes)),
  },
});

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isText);
}

function isLimit(value: unknown): boolean {
  if (!isObject(value) || !isAmount(value.context) || !isAmount(value.output)) return false;
  return value.input === undefined || isAmount(value.input);
}

/** Prices in numbers; `tiers` and `context_over_200k` hold further ones. */
function isCost(value: unknown): boolean {
  if (!isObject(value) || !isAmount(value.input) || !isAmount(value.output)) return false;
  return Object.values(value).every(
    (price) => isAmount(price) || (typeof price === "object" && price !== null),
  );
}

function isModes(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isRecord);
}

interface Member {
  readonly name: string;
  readonly check: Check;
  readonly required: boolean;
}

function shape({ required, optional }: Shape): readonly Member[] {
  return [
    ...Object.entries(required).map(([name, check]) => ({ name, check, required: true })),
    ...Object.entries(optional).map(([name, check]) => ({ name, check, required: false })),
  ];
}

/** True for a provider that stands under its own id and can be read; its models are judged one by one. */
export function isSoundProvider(key: string, value: unknown): value is JsonObject & { models: JsonObject } {
  return isObject(value) && value.id === key && key !== "" && fits(value, PROVIDER);
}

/** True for a model that stands under its own id and can be read. */
export function isSoundModel(key: string, value: unknown): boolean {
  return (
    isObject(value) && value.id === key && key !== "" && key.length <= MAX_MODEL_ID && fits(value, MODEL)
  );
}

function fits(value: JsonObject, members: readonly Member[]): boolean {
  for (const { name, check, required } of members) {
    const member = value[name];
    if (member === undefined ? required : !check(member)) return false;
  }
  return true;
}
