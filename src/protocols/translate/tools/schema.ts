/**
 * JSON Schemas between the vendors. Claude wants an object without unions at the root of a tool's schema, and closed objects
 * without most limits in an output's (Anthropic's SDK, `transformJSONSchema`); OpenAI's strict mode has rules of its own.
 */
import { isObject, type Json, type JsonObject } from "../../../json.ts";

const UNIONS = ["anyOf", "oneOf", "allOf"] as const;

/** A tool's schema with an object at its root; the same object where it is one already. */
export function objectSchema(schema: JsonObject): JsonObject {
  const { $schema: _, ...rest } = schema;
  const root = resolveRoot(rest);
  const hasUnion = UNIONS.some((name) => Array.isArray(root[name]));
  if (!hasUnion && root.type === "object" && isObject(root.properties))
    return schema.$schema === undefined && root === rest ? schema : root;
  const flat = hasUnion ? flatten(root) : root;
  const { type: _type, properties, ...others } = flat;
  return { type: "object", properties: isObject(properties) ? properties : {}, ...others };
}

/** What a root that is a reference into its own definitions refers to. */
function resolveRoot(schema: JsonObject): JsonObject {
  const { $ref, ...rest } = schema;
  const target = typeof $ref === "string" ? definition(schema, $ref) : undefined;
  return target === undefined ? schema : { ...rest, ...target };
}

function definition(schema: JsonObject, reference: string): JsonObject | undefined {
  const [, where = "", name = ""] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
  const definitions = schema[where];
  const target = isObject(definitions) ? definitions[name] : undefined;
  return isObject(target) ? target : undefined;
}

/** The members of all branches as one object: required is what every branch requires, or any one of `allOf`. */
function flatten(root: JsonObject): JsonObject {
  const flat: JsonObject = { ...root };
  const properties: JsonObject = isObject(root.properties) ? { ...root.properties } : {};
  const required = new Set(strings(root.required));
  for (const name of UNIONS) {
    const branches = root[name];
    if (!Array.isArray(branches)) continue;
    delete flat[name];
    const objects = branches.flatMap((branch) => (isObject(branch) ? [branchOf(root, branch)] : []));
    for (const branch of objects)
      if (isObject(branch.properties))
        for (const [key, value] of Object.entries(branch.properties)) properties[key] ??= value;
    const needs = objects.map((branch) => new Set(strings(branch.required)));
    for (const key of needs.flatMap((each) => [...each]))
      if (name === "allOf" || needs.every((each) => each.has(key))) required.add(key);
    // A branch may have members that another one closes itself against.
    if (flat.additionalProperties === false && objects.length > 1) delete flat.additionalProperties;
  }
  return { ...flat, properties, ...(required.size === 0 ? {} : { required: [...required] }) };
}

function branchOf(root: JsonObject, branch: JsonObject): JsonObject {
  return (typeof branch.$ref === "string" ? definition(root, branch.$ref) : undefined) ?? branch;
}

/** Keywords that Claude's structured output takes; every other becomes words in `description`. */
const TAKEN = new Set([
  "$ref",
  "$defs",
  "definitions",
  "type",
  "title",
  "description",
  "enum",
  "const",
  "anyOf",
  "oneOf",
  "allOf",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "minLength",
  "maxLength",
  "pattern",
  "default",
]);

const FORMATS = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

/** An output format's schema as Claude takes it. */
export function outputSchema(schema: JsonObject): JsonObject {
  const { $schema: _, ...rest } = schema;
  const out: JsonObject = {};
  const words: string[] = [];
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined) continue;
    if (isTaken(name, value)) out[name === "oneOf" ? "anyOf" : name] = nested(name, value);
    else words.push(`${name}: ${JSON.stringify(value)}`);
  }
  if (includesType(rest, "object") || isObject(rest.properties)) out.additionalProperties = false;
  if (words.length > 0)
    out.description = [rest.description, `{${words.join(", ")}}`].filter((part) => part).join("\n\n");
  return out;
}

function isTaken(name: string, value: Json): boolean {
  if (name === "format") return typeof value === "string" && FORMATS.has(value);
  if (name === "minItems") return value === 0 || value === 1;
  return TAKEN.has(name);
}

function nested(name: string, value: Json): Json {
  if (name === "anyOf" || name === "oneOf" || name === "allOf")
    return Array.isArray(value) ? value.map((each) => (isObject(each) ? outputSchema(each) : each)) : value;
  if (name === "items") return isObject(value) ? outputSchema(value) : value;
  if (name !== "properties" && name !== "$defs" && name !== "definitions") return value;
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, isObject(each) ? outputSchema(each) : each]),
  );
}

/** Keywords that OpenAI's strict mode refuses. */
const NOT_STRICT = ["allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "dependentRequired"];

/** True for a schema that OpenAI's strict mode takes: closed objects whose members are all required. */
export function canBeStrict(schema: JsonObject): boolean {
  return schema.type === "object" && !Array.isArray(schema.anyOf) && isStrict(schema);
}

function isStrict(schema: JsonObject): boolean {
  if (NOT_STRICT.some((name) => schema[name] !== undefined)) return false;
  if (includesType(schema, "object") || isObject(schema.properties)) {
    const required = new Set(strings(schema.required));
    const names = isObject(schema.properties) ? Object.keys(schema.properties) : [];
    if (schema.additionalProperties !== false || !names.every((name) => required.has(name))) return false;
  }
  return subschemas(schema).every(isStrict);
}

function subschemas(schema: JsonObject): JsonObject[] {
  const lists = [schema.anyOf, [schema.items ?? null]];
  const maps = [schema.properties, schema.$defs, schema.definitions];
  const inLists = lists.flatMap((list) => (Array.isArray(list) ? list : []));
  const inMaps = maps.flatMap((map) => (isObject(map) ? Object.values(map) : []));
  return [...inLists, ...inMaps].filter(isObject);
}

function includesType({ type }: JsonObject, name: string): boolean {
  return type === name || (Array.isArray(type) && type.includes(name));
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
