/** Serves the page at `/admin`: no secret on it, no script, nothing from another host. */
import { Hono } from "hono";
import { AdminPage } from "../admin/page.tsx";
import { PROVIDERS } from "../providers/index.ts";
import type { Runtime } from "../runtime.ts";
import { originOf } from "./origin.ts";

export function createAdminPage(runtime: Runtime): Hono {
  const app = new Hono();
  app.get("/", (c) => {
    const nonce = btoa(String.fromCharCode(...runtime.random(16)));
    c.header("cache-control", "no-store");
    c.header(
      "content-security-policy",
      `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    c.header("referrer-policy", "no-referrer");
    c.header("x-content-type-options", "nosniff");
    return c.html(
      <AdminPage origin={originOf(runtime.config, c.req.raw)} providers={PROVIDERS} nonce={nonce} />,
    );
  });
  return app;
}
