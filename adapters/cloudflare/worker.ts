/** The Cloudflare Workers adapter. Only the app and its plain-data caches are kept between the requests of an isolate. */
import { waitUntil } from "cloudflare:workers";
import { createEdgeAdapter, type EdgeAdapter } from "../edge/adapter.ts";
import { passthrough } from "./passthrough.ts";

let adapter: EdgeAdapter | undefined;

/** An isolate has 128 MB for everything: half of it for the bodies of all its requests. */
const DEFAULTS = {
  KLEIS_MAX_BYTES_IN_FLIGHT_PER_KEY: String(64 * 1024 * 1024),
  KLEIS_MAX_BYTES_IN_FLIGHT: String(64 * 1024 * 1024),
};

export default {
  async fetch(request: Request, bindings: Record<string, unknown>): Promise<Response> {
    adapter ??= createEdgeAdapter(variablesOf(bindings), {
      fetch: (url, init) => fetch(url, init),
      // Belongs to the request in whose course it is called.
      waitUntil: (work) => waitUntil(work.catch(() => {})),
      sharesPromises: false,
      databaseClients: "perCall",
      passthrough,
    });
    const response = await adapter.fetch(request, {
      // Set by Cloudflare, whatever the client sent under this name.
      source: request.headers.get("cf-connecting-ip") ?? undefined,
    });
    return response.headers.has("content-encoding") ? packed(response) : response;
  },
};

/** What is labelled as packed is packed, which the runtime has to be told lest it does so again. */
function packed({ body, status, headers }: Response): Response {
  return new Response(body, { status, headers, encodeBody: "manual" });
}

/** The bindings that are text: variables and secrets. */
function variablesOf(bindings: Record<string, unknown>): Record<string, string> {
  const given = Object.entries(bindings).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  // An empty one is what a dashboard keeps of a variable that was cleared.
  const own = Object.entries(DEFAULTS).filter(
    ([name]) => !given.some(([each, value]) => each === name && value !== ""),
  );
  return Object.fromEntries([...given, ...own]);
}
