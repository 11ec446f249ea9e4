/** What a Node process sends with: through the proxies of its environment, and straight where there are none. */
import type { Fetch } from "../../src/runtime.ts";
import type { SendRequest } from "../edge/database.ts";
import { openConnections } from "./connections.ts";
import { createNodeFetch, nodeFetch } from "./fetch.ts";
import type { ForwardProxies } from "./proxies.ts";
import { createTunnel } from "./tunnels.ts";

/** How long an idle connection to the database is kept, ms: for less than any server keeps it. */
const DATABASE_KEEP_MS = 4_000;

/** For everything but the database. */
export function openFetch(proxies: ForwardProxies): Fetch {
  const tunnel = createTunnel(proxies);
  return tunnel === undefined ? nodeFetch : createNodeFetch(openConnections({ tunnel }));
}

/** For a database over HTTP: nothing is sent twice, for a statement must not run twice. */
export function openDatabaseFetch(proxies: ForwardProxies): SendRequest {
  const connections = openConnections({ tunnel: createTunnel(proxies), keepMs: DATABASE_KEEP_MS });
  const send = createNodeFetch(connections, { repeats: false });
  return async ({ url, method, headers, body }, signal) =>
    send(url, {
      method,
      headers,
      signal,
      ...(body === null ? {} : { body: new Uint8Array(await new Response(body).arrayBuffer()) }),
    });
}
