/** The Vercel door: a Node function on Fluid compute, where one process serves many requests, also at the same time. */
import { createEdgeDoor } from "../edge/adapter.ts";
import { nodeFetch } from "../node/fetch.ts";
import { unpackZstd } from "../node/zstd.ts";
import { waitUntil } from "./background.ts";

const door = createEdgeDoor(process.env, {
  fetch: nodeFetch,
  waitUntil,
  zstd: unpackZstd,
  sharesPromises: true,
  databaseClients: "shared",
});

export default {
  // The header is set by Vercel, whatever the client sent under this name.
  fetch: (request: Request) => door.fetch(request, { source: request.headers.get("x-real-ip") ?? undefined }),
};
