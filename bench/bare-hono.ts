/** The second yardstick: a Hono route on Node that pipes `fetch`'s answer through. */
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const upstream = process.env.UPSTREAM ?? "";
const app = new Hono();
app.all("*", async (c) => {
  const url = new URL(c.req.url);
  const answer = await fetch(upstream + url.pathname, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: await c.req.arrayBuffer(),
  });
  return new Response(answer.body, {
    status: answer.status,
    headers: { "content-type": answer.headers.get("content-type") ?? "" },
  });
});

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
