/** The Cloudflare Workers door. Kept between requests of one isolate: the app and its plain-data caches, nothing else. */
import { waitUntil } from "cloudflare:workers";
import { createEdgeDoor, type EdgeDoor } from "../edge/door.ts";
import { passNatively } from "./native-pass.ts";

let door: EdgeDoor | undefined;

export default {
  async fetch(request: Request, bindings: Record<string, unknown>): Promise<Response> {
    door ??= createEdgeDoor(variablesOf(bindings), {
      fetch: (url, init) => fetch(url, init),
      // Belongs to the request in whose course it is called.
      waitUntil: (work) => waitUntil(work.catch(() => {})),
      sharesPromises: false,
      databaseClients: "perCall",
      passNatively,
    });
    const response = await door.fetch(request, {
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
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
