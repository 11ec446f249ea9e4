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
    reasoning_options: (value) => Array.isArray(value) && value.every(isReasoningOption),
    interleaved: (value) => isBoolean(value) || isRecord(value),
    modalities: (value) => isObject(value) && isWords(value.input) && isWords(value.output),
    cost: isCost,
    provider: isOverride,
    experimental: (value) => isObject(value) && isAbsentOr(isModes)(value.modes),
  },
});

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isText);
}

function isLimit(value: unknown): boolean {
  if (!isObject(value) || !isAmount(value.context) || !isAmount(value.output)) return false;
  return value.input === undefined || isAmount(value.input);
}

/** An effort is one of its values; with other options there is nothing that must be there. */
function isReasoningOption(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value.type !== "effort") return true;
  return Array.isArray(value.values) && value.values.every((effort) => effort === null || isString(effort));
}

/** Prices in numbers; `tiers` and `context_over_200k` hold further ones. */
function isCost(value: unknown): boolean {
  return isPrices(value, BESIDE_COST);
}

/** Numbers under every name but those that stand beside them. */
function isPrices(value: unknown, beside?: ReadonlyMap<string, Check>): boolean {
  if (!isObject(value) || !isAmount(value.input) || !isAmount(value.output)) return false;
  return Object.entries(value).every(([name, member]) => (beside?.get(name) ?? isAmount)(member));
}

const BESIDE_COST: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["tiers", (value) => Array.isArray(value) && value.every(isTier)],
  ["context_over_200k", (value) => isPrices(value)],
]);

function isTier(value: unknown): boolean {
  return isObject(value) && value.tier !== undefined && isPrices(value, BESIDE_TIER);
}

const BESIDE_TIER: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["tier", (value) => isObject(value) && isAmount(value.size)],
]);

/** What a model or a mode of it changes of how it is asked for. */
function isOverride(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { npm, api, shape: form, body, headers } = value;
  return (
    [npm, api, form].every(isAbsentOr(isString)) &&
    isAbsentOr(isRecord)(body) &&
    isAbsentOr(isStrings)(headers)
  );
}

function isStrings(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isString);
}

function isModes(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isMode);
}

function isMode(value: unknown): boolean {
  return isObject(value) && isAbsentOr(isCost)(value.cost) && isAbsentOr(isOverride)(value.provider);
}

function isAbsentOr(check: Check): Check {
  return (value) => value === undefined || check(value);
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
