/**
 * The tool names of one subscription request: a table that maps the client's names to upstream names and back, one to
 * one (providers/claude.md §2.5). The same request gives the same table; a name not in it is left alone.
 */
import type { JsonObject } from "../../json.ts";
import type { Edit } from "../../protocols/body.ts";
import { MAX_EDITS, tooManyEdits } from "../../protocols/edit-limit.ts";
import { PROFILE } from "./profile.ts";
import { requestSites } from "./tool-name-sites.ts";

export interface ToolNames {
  /** The client's name to the one sent upstream. */
  readonly forward: ReadonlyMap<string, string>;
  /** The upstream name to the client's. */
  readonly inverse: ReadonlyMap<string, string>;
  /** The request's names that change. Empty: the response's names need not be checked either. */
  readonly edits: Edit[];
}

const CANONICAL = new Map<string, string>(PROFILE.tools.canonical.map((name) => [name.toLowerCase(), name]));

export function toolNames(body: JsonObject): ToolNames {
  const forward = new Map<string, string>();
  const inverse = new Map<string, string>();
  const edits: Edit[] = [];
  const numbered: NumberedNames = new Map();
  for (const { path, name, fixed } of requestSites(body)) {
    if (fixed) {
      if (!forward.has(name) && !inverse.has(name)) record(name, name);
      continue;
    }
    const upstream = forward.get(name) ?? record(name, upstreamName(name, inverse, numbered));
    if (upstream === name) continue;
    if (edits.length >= MAX_EDITS) throw tooManyEdits();
    edits.push({ change: "claude-tool-names", op: "set", path, value: upstream });
  }
  return { forward, inverse, edits };

  function record(name: string, upstream: string): string {
    forward.set(name, upstream);
    inverse.set(upstream, name);
    return upstream;
  }
}

/** By the beginning that is left of a name, the first number after it that is not known to be taken. */
type NumberedNames = Map<string, number>;

/** The preferred name; where it is taken, the tool's own; where that is taken too, a numbered one. */
function upstreamName(name: string, taken: ReadonlyMap<string, string>, numbered: NumberedNames): string {
  const preferred = preferredName(name);
  if (!taken.has(preferred)) return preferred;
  if (!taken.has(name)) return name;
  for (let digits = 1; ; digits++) {
    const beginning = preferred.slice(0, PROFILE.tools.maxLength - digits - 1);
    // Names are only ever added, so that a number that was taken once stays so.
    const counter = `${digits} ${beginning}`;
    const end = 10 ** digits;
    for (let number = numbered.get(counter) ?? Math.max(end / 10, 2); number < end; number++) {
      if (taken.has(`${beginning}_${number}`)) continue;
      numbered.set(counter, number + 1);
      return `${beginning}_${number}`;
    }
    numbered.set(counter, end);
  }
}

function preferredName(name: string): string {
  const { pattern, prefix, maxLength } = PROFILE.tools;
  // A name the API refuses stays as it is, so that its refusal speaks of what the client sent.
  if (!pattern.test(name) || name.startsWith(prefix)) return name;
  const canonical = CANONICAL.get(name.toLowerCase());
  if (canonical !== undefined) return canonical;
  const prefixed = prefix + name;
  return prefixed.length > maxLength ? name : prefixed;
}
