/**
 * `GET /models/api.json`, `/models/own/api.json` and `/models/<discovery token>/api.json`: the registry in models.dev's
 * shape that OpenCode asks for, without a key (models-registry.md §2, §3). Thin: who asks, which text, which encoding.
 */
import { type Context, Hono } from "hono";
import type { AccountDirectory } from "../accounts/directory.ts";
import { KleisError } from "../errors.ts";
import type { KeyLookup } from "../keys/lookup.ts";
import { type KeyScopes, NO_SCOPES } from "../models/access.ts";
import { streamOf } from "../models/bytes.ts";
import { createRegistryBodies, type RegistryBody } from "../models/registry-body.ts";
import type { LiveModelSource } from "../models/source.ts";
import { errorBody } from "../protocols/errors.ts";
import type { Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import { originOf } from "./origin.ts";
import { loggedRefusal } from "./refusal.ts";
import { lineOf } from "./request-line.ts";

export interface RegistryRouteDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly directory: AccountDirectory;
  readonly keys: KeyLookup;
  readonly models: LiveModelSource;
}

/** The name before `api.json`, if any. */
const PATH = /^\/models\/(?:([^/]+)\/)?api\.json$/;
const OWN = "own";

export function createRegistryRoutes(deps: RegistryRouteDeps): Hono {
  const bodies = createRegistryBodies(deps.runtime.clock);

  async function answer(c: Context, name: string | undefined): Promise<Response> {
    const isOpen = name === undefined || name === OWN;
    const scopes = isOpen ? NO_SCOPES : await scopesOf(deps, c, name);
    if (scopes === null) return notHere(c);
    const accounts = await deps.directory.list();
    const catalogue = await deps.models.current(accounts, name === OWN ? "network" : "text");
    const body = await bodies({
      providers: deps.providers,
      catalogue,
      accounts,
      scopes,
      origin: originOf(deps.runtime.config, c.req.raw),
      upstream: name === OWN ? null : await deps.models.text(),
    });
    return await response(body, c.req.raw.headers, isOpen ? "public, max-age=60" : "private, no-cache");
  }

  return new Hono().get("/models/*", async (c) => {
    const path = PATH.exec(c.req.path);
    if (path === null) return c.notFound();
    lineOf(c).note({ route: routeOf(path[1]) });
    return answer(c, path[1]);
  });
}

/** A discovery token is as good as a key to whoever reads the log. */
function routeOf(name: string | undefined): string {
  if (name === undefined) return "/models/api.json";
  return `/models/${name === OWN ? OWN : "<token>"}/api.json`;
}

/** Null for a token that opens nothing (any more): which of the reasons it was is nobody's business. */
async function scopesOf({ keys }: RegistryRouteDeps, c: Context, token: string): Promise<KeyScopes | null> {
  const found = await keys.findByDiscoveryToken(token);
  if (!found.ok) return null;
  lineOf(c).note({ key: found.key.id });
  return found.key;
}

async function response(body: RegistryBody, asked: Headers, caching: string): Promise<Response> {
  const headers = new Headers({
    "cache-control": caching,
    etag: body.etag,
    vary: "accept-encoding",
  });
  if (isKnown(body.etag, asked.get("if-none-match"))) return new Response(null, { status: 304, headers });
  headers.set("content-type", "application/json");
  const packed = takesGzip(asked.get("accept-encoding")) ? await body.packed() : null;
  if (packed !== null) {
    headers.set("content-encoding", "gzip");
    headers.set("content-length", String(packed.length));
    return new Response(packed, { headers });
  }
  headers.set("content-length", String(body.length));
  return new Response(streamOf(body.parts), { headers });
}

/** RFC 9110 §13.1.2: any of a list, compared weakly. */
function isKnown(etag: string, ifNoneMatch: string | null): boolean {
  if (ifNoneMatch === null) return false;
  const strong = (tag: string) => tag.trim().replace(/^W\//, "");
  return ifNoneMatch.split(",").some((tag) => tag.trim() === "*" || strong(tag) === strong(etag));
}

/** RFC 9110 §12.5.3: named, or covered by `*`, and not with a weight of zero. */
function takesGzip(acceptEncoding: string | null): boolean {
  const weights = new Map(
    (acceptEncoding ?? "").split(",").map((part) => {
      const [coding = "", ...parameters] = part.split(";").map((word) => word.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="));
      return [coding, weight === undefined ? 1 : Number(weight.slice(2))] as const;
    }),
  );
  return (weights.get("gzip") ?? weights.get("*") ?? 0) > 0;
}

const NOT_HERE = new KleisError(
  "not_found",
  "There is no model registry at this address. Check the discovery token, or use /models/api.json.",
);

/** Always the same, to the byte: it must not tell a token that once was from one that never was. */
function notHere(c: Context): Response {
  lineOf(c).note(loggedRefusal(NOT_HERE));
  return Response.json(errorBody("chat", NOT_HERE), {
    status: NOT_HERE.status,
    headers: { "cache-control": "no-store", "x-should-retry": "false" },
  });
}
