/** The Vercel adapter: a Node function on Fluid compute, where one process serves many requests concurrently. */
import { createEdgeAdapter } from "../edge/adapter.ts";
import { nodeFetch } from "../node/fetch.ts";
import { unpackZstd } from "../node/zstd.ts";
import { waitUntil } from "./background.ts";

const adapter = createEdgeAdapter(process.env, {
  fetch: nodeFetch,
  waitUntil,
  zstd: unpackZstd,
  sharesPromises: true,
  databaseClients: "shared",
});

export default {
  // The header is set by Vercel, whatever the client sent under this name.
  fetch: (request: Request) =>
    adapter.fetch(request, { source: request.headers.get("x-real-ip") ?? undefined }),
};
