/** Every route of agents answers under every spelling of its address that a base URL joined by hand gives. */
import { expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";
import { canonicalPath } from "../../src/http/canonical-path.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { type SeededKleis, startSeededKleis } from "../security/kleis.ts";

const PREFIXES = new Set(PROVIDERS.map(({ id }) => id));
const ROOTS = ["/v1", ...[...PREFIXES].map((id) => `/${id}/v1`)];
const OPERATIONS = ["/chat/completions", "/responses", "/messages", "/messages/count_tokens"];
const ROUTES = [
  ...ROOTS.flatMap((root) =>
    [...OPERATIONS, "/models", "/models/claude-sonnet-5"].map((path) => root + path),
  ),
  ...["/api.json", "/own/api.json", "/<token>/api.json"].map((path) => `/models${path}`),
  "/healthz",
  "/api/hello",
];
const METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"];

/** Other ways to write a path, each wrong in one or more places. */
function spellings(path: string): string[] {
  const doubled = [...path.matchAll(/\//g)].map(
    ({ index }) => `${path.slice(0, index)}/${path.slice(index)}`,
  );
  const repeated = path.includes("/v1")
    ? ["/v1/v1", "/v1/v1/v1", "/v1//v1"].map((version) => path.replace("/v1", version))
    : [];
  const one = [...doubled, ...repeated, `${path}/`];
  return [...one, path.replaceAll("/", "///"), ...repeated.map((each) => `/${each}//`)];
}

const prepared = () =>
  startSeededKleis({
    network: async () =>
      Response.json({ id: "msg_1", type: "message", model: "claude-sonnet-5", output: [] }),
  });

async function answerOf(kleis: SeededKleis, method: string, path: string) {
  const { key, discoveryToken } = kleis.keys.live;
  const before = kleis.inference().length;
  const answer = await kleis.request(path.replace("<token>", discoveryToken), {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(method === "POST"
      ? { body: JSON.stringify({ model: "claude-sonnet-5", max_tokens: 9, messages: [], input: "x" }) }
      : {}),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    // What a refusal says of the address is the address that was meant. Translated answers have ids and a time of their own.
    text: text
      .replaceAll(/req_[\w-]+/g, "req")
      .replaceAll(/_[0-9a-f]{24}/g, "_id")
      .replaceAll(/"created(_at)?":\d+/g, '"created":0'),
    sent: kleis.inference().slice(before),
  };
}

test("every route answers every method under every spelling as under its own", async () => {
  const kleis = await prepared();
  for (const route of ROUTES) {
    for (const method of METHODS) {
      const own = await answerOf(kleis, method, route);
      for (const path of spellings(route)) {
        expect(await answerOf(kleis, method, path), `${method} ${path}`).toEqual(own);
      }
    }
    const method = OPERATIONS.some((path) => route.endsWith(path)) ? "POST" : "GET";
    expect((await answerOf(kleis, method, route)).text, route).not.toContain("There is nothing at");
  }
});

test("a model's id keeps its own slashes, and the admin page its exact address", () => {
  const cases = [
    ["/v1/models/team//fast", "/v1/models/team//fast"],
    ["//v1//v1/models//team//fast//", "/v1/models/team//fast"],
    ["/copilot/v1/models/v1/v1/x", "/copilot/v1/models/v1/v1/x"],
    ["/v1/models/", "/v1/models"],
    ["/v1/messages/v1/v1", "/v1/messages/v1/v1"],
    ["/unknown/v1/v1/messages", "/unknown/v1/v1/messages"],
    ["/admin/", "/admin/"],
    ["/admin//keys", "/admin//keys"],
    ["/", "/"],
    ["///", "/"],
    ["/v1", "/v1"],
  ] as const;
  for (const [path, meant] of cases) expect(canonicalPath(path, PREFIXES), path).toBe(meant);
  const long = `/v1/models/${"/".repeat(200_000)}x${"/".repeat(200_000)}`;
  expect(canonicalPath(long, PREFIXES)).toBe("/v1/models/x");
});

test("what has no route is refused in the shape of who asks", async () => {
  const kleis = await prepared();
  const shapeOf = async (path: string, headers: Record<string, string> = {}) => {
    const body = (await (await kleis.request(path, { method: "POST", headers })).json()) as object;
    expect(JSON.stringify(body)).toContain('"not_found"');
    return "type" in body ? "anthropic" : "openai";
  };
  for (const root of ROOTS) {
    for (const below of ["/batches", "/x/y", "/batches/", "//batches"]) {
      expect(await shapeOf(`${root}/messages${below}`)).toBe("anthropic");
    }
    for (const path of ["/nothing", "/chat", "/files/messages-of-mine"]) {
      expect(await shapeOf(root + path)).toBe("openai");
      expect(await shapeOf(root + path, { "anthropic-version": "2023-06-01" })).toBe("anthropic");
    }
  }
});

test("an upstream address is taken with or without its /v1, and with a slash too many", () => {
  const base = { ADMIN_TOKEN: "tH3-0wner_Of.this/place+knows", ENCRYPTION_KEY: testKeyOf("seven") };
  for (const name of ["CLAUDE_API_URL", "OPENAI_API_URL"] as const) {
    for (const host of ["https://relay.example", "https://relay.example/team/api"]) {
      for (const end of ["", "/", "//", "/v1", "/v1/", "//v1//", "/v1/v1"]) {
        const result = readConfig({ ...base, [name]: host + end });
        expect(result.ok && result.config[name], host + end).toBe(host);
      }
      const inside = readConfig({ ...base, [name]: host.replace("/team", "//team") });
      expect(inside.ok && inside.config[name]).toBe(host);
      const other = readConfig({ ...base, [name]: `${host}/v10` });
      expect(other.ok && other.config[name]).toBe(`${host}/v10`);
    }
  }
});
