/** The Node door's way out through a company's proxy: which requests take it, what it is told, and what is said when it fails. */
import dns from "node:dns";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { openClient } from "../../adapters/node/client.ts";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import { openFetch } from "../../adapters/node/outgoing.ts";
import { type ForwardProxies, isThisMachine, readForwardProxies } from "../../adapters/node/proxies.ts";
import { readSettings } from "../../adapters/node/settings.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { errorCodeOf } from "../../src/error-code.ts";
import { openDoor } from "../support/door.ts";
import { TEST_CERT, TEST_KEY } from "../support/tls.ts";
import { startProxy } from "./proxy.ts";
import { startUpstream } from "./upstream.ts";

const system = tls.getCACertificates("default");
beforeAll(() => tls.setDefaultCACertificates([...system, TEST_CERT]));
afterAll(() => tls.setDefaultCACertificates(system));

/** A server over TLS, until the test ends: its port, and the host header of every request. */
async function startSecureServer(): Promise<{ port: number; hosts: (string | undefined)[] }> {
  const hosts: (string | undefined)[] = [];
  const server = createServer({ cert: TEST_CERT, key: TEST_KEY }, (request, response) => {
    hosts.push(request.headers.host);
    request.resume().on("end", () => response.end("fine"));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, hosts };
}

/** Until the test ends every name is this machine's, as far as it is looked up here. */
function resolveHere(): void {
  const lookup = vi.spyOn(dns, "lookup") as unknown as {
    mockImplementation(
      as: (name: string, options: object, done: (...found: unknown[]) => void) => void,
    ): void;
    mockRestore(): void;
  };
  lookup.mockImplementation((_name, options, done) =>
    "all" in options && options.all
      ? done(null, [{ address: "127.0.0.1", family: 4 }])
      : done(null, "127.0.0.1", 4),
  );
  onTestFinished(() => lookup.mockRestore());
}

function proxiesOf(environment: Record<string, string>): ForwardProxies {
  const read = readForwardProxies(environment);
  if (!read.ok) throw new Error(read.problems.join());
  return read.proxies;
}

const get = async (environment: Record<string, string>, url: string) =>
  (await openFetch(proxiesOf(environment))(url, { method: "GET" })).text();

describe("a proxy", () => {
  test.each(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])(
    "that %s names is what https: goes through, one tunnel for one request after the other",
    async (variable) => {
      const { port, hosts } = await startSecureServer();
      const proxy = await startProxy();
      const send = openFetch(proxiesOf({ [variable]: `http://${proxy.host}` }));
      const url = `https://api.example.test:${port}/`;
      for (let at = 0; at < 3; at++) expect(await (await send(url, { method: "GET" })).text()).toBe("fine");
      expect(proxy.asked).toEqual([`api.example.test:${port}`]);
      expect(hosts).toEqual(Array(3).fill(`api.example.test:${port}`));
    },
  );

  test.each(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])(
    "that %s names is what http: goes through",
    async (variable) => {
      const { url, requests } = await startUpstream((_request, response) => response.end("fine"));
      const proxy = await startProxy();
      const { port } = new URL(url);
      const named = `http://api.example.test:${port}/`;
      expect(await get({ [variable]: `http://${proxy.host}` }, named)).toBe("fine");
      expect(proxy.asked).toEqual([`api.example.test:${port}`]);
      expect(requests[0]?.headers.host).toBe(`api.example.test:${port}`);
    },
  );

  test("for the one scheme says nothing of the other", async () => {
    resolveHere();
    const { port } = await startSecureServer();
    const proxy = await startProxy();
    expect(await get({ HTTP_PROXY: `http://${proxy.host}` }, `https://api.example.test:${port}/`)).toBe(
      "fine",
    );
    expect(proxy.asked).toEqual([]);
  });

  test("is the lower-case one where both are set, and the scheme's own before ALL_PROXY", async () => {
    const proxies = proxiesOf({
      https_proxy: "http://a:1",
      HTTPS_PROXY: "http://b:1",
      ALL_PROXY: "http://c:1",
      HTTP_PROXY: " ",
    });
    expect(proxies).toEqual({ https: "http://a:1", http: "http://c:1", except: "" });
  });

  test("may be named without a scheme, and be reached over TLS itself", async () => {
    const { port } = await startSecureServer();
    const plain = await startProxy();
    const secure = await startProxy({ secure: true });
    const url = `https://api.example.test:${port}/`;
    expect(await get({ HTTPS_PROXY: plain.host }, url)).toBe("fine");
    expect(await get({ HTTPS_PROXY: `https://${secure.host}` }, url)).toBe("fine");
    expect([plain.asked.length, secure.asked.length]).toEqual([1, 1]);
  });

  test("gets the decoded user name and password of its URL, and no other host does", async () => {
    const { port } = await startSecureServer();
    const proxy = await startProxy();
    await get({ HTTPS_PROXY: `http://me:p%40ss%3Aword@${proxy.host}` }, `https://api.example.test:${port}/`);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from("me:p@ss:word").toString("base64")}`]);
  });

  test("keeps what the connection is good for: a stale one is replaced, an aborted one closed", async () => {
    let stale = false;
    const { url, sockets } = await startUpstream((request, response) => {
      if (stale) {
        stale = false;
        request.socket.resetAndDestroy();
      } else if (request.url === "/endless") response.writeHead(200).write("begun");
      else response.end("fine");
    });
    const proxy = await startProxy();
    const send = openFetch(proxiesOf({ HTTP_PROXY: `http://${proxy.host}` }));
    const named = `http://api.example.test:${new URL(url).port}/`;
    expect(await (await send(named, { method: "POST", body: "{}" })).text()).toBe("fine");
    stale = true;
    expect(await (await send(named, { method: "POST", body: "{}" })).text()).toBe("fine");
    expect(sockets.length).toBe(2);
    const endless = await send(`${named}endless`, { method: "GET" });
    await endless.body?.cancel();
    await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true), {
      timeout: 20_000,
    });
  });
});

describe("no proxy", () => {
  const HOST = "api.example.test";
  const through = (exceptions: string, port: number) =>
    [exceptions.replace("PORT", String(port)), exceptions] as const;

  test.each([
    HOST,
    "API.Example.TEST",
    "example.test",
    ".example.test",
    "*.example.test",
    `${HOST}:PORT`,
    ".example.test:PORT",
    "*",
    `localhost, other.test ,${HOST}`,
    `other.test ${HOST}`,
  ])("where NO_PROXY is %j", async (exceptions) => {
    resolveHere();
    const { port } = await startSecureServer();
    const [except] = through(exceptions, port);
    for (const variable of ["NO_PROXY", "no_proxy"]) {
      const environment = { HTTPS_PROXY: "http://127.0.0.1:9", [variable]: except };
      expect(await get(environment, `https://${HOST}:${port}/`)).toBe("fine");
    }
  });

  test.each([
    "",
    "other.test",
    "pi.example.test",
    "example",
    `${HOST}:1`,
    "*.api.example.test",
    "test.example",
  ])("is not what NO_PROXY %j means", async (except) => {
    const { port } = await startSecureServer();
    const proxy = await startProxy();
    const environment = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: except };
    expect(await get(environment, `https://${HOST}:${port}/`)).toBe("fine");
    expect(proxy.asked.length).toBe(1);
  });

  test.each(["127.0.0.1", "localhost", "LOCALHOST", "a.localhost", "a.b.localhost", "localhost."])(
    "leads to this machine: %s",
    async (host) => {
      resolveHere();
      const { url } = await startUpstream((_request, response) => response.end("fine"));
      const environment = { ALL_PROXY: "http://127.0.0.1:9" };
      expect(await get(environment, `http://${host}:${new URL(url).port}/`)).toBe("fine");
    },
  );

  test.each([
    ["127.8.9.10", true],
    ["[::1]", true],
    ["[::ffff:7f00:1]", true],
    ["[::]", true],
    ["0.0.0.0", true],
    ["localhost.example.test", false],
    ["notlocalhost", false],
    ["127.example.test", false],
    ["[::ffff:a00:1]", false],
    ["10.0.0.1", false],
  ])("%s is this machine: %s", (host, isSo) => {
    expect(isThisMachine(host)).toBe(isSo);
  });
});

describe("failures between Kleis and the provider", () => {
  const failure = async (environment: Record<string, string>, url: string) => {
    const error: unknown = await get(environment, url).catch((thrown: unknown) => thrown);
    return { code: errorCodeOf(error), text: textOf(error) };
  };
  /** All that an error and its causes say. */
  const textOf = (error: unknown): string =>
    error instanceof Error ? `${error.message} ${textOf(error.cause)}` : "";

  test.each([
    [407, "PROXY_HTTP_407"],
    [403, "PROXY_HTTP_403"],
    [502, "PROXY_HTTP_502"],
    [204, "PROXY_HTTP_204"],
    [0, "PROXY_UND_ERR_SOCKET"],
  ])("a proxy that answers %s: %s", async (refuse, code) => {
    const proxy = await startProxy({ refuse });
    const failed = await failure(
      { HTTPS_PROXY: `http://me:secret@${proxy.host}` },
      "https://api.example.test/",
    );
    expect(failed.code).toBe(code);
    expect(failed.text).not.toContain("secret");
    expect(proxy.asked).toEqual(["api.example.test:443"]);
  });

  test("a proxy that is not there, and one whose certificate is not trusted", async () => {
    expect((await failure({ HTTPS_PROXY: "http://127.0.0.1:9" }, "https://api.example.test/")).code).toBe(
      "PROXY_ECONNREFUSED",
    );
    tls.setDefaultCACertificates(system);
    onTestFinished(() => tls.setDefaultCACertificates([...system, TEST_CERT]));
    const secure = await startProxy({ secure: true });
    expect((await failure({ HTTPS_PROXY: `https://${secure.host}` }, "https://api.example.test/")).code).toBe(
      "PROXY_DEPTH_ZERO_SELF_SIGNED_CERT",
    );
  });

  test("a server behind the proxy whose certificate is not trusted, or for another name", async () => {
    const { port } = await startSecureServer();
    const proxy = await startProxy();
    const environment = { HTTPS_PROXY: `http://${proxy.host}` };
    expect((await failure(environment, `https://api.other.test:${port}/`)).code).toBe(
      "ERR_TLS_CERT_ALTNAME_INVALID",
    );
    tls.setDefaultCACertificates(system);
    onTestFinished(() => tls.setDefaultCACertificates([...system, TEST_CERT]));
    expect((await failure(environment, `https://api.example.test:${port}/`)).code).toBe(
      "DEPTH_ZERO_SELF_SIGNED_CERT",
    );
  });

  test("a name that is not there, without a proxy", async () => {
    const lookup = vi.spyOn(dns, "lookup") as unknown as {
      mockImplementation(as: unknown): void;
      mockRestore(): void;
    };
    onTestFinished(() => lookup.mockRestore());
    lookup.mockImplementation((_name: string, _options: object, done: (error: Error) => void) =>
      done(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" })),
    );
    const error: unknown = await nodeFetch("https://api.example.test/", { method: "GET" }).catch(
      (thrown) => thrown,
    );
    expect(errorCodeOf(error)).toBe("ENOTFOUND");
  });
});

describe("an invalid proxy URL", () => {
  test.each([
    "socks5://127.0.0.1:1080",
    "ftp://proxy.test",
    "http://:3128",
    "http://a b",
    "http://me:%zz@proxy.test:3128",
  ])("%s is refused at start by the variable's name, without its value", (value) => {
    for (const variable of ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"]) {
      const read = readForwardProxies({ [variable]: value });
      expect(read.ok ? [] : read.problems).toEqual([expect.stringContaining(`${variable} must be`)]);
      expect(JSON.stringify(read)).not.toContain(value);
    }
    const secrets = { ADMIN_TOKEN: "proxies-tests-92b1f0c47a5e", ENCRYPTION_KEY: testKeyOf("one") };
    expect(readSettings({ HTTPS_PROXY: value }, secrets).ok).toBe(false);
  });

  test("of a variable that is not used is no problem", () => {
    const environment = {
      all_proxy: "socks5://127.0.0.1:1",
      http_proxy: "http://a:1",
      https_proxy: "http://a:1",
    };
    expect(readForwardProxies(environment).ok).toBe(true);
  });
});

test("everything that leaves the machine takes the proxy: models, their registry, tokens; this machine's own does not", async () => {
  const { port, hosts } = await startSecureServer();
  const proxy = await startProxy();
  const door = await openDoor({
    env: {
      HTTPS_PROXY: `http://${proxy.host}`,
      CLAUDE_API_URL: `https://models.example.test:${port}`,
      CLAUDE_TOKEN_URL: `https://tokens.example.test:${port}/v1/oauth/token`,
      MODELS_DEV_URL: `https://registry.example.test:${port}/api.json`,
    },
  });
  onTestFinished(() => door.close());
  await door.account({ provider: "claude", kind: "api_key", api_key: "sk-ant-api03-proxied" });
  const expiring = {
    access_token: "sk-ant-oat01-a",
    refresh_token: "sk-ant-ort01-a",
    expires_at: Date.now() + 1000,
  };
  const id = await door.account({ provider: "claude", kind: "oauth", ...expiring });
  await door.admin("POST", `/admin/accounts/${id}/refresh`).catch(() => {});
  await door.admin("POST", "/admin/models/refresh");
  await post(door.url, await door.key());
  const names = new Set(proxy.asked.map((each) => each.split(":")[0]));
  expect([...names].toSorted()).toEqual([
    "models.example.test",
    "registry.example.test",
    "tokens.example.test",
  ]);
  expect(new Set(hosts).size).toBe(3);
});

test("a database over https: takes the proxy, and its failures say so", async () => {
  const { port, hosts } = await startSecureServer();
  const proxy = await startProxy();
  const database = { url: `libsql://db.example.test:${port}`, authToken: undefined };
  const client = openClient(database, proxiesOf({ HTTPS_PROXY: `http://${proxy.host}` }));
  onTestFinished(() => client.close());
  // The server is no database: it is only looked where the request arrives.
  await expect(client.execute("select 1")).rejects.toThrow();
  expect(new Set(proxy.asked)).toEqual(new Set([`db.example.test:${port}`]));
  expect(new Set(hosts)).toEqual(new Set([`db.example.test:${port}`]));
});

test("a request that the proxy refuses ends in words that say so, with the code, and so does its line in the log", async () => {
  const proxy = await startProxy({ refuse: 407 });
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  onTestFinished(() => written.mockRestore());
  const door = await openDoor({
    env: {
      HTTPS_PROXY: `http://me:secret@${proxy.host}`,
      CLAUDE_API_URL: "https://models.example.test",
      MODELS_DEV_URL: "",
      LOG_LEVEL: "info",
    },
  });
  onTestFinished(() => door.close());
  await door.account({ provider: "claude", kind: "api_key", api_key: "sk-ant-api03-proxied" });
  const response = await post(door.url, await door.key());
  const answer = await response.text();
  expect(response.status).toBe(502);
  expect(answer).toContain(
    "The provider could not be reached: the proxy wants a name and a password (PROXY_HTTP_407).",
  );
  await vi.waitFor(() => {
    const log = written.mock.calls.map(([line]) => String(line)).join("");
    expect(log).toMatch(/"route":"\/v1\/messages".*"code":"upstream_unreachable".*"cause":"PROXY_HTTP_407"/);
    expect(log + answer).not.toContain("secret");
  });
});

function post(url: string, key: string): Promise<Response> {
  return fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": key },
    body: JSON.stringify({
      model: "claude-sonnet-5",
      max_tokens: 9,
      messages: [{ role: "user", content: "Hello" }],
    }),
  });
}
