/** One line in the log for every list of models that is asked for, and nothing in it that would open one. */
import { describe, expect, test } from "vitest";
import { connectAll, ORIGIN, type RegistryKleis, startRegistryKleis } from "./kleis.ts";

async function connected(): Promise<RegistryKleis> {
  const kleis = await startRegistryKleis({ MODELS_DEV_URL: "" });
  await connectAll(kleis);
  return kleis;
}

/** The lines that a request leaves. */
async function linesOf(
  kleis: RegistryKleis,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
) {
  kleis.logged.length = 0;
  const response = await kleis.app.fetch(new Request(ORIGIN + path, { method, headers }));
  await response.arrayBuffer();
  return kleis.logged.flatMap(({ event, fields }) => (event === "request" ? [fields] : []));
}

const whole = { id: expect.stringMatching(/^req_/), method: "GET", duration_ms: expect.any(Number) };

describe("a registry", () => {
  test.each([
    ["/models/api.json", "/models/api.json"],
    ["/models//api.json?x=planted-query", "/models/api.json"],
    ["/models/own/api.json", "/models/own/api.json"],
  ])("%s leaves a line", async (path, route) => {
    const kleis = await connected();
    const line = { ...whole, route, status: 200, outcome: "complete" };
    expect(await linesOf(kleis, path)).toEqual([line]);
    expect(await linesOf(kleis, path, {}, "HEAD")).toEqual([{ ...line, method: "HEAD" }]);
    const etag = (await kleis.get(path, { "accept-encoding": "identity" })).headers.get("etag") ?? "";
    expect(await linesOf(kleis, path, { "if-none-match": etag })).toEqual([{ ...line, status: 304 }]);
  });

  test("of a discovery token leaves the key's id, and never the token, whether it opens anything or not", async () => {
    const kleis = await connected();
    const { discoveryToken, record } = await kleis.key();
    const route = "/models/<token>/api.json";
    expect(await linesOf(kleis, `/models/${discoveryToken}/api.json`)).toEqual([
      { ...whole, route, key: record.id, status: 200, outcome: "complete" },
    ]);
    expect(JSON.stringify(kleis.logged)).not.toContain(discoveryToken);
    expect(await linesOf(kleis, "/models/planted-token/api.json")).toMatchObject([
      { ...whole, route, status: 404, code: "not_found", outcome: "refused" },
    ]);
    expect(JSON.stringify(kleis.logged)).not.toContain("planted");
  });

  test("that the store holds up leaves one that says so", async () => {
    const kleis = await connected();
    kleis.down = true;
    expect(await linesOf(kleis, "/models/own/api.json")).toMatchObject([
      { ...whole, status: 503, code: "storage_unavailable", outcome: "refused" },
    ]);
  });
});

describe("a list of models", () => {
  test.each([
    ["/v1/models", "/v1/models"],
    ["/v1/models?limit=planted-query", "/v1/models"],
    ["/copilot/v1/models", "/copilot/v1/models"],
    ["/v1/models/copilot/gpt-5.4", "/v1/models/*"],
    ["/claude/v1/models/claude-sonnet-5", "/claude/v1/models/*"],
  ])("%s leaves a line with the key's id", async (path, route) => {
    const kleis = await connected();
    const { key, record } = await kleis.key();
    expect(await linesOf(kleis, path, { authorization: `Bearer ${key}` })).toEqual([
      { ...whole, route, key: record.id, status: 200, outcome: "complete" },
    ]);
    expect(JSON.stringify(kleis.logged)).not.toContain(key);
    expect(JSON.stringify(kleis.logged)).not.toContain("planted");
  });

  test("that is refused leaves one that says why, with the id that the answer has", async () => {
    const kleis = await connected();
    const { key, record } = await kleis.key();
    const line = { ...whole, outcome: "refused" };
    expect(await linesOf(kleis, "/v1/models")).toMatchObject([
      { ...line, route: "/v1/models", status: 401, code: "missing_api_key" },
    ]);
    expect(await linesOf(kleis, "/v1/models", { authorization: "Bearer kleis_planted" })).toMatchObject([
      { ...line, status: 401, code: "invalid_api_key" },
    ]);
    expect(await linesOf(kleis, "/v1/models/planted", { "x-api-key": key })).toMatchObject([
      { ...line, route: "/v1/models/*", key: record.id, status: 404, code: "model_not_found" },
    ]);
    expect(
      await linesOf(kleis, "/v1/models?limit=0", { "x-api-key": key, "anthropic-version": "2023-06-01" }),
    ).toMatchObject([{ ...line, key: record.id, status: 400, code: "invalid_request" }]);
    expect(JSON.stringify(kleis.logged)).not.toContain("planted");

    kleis.logged.length = 0;
    const response = await kleis.get("/v1/models");
    const [logged] = kleis.logged.filter(({ event }) => event === "request");
    expect(response.headers.get("x-request-id")).toBe(logged?.fields?.id);
  });
});
