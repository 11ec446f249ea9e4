/**
 * Agents join base URLs with paths by hand, and send `//v1/messages`, `/v1/v1/messages` and `/v1/models/`. This is the one
 * place that decides which address is meant; every route is matched by its result.
 */
import { getPath } from "hono/utils/url";

const VERSION = "v1";

/**
 * The path to route a request by. `prefixes`: the first segments that may stand before `/v1`; `inside` strips what stands
 * before all of Kleis's paths.
 */
export function canonicalPathOf(
  prefixes: ReadonlySet<string>,
  inside: (path: string) => string,
): (request: Request) => string {
  return (request) => canonicalPath(inside(getPath(request)), prefixes);
}

/**
 * The path without empty segments or a trailing slash, and with one `/v1` where it was repeated. What follows `/v1/models/`
 * is a model's id, which may itself hold slashes and stays as it is. So does everything under `/admin`, which browsers open
 * by its exact address.
 */
export function canonicalPath(path: string, prefixes: ReadonlySet<string>): string {
  const segments: string[] = [];
  for (let at = skipSlashes(path, 0); at < path.length; ) {
    if (isModelList(segments, prefixes)) {
      segments.push(path.slice(at, endWithoutSlashes(path)));
      break;
    }
    const slash = path.indexOf("/", at);
    const end = slash < 0 ? path.length : slash;
    const segment = path.slice(at, end);
    if (segments.length === 0 && segment === "admin") return path;
    if (segment !== VERSION || !isRoot(segments, prefixes)) segments.push(segment);
    at = skipSlashes(path, end);
  }
  return `/${segments.join("/")}`;
}

/** True for `v1` and `<prefix>/v1`. */
function isRoot(segments: readonly string[], prefixes: ReadonlySet<string>): boolean {
  const [first = "", second] = segments;
  return segments.length === 1
    ? first === VERSION
    : segments.length === 2 && second === VERSION && prefixes.has(first);
}

function isModelList(segments: readonly string[], prefixes: ReadonlySet<string>): boolean {
  return segments.at(-1) === "models" && isRoot(segments.slice(0, -1), prefixes);
}

function skipSlashes(path: string, from: number): number {
  let at = from;
  while (path[at] === "/") at++;
  return at;
}

function endWithoutSlashes(path: string): number {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return end;
}
