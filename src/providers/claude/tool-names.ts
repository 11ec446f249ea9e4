/**
 * The tool names of one subscription request: a table that maps the client's names to upstream names and back, one to
 * one (providers/claude.md §2.5). The same request gives the same table; a name not in it is left alone.
 */
import type { JsonObject } from "../../json.ts";
import type { Edit } from "../../protocols/body.ts";
import { PROFILE } from "./profile.ts";
import { requestSites } from "./tool-name-sites.ts";

export interface ToolNames {
  /** The client's name to the one sent upstream. */
  readonly forward: ReadonlyMap<string, string>;
  /** The upstream name to the client's. */
  readonly inverse: ReadonlyMap<string, string>;
  /** The request's names that change. Empty means that the answer's names need no look either. */
  readonly edits: Edit[];
}

const CANONICAL = new Map<string, string>(PROFILE.tools.canonical.map((name) => [name.toLowerCase(), name]));

export function toolNames(body: JsonObject): ToolNames {
  const forward = new Map<string, string>();
  const inverse = new Map<string, string>();
  const edits: Edit[] = [];
  for (const { path, name, fixed } of requestSites(body)) {
    if (fixed) {
      if (!forward.has(name) && !inverse.has(name)) record(name, name);
      continue;
    }
    const upstream = forward.get(name) ?? record(name, upstreamName(name, inverse));
    if (upstream !== name) edits.push({ change: "claude-tool-names", op: "set", path, value: upstream });
  }
  return { forward, inverse, edits };

  function record(name: string, upstream: string): string {
    forward.set(name, upstream);
    inverse.set(upstream, name);
    return upstream;
  }
}

/** The preferred name; where it is taken, the tool's own; where that is taken too, a numbered one. */
function upstreamName(name: string, taken: ReadonlyMap<string, string>): string {
  const preferred = preferredName(name);
  if (!taken.has(preferred)) return preferred;
  if (!taken.has(name)) return name;
  for (let number = 2; ; number++) {
    const suffix = `_${number}`;
    const numbered = preferred.slice(0, PROFILE.tools.maxLength - suffix.length) + suffix;
    if (!taken.has(numbered)) return numbered;
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
