/**
 * `GET /models/api.json`, `/models/own/api.json` and `/models/<discovery token>/api.json`: the registry in models.dev's
 * shape that OpenCode asks for, without a key (registry.md §2, §3). Decides on access, on which text, and on its encoding.
 */
import { type Context, Hono } from "hono";
import type { AccountCache } from "../accounts/account-cache.ts";
import { baseUrlOf, isTrustedBaseUrl } from "../base-url.ts";
import { KleisError } from "../errors.ts";
import type { KeyLookup } from "../keys/lookup.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import type { LiveModelSource } from "../models/catalogue/source.ts";
import { createRegistryBodies, type RegistryBody } from "../models/registry/body.ts";
import { streamOf } from "../models/registry/bytes.ts";
import { type KeyScopes, NO_SCOPES } from "../models/resolve/access.ts";
import type { Provider } from "../providers/provider.ts";
import type { Peer, Runtime } from "../runtime.ts";
import { errorLogFields, errorResponse } from "./error-response.ts";
import { createRateLimiter } from "./rate-limit.ts";

export interface RegistryRouteDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly accountCache: AccountCache;
  readonly keys: KeyLookup;
  readonly models: LiveModelSource;
}

/** Captures the name before `api.json`, if any. */
const PATH = /^\/models\/(?:([^/]+)\/)?api\.json$/;
const OWN = "own";

/** Requests without a credential, per network and minute. A client asks when it starts, and every few minutes or hours. */
const OPEN_PER_MINUTE = 60;

/** Shared caches may keep the open registry as long as clients do, and an old one while they fetch another. */
const OPEN_CACHING = "public, max-age=60, s-maxage=60, stale-while-revalidate=300";
/** Belongs to a key, and expires with it. */
const OWN_CACHING = "private, no-cache";

export function createRegistryRoutes(deps: RegistryRouteDeps): Hono<{ Bindings: Peer }> {
  const { runtime } = deps;
  const bodies = createRegistryBodies(runtime.clock);
  const limiter = createRateLimiter(runtime.clock, OPEN_PER_MINUTE);

  async function serve(c: Context<{ Bindings: Peer }>, name: string | undefined): Promise<Response> {
    const isOpen = name === undefined || name === OWN;
    if (isOpen && runtime.config.KLEIS_OPEN_REGISTRY === "off") return refused(c, CLOSED);
    const scopes = isOpen ? NO_SCOPES : await scopesOf(deps, c, name);
    // A discovery token is a credential: requests with a valid one are not counted, guesses are.
    const wait = isOpen || scopes === null ? limiter.acquire(c.env?.source) : 0;
    if (wait > 0) return refused(c, tooOften(wait));
    if (scopes === null) return refused(c, NOT_HERE);
    const { headers } = c.req.raw;
    const isKept = isTrustedBaseUrl(runtime, c.req.raw);
    // The whole list is costly to compress and to send uncompressed: without a token only gzip is served, at a trusted address.
    const isWhole = name !== OWN && (!isOpen || (isKept && takesGzip(headers.get("accept-encoding"))));
    const accounts = await deps.accountCache.list();
    const body = await bodies({
      providers: deps.providers,
      catalogue: await deps.models.current(accounts, isWhole ? "text" : "network"),
      accounts,
      scopes,
      origin: baseUrlOf(runtime.config, c.req.raw),
      upstream: isWhole ? await deps.models.text() : null,
      isKept,
    });
    return await respond(body, headers, isOpen ? OPEN_CACHING : OWN_CACHING);
  }

  return new Hono<{ Bindings: Peer }>().get("/models/*", async (c) => {
    const path = PATH.exec(c.req.path);
    if (path === null) return c.notFound();
    requestLoggerOf(c).addFields({ route: routeOf(path[1]) });
    return serve(c, path[1]);
  });
}

/** Keeps discovery tokens out of the log: each one is a credential. */
function routeOf(name: string | undefined): string {
  if (name === undefined) return "/models/api.json";
  return `/models/${name === OWN ? OWN : "<token>"}/api.json`;
}

/** Null for a token that is not valid (any more); the reason is not revealed. */
async function scopesOf({ keys }: RegistryRouteDeps, c: Context, token: string): Promise<KeyScopes | null> {
  const found = await keys.findByDiscoveryToken(token);
  if (!found.ok) return null;
  requestLoggerOf(c).addFields({ key: found.key.id });
  return found.key;
}

async function respond(body: RegistryBody, asked: Headers, caching: string): Promise<Response> {
  const headers = new Headers({
    "cache-control": caching,
    etag: body.etag,
    vary: "accept-encoding",
  });
  if (isKnown(body.etag, asked.get("if-none-match"))) return new Response(null, { status: 304, headers });
  headers.set("content-type", "application/json");
  if (takesGzip(asked.get("accept-encoding"))) {
    const packed = await body.packed();
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

const CLOSED = new KleisError(
  "not_found",
  "The registry is not open here. Use /models/<discovery token>/api.json; the token comes with a key.",
);

function tooOften(seconds: number): KleisError {
  return new KleisError("too_many_requests", `Too many requests for the registry. Wait ${seconds} s.`, {
    headers: { "retry-after": String(seconds) },
  });
}

/** Without the request's id: a token that once was valid must not be distinguishable from one that never was, to the byte. */
function refused(c: Context, error: KleisError): Response {
  requestLoggerOf(c).addFields(errorLogFields(error));
  return errorResponse(error, "chat");
}
