/** The admin door: under which names it answers, how wrong tokens are slowed down, and what a browser is told. */
import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { openDoor } from "../support/door.ts";
import { BASE } from "../support/kleis.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** The status of a page that a browser believes to be at `host`. */
function statusAs(url: string, path: string, host: string, headers: Record<string, string> = {}) {
  return new Promise<number>((done, failed) => {
    const { hostname, port } = new URL(url);
    const asked = request({ hostname, port, path, headers: { ...headers, host }, agent: false }, (answer) => {
      answer.resume();
      done(answer.statusCode ?? 0);
    });
    asked.on("error", failed);
    asked.end();
  });
}

describe("a name that was pointed at this machine", () => {
  test("finds no admin page and no admin API, not even with the token", async () => {
    const door = await openDoor();
    try {
      const { port } = new URL(door.url);
      for (const path of [
        "/admin",
        "/admin/",
        "/admin/login",
        "/admin/page/keys",
        "/admin/keys",
        "/admin/app.js",
      ]) {
        for (const host of [
          `evil.example:${port}`,
          "evil.example",
          `127.0.0.1.evil.example:${port}`,
          `1.evil.example:${port}`,
          "kleis",
        ]) {
          expect(await statusAs(door.url, path, host, bearer(door.adminToken)), `${host}${path}`).toBe(404);
        }
      }
      for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, "localhost", `192.0.2.1:${port}`]) {
        expect(await statusAs(door.url, "/admin/keys", host, bearer(door.adminToken)), host).toBe(200);
      }
      // Agents may come through a name of their own: their key is no cookie that a browser would send along.
      expect(await statusAs(door.url, "/healthz", "host.docker.internal")).toBe(200);
    } finally {
      await door.close();
    }
  });

  test.each([
    ["", []],
    ["http://nas.lan:8080", ["nas.lan", "nas.lan:8080"]],
    ["https://kleis.example", ["kleis.example"]],
  ])("finds nothing in a container either, with PUBLIC_URL=%s", async (PUBLIC_URL, known) => {
    const door = await openDoor({ env: { HOST: "0.0.0.0", PUBLIC_URL } });
    try {
      for (const path of ["/admin", "/admin/keys", "/admin/page/keys"]) {
        const status = (host: string) => statusAs(door.url, path, host, bearer(door.adminToken));
        for (const host of ["evil.example:4747", "127.0.0.1.evil.example", "nas", "other.lan"]) {
          expect(await status(host), host + path).toBe(404);
        }
        for (const host of ["localhost:4747", "127.0.0.1", "192.168.1.5:4747", "[fd00::5]:4747", ...known]) {
          expect([200, 303], host + path).toContain(await status(host));
        }
      }
    } finally {
      await door.close();
    }
  });

  test("is known when it is PUBLIC_URL's", async () => {
    const door = await openDoor({ env: { PUBLIC_URL: "https://kleis.example" } });
    try {
      expect(await statusAs(door.url, "/admin", "kleis.example")).toBe(200);
      expect(await statusAs(door.url, "/admin", "other.example")).toBe(404);
    } finally {
      await door.close();
    }
  });
});

describe("over https", () => {
  test.each([
    ["by its own address", {}, "https://kleis.example"],
    ["by PUBLIC_URL, behind what ends TLS", { PUBLIC_URL: "https://kleis.example" }, "http://kleis.example"],
  ])("a browser is told to stay there: %s", async (_name, env, base) => {
    const kleis = await startSeededKleis({ env });
    for (const path of ["/admin", "/admin/keys", "/admin/app.js", "/admin/page/keys"]) {
      const answer = await kleis.request(base + path);
      expect(answer.headers.get("strict-transport-security"), path).toBe("max-age=31536000");
    }
    const plain = await (await startSeededKleis()).request("/admin");
    expect(plain.headers.get("strict-transport-security")).toBeNull();
  });
});

describe("wrong admin tokens", () => {
  const form = (kleis: SeededKleis, token: string, source: string) =>
    kleis.request(
      "/admin/login",
      { method: "POST", body: new URLSearchParams({ token }), headers: { origin: BASE } },
      { source },
    );
  const header = (kleis: SeededKleis, token: string, source: string, path = "/admin/keys") =>
    kleis.request(path, { headers: bearer(token) }, { source });

  test("slow down the source that they come from, and no other", async () => {
    const kleis = await startSeededKleis();
    for (let turn = 0; turn < 3; turn++) expect((await form(kleis, "wrong", "192.0.2.1")).status).toBe(401);
    const refused = await form(kleis, ADMIN_TOKEN, "192.0.2.1");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await form(kleis, ADMIN_TOKEN, "192.0.2.2")).status).toBe(303);
  });

  test("are slowed down in a header as well, at the API and at the deep health check together", async () => {
    const kleis = await startSeededKleis();
    for (let turn = 0; turn < 10; turn++) {
      const path = turn % 2 === 0 ? "/admin/keys" : "/healthz?deep=1";
      expect((await header(kleis, `wrong-${turn}`, "192.0.2.1", path)).status).toBe(401);
    }
    for (const path of ["/admin/accounts", "/healthz?deep=1"]) {
      const refused = await header(kleis, ADMIN_TOKEN, "192.0.2.1", path);
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(await refused.text()).toContain("too_many_tries");
    }
    expect((await header(kleis, ADMIN_TOKEN, "192.0.2.2")).status).toBe(200);
    kleis.clock.ms += 1_000;
    expect((await header(kleis, ADMIN_TOKEN, "192.0.2.1")).status).toBe(200);
  });

  test("leave the page of an owner who is logged in alone", async () => {
    const kleis = await startSeededKleis();
    const cookie = await kleis.login();
    for (let turn = 0; turn < 11; turn++) await header(kleis, "wrong", "192.0.2.1");
    expect((await header(kleis, ADMIN_TOKEN, "192.0.2.1")).status).toBe(429);
    const made = await kleis.request("/admin/page/keys", {
      method: "POST",
      body: new URLSearchParams({ label: "mine" }),
      headers: { cookie, origin: BASE },
    });
    expect(await made.text()).toContain("kleis_");
  });

  test("an issued key in the place of the token is refused, and is no try at it", async () => {
    const kleis = await startSeededKleis();
    for (let turn = 0; turn < 20; turn++) {
      expect((await header(kleis, kleis.keys.live.key, "192.0.2.1")).status).toBe(401);
    }
    expect((await header(kleis, ADMIN_TOKEN, "192.0.2.1")).status).toBe(200);
  });

  test("are remembered without the address that they came from", async () => {
    const kleis = await startSeededKleis();
    expect((await form(kleis, "wrong", "source-1")).status).toBe(401);
    const { rows } = await kleis.client.execute("select * from admin_tries");
    expect(rows).toMatchObject([{ door: "form", wrong: 1 }]);
    expect(JSON.stringify(rows)).not.toContain("source-1");
  });

  test("behind a web server count for the client that it names, whatever that client says of itself", async () => {
    const door = await openDoor();
    try {
      const from = (forwarded: string, token: string) =>
        statusAs(door.url, "/admin/keys", "127.0.0.1", { ...bearer(token), "x-forwarded-for": forwarded });
      for (let turn = 0; turn < 10; turn++)
        expect(await from(`203.0.113.${turn}, 192.0.2.1`, "wrong")).toBe(401);
      expect(await from("198.51.100.1, 192.0.2.1", door.adminToken)).toBe(429);
      expect(await from("192.0.2.1, 192.0.2.2", door.adminToken)).toBe(200);
      expect(await statusAs(door.url, "/admin/keys", "127.0.0.1", bearer(door.adminToken))).toBe(200);
    } finally {
      await door.close();
    }
  });
});
