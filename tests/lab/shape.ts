/** The shape of a JSON value: paths and kinds, and no contents. */
import { isObject } from "../../src/json.ts";

/** Members that hold what a tool declares or is called with: their inside belongs to the tool. */
const OPAQUE = new Set(["input_schema", "output_schema", "parameters", "schema", "arguments", "input"]);
/** Members whose texts are names of the protocol. */
const NAMED = new Set(["include", "betas"]);
/** Members whose text says what kind of object it stands in. */
const KINDS = ["role", "type"];
const NAME = /^[A-Za-z_$][\w.$-]{0,63}$/;

/**
 * The paths in a value, sorted: `messages[]<user>.content[]<text>.text: string`. An object that names its kind shows it
 * in angle brackets; a member whose name is not a name (an id, a path of a file) shows as `*`.
 */
export function shapeOf(value: unknown): string[] {
  const paths = new Set<string>();
  walk(value, "", paths);
  return [...paths].sort();
}

function walk(value: unknown, path: string, paths: Set<string>): void {
  if (Array.isArray(value)) {
    if (value.length === 0) paths.add(`${path}: []`);
    for (const entry of value) walk(entry, `${path}[]`, paths);
    return;
  }
  if (!isObject(value)) {
    paths.add(`${path}: ${value === null ? "null" : typeof value}`);
    return;
  }
  const members = Object.entries(value);
  if (members.length === 0) paths.add(`${path}: {}`);
  const here = path + kindOf(value);
  for (const [key, member] of members) {
    const name = NAME.test(key) && !/\d{5}|[0-9a-f]{12}/.test(key) ? key : "*";
    const at = here === "" ? name : `${here}.${name}`;
    if (OPAQUE.has(key) && isObject(member)) paths.add(`${at}: {…}`);
    else if (NAMED.has(key) && Array.isArray(member))
      for (const entry of member) paths.add(`${at}[]=${nameOf(entry)}`);
    else walk(member, at, paths);
  }
}

function kindOf(value: Record<string, unknown>): string {
  return KINDS.map((key) => value[key])
    .filter((kind) => typeof kind === "string" && NAME.test(kind))
    .map((kind) => `<${kind}>`)
    .join("");
}

function nameOf(value: unknown): string {
  return typeof value === "string" && NAME.test(value) ? value : "*";
}
