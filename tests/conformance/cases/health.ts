import { expect } from "vitest";
import { ADMIN_TOKEN } from "../../../harness/secrets.ts";
import type { Case } from "../case.ts";
import { expectRefusal } from "../wire.ts";

const area = "health";

export const cases: Case[] = [
  {
    area,
    name: "says that it is alive, without a key",
    async run({ ask }) {
      const response = await ask("/healthz");
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ status: "ok" });
    },
  },
  {
    area,
    name: "checks its database for the owner only",
    async run({ ask }) {
      await expectRefusal(await ask("/healthz?deep=1"), 401, "admin_unauthorized");
      const response = await ask("/healthz?deep=1", undefined, { key: ADMIN_TOKEN });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ database: "ok" });
    },
  },
  {
    area,
    name: "answers agents' probes without key and without redirect",
    async run({ ask }) {
      for (const [method, path] of [
        ["HEAD", "/"],
        ["GET", "/"],
        ["HEAD", "/api/hello"],
      ] as const) {
        expect((await ask(path, undefined, { method })).status, `${method} ${path}`).toBe(200);
      }
    },
  },
  {
    area,
    name: "tells crawlers to stay away",
    skip: {
      workers: "Cloudflare's asset layer answers before the Worker; shown in tests/doors/cloudflare.test.ts",
    },
    async run({ ask }) {
      const response = await ask("/robots.txt");
      expect(response.status).toBe(200);
      expect(await response.text()).toBe("User-agent: *\nDisallow: /\n");
    },
  },
  {
    area,
    name: "says where to go when nothing is there",
    async run({ ask }) {
      expect(await expectRefusal(await ask("/nothing/here"), 404, "not_found")).toContain("/v1/messages");
    },
  },
  {
    area,
    name: "shows the admin page to a browser",
    async run({ ask }) {
      const response = await ask("/admin", undefined, { headers: { accept: "text/html" } });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(await response.text()).toMatch(/<html[ >]/i);
    },
  },
];
