/** The second yardstick in workerd: a Hono route that reads the body whole, as Kleis must, and pipes the answer through. */
import { Hono } from "hono";

const app = new Hono<{ Bindings: { UPSTREAM: string } }>();
app.all("*", async (c) => {
  const url = new URL(c.req.url);
  const answer = await fetch(c.env.UPSTREAM + url.pathname, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: await c.req.arrayBuffer(),
  });
  return new Response(answer.body, {
    status: answer.status,
    headers: { "content-type": answer.headers.get("content-type") ?? "" },
  });
});

export default app;
