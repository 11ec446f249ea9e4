/**
 * Which providers and models of a foreign registry may be passed on. One model without limits makes every command of
 * OpenCode crash (registry.md §2), so what must be there is there and what is there is of its kind. What need not
 * be there costs only itself: a member that is null or of another kind is left out, at whatever depth. Written by hand
 * because it looks at thousands of models and copies none.
 */
import { isObject, type JsonObject } from "../../json.ts";
import type { Path } from "../../protocols/body.ts";
import { MAX_MODEL_ID } from "./schema.ts";

/** A place in a registry, from the inside out: made for every member, so no list is built until one is to go. */
interface Place {
  readonly step: string | number;
  readonly outer: Place | null;
}

/** True for a value of the right kind, once what `drop` was told of is left out. */
type Rule = (value: unknown, place: Place, drop: (place: Place) => void) => boolean;

const isText: Rule = (value) => typeof value === "string" && value !== "";
const isString: Rule = (value) => typeof value === "string";
const isBoolean: Rule = (value) => typeof value === "boolean";
const isAmount: Rule = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isRecord: Rule = (value) => isObject(value);
const isAnything: Rule = () => true;

interface Shape {
  readonly required?: Readonly<Record<string, Rule>>;
  readonly optional?: Readonly<Record<string, Rule>>;
  /** For members of any other name; absent: they are none of our business. */
  readonly others?: Rule;
}

function object({ required = {}, optional = {}, others = isAnything }: Shape): Rule {
  const musts = Object.entries(required);
  const rules = new Map(Object.entries(optional));
  const looksAtAll = others !== isAnything;
  return (value, place, drop) => {
    if (!isObject(value)) return false;
    for (const [name, rule] of musts) {
      if (!rule(value[name], { step: name, outer: place }, drop)) return false;
    }
    for (const name of looksAtAll ? Object.keys(value) : rules.keys()) {
      const member = value[name];
      if (member === undefined || name in required) continue;
      const inside = { step: name, outer: place };
      const rule = rules.get(name) ?? others;
      if (member === null || !rule(member, inside, drop)) drop(inside);
    }
    return true;
  };
}

/** A list; an element of another kind goes without the others. */
function list(rule: Rule): Rule {
  return (value, place, drop) => {
    if (!Array.isArray(value)) return false;
    value.forEach((element, index) => {
      const inside = { step: index, outer: place };
      if (!rule(element, inside, drop)) drop(inside);
    });
    return true;
  };
}

/** An effort is one of its values; with other options there is nothing that must be there. */
const isReasoningOption: Rule = (value, place, drop) =>
  isObject(value) && (value.type !== "effort" || isEffort(value, place, drop));
const isEffort = object({
  required: { values: list((effort) => effort === null || typeof effort === "string") },
});

/** Prices in numbers. */
const PRICES: Shape = { required: { input: isAmount, output: isAmount }, others: isAmount };
const isTier = object({
  ...PRICES,
  required: { ...PRICES.required, tier: object({ required: { size: isAmount } }) },
});
const isCost = object({ ...PRICES, optional: { tiers: list(isTier), context_over_200k: object(PRICES) } });

/** What a model or a mode of it changes of how it is asked for. */
const isOverride = object({
  optional: {
    npm: isString,
    api: isString,
    shape: isString,
    body: isRecord,
    headers: object({ others: isString }),
  },
});
const isMode = object({ optional: { cost: isCost, provider: isOverride } });

const isModel = object({
  required: {
    name: isText,
    limit: object({ required: { context: isAmount, output: isAmount }, optional: { input: isAmount } }),
  },
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
    reasoning_options: list(isReasoningOption),
    interleaved: (value) => typeof value === "boolean" || isObject(value),
    modalities: object({ required: { input: list(isString), output: list(isString) } }),
    cost: isCost,
    provider: isOverride,
    experimental: object({ optional: { modes: object({ others: isMode }) } }),
  },
});

/** The package and the address decide where a client sends its key: absent they may be, but not of another kind. */
const isAbsentOrText: Rule = (value, place, drop) => {
  if (value === null) drop(place);
  return value === undefined || value === null || isText(value, place, drop);
};

const isProvider = object({
  required: { name: isText, env: isNames, models: isRecord, npm: isAbsentOrText, api: isAbsentOrText },
  optional: { doc: isString },
});

function isNames(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string" && name !== "")
  );
}

/** What may be kept of an entry: all but the members at these paths, seen from the entry. Null: nothing. */
export type Validation = { readonly without: readonly Path[] } | null;

/** Judges a provider that must stand under its own id; its models are validated one by one. */
export function validateProvider(key: string, value: unknown): Validation {
  return validate(key, value, isProvider);
}

/** Judges a model that must stand under its own id. */
export function validateModel(key: string, value: unknown): Validation {
  return key.length > MAX_MODEL_ID ? null : validate(key, value, isModel);
}

function validate(key: string, value: unknown, rule: Rule): Validation {
  if (!isObject(value) || value.id !== key || key === "") return null;
  const without: Path[] = [];
  const isValid = rule(value, { step: "", outer: null }, (place) => {
    const path = pathOf(place);
    // What was found inside it goes along.
    while (path.every((step, at) => without.at(-1)?.[at] === step)) without.pop();
    without.push(path);
  });
  return isValid ? { without } : null;
}

function pathOf(place: Place): Path {
  const path: (string | number)[] = [];
  for (let at: Place | null = place; at?.outer != null; at = at.outer) path.unshift(at.step);
  return path;
}

/** Leaves the members out of a parsed entry, in place. */
export function leaveOut(entry: JsonObject, without: readonly Path[]): void {
  // Backwards, so that no element shifts before its turn.
  for (const path of without.toReversed()) {
    let holder: unknown = entry;
    for (const step of path.slice(0, -1)) holder = (holder as Record<string | number, unknown>)[step];
    const last = path.at(-1);
    if (Array.isArray(holder)) holder.splice(Number(last), 1);
    else if (isObject(holder)) delete holder[String(last)];
  }
}
