/** A provider is one folder and one line: with Toy in the list, all of Kleis works with it (docs/adding-a-provider.md). */
import { expect, test, vi } from "vitest";
import { withTable } from "../../scripts/fact-tables.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { toy } from "./toy/index.ts";

vi.mock("../../src/providers/index.ts", async (original) => {
  const real = await original<typeof import("../../src/providers/index.ts")>();
  const { toy } = await import("./toy/index.ts");
  const PROVIDERS = [...real.PROVIDERS, toy];
  return { PROVIDERS, providerById: (id: string) => PROVIDERS.find((provider) => provider.id === id) };
});

const STREAM =
  'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
const WHOLE = '{"id":"1","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}';

/** Toy's servers. */
async function network(url: string, init?: RequestInit): Promise<Response> {
  if (url.endsWith("/token")) return Response.json({ token: "toy_from-sign-in", user: "ada" });
  if (url.endsWith("/models")) return Response.json({ toys: ["toy-1", "toy-2"] });
  const streams = new TextDecoder().decode(init?.body as Uint8Array).includes('"stream":true');
  const type = streams ? "text/event-stream" : "application/json";
  const headers = { "content-type": type, "x-toy-mood": "merry", "x-toybox-id": "box_7", "x-other": "1" };
  return new Response(streams ? STREAM : WHOLE, { headers });
}

const start = () =>
  startKleis({ network: (url, init) => network(String(url), init), env: { MODELS_DEV_URL: "" } });

async function imported(): Promise<{ kleis: Kleis; key: string; discoveryToken: string }> {
  const kleis = await start();
  const file = { toy: { token: "toy_from-file", user: "grace" } };
  const { status, json } = await kleis.admin("POST", "/admin/accounts/import", { file });
  expect(status).toBe(201);
  expect(json).toMatchObject({
    accounts: [{ provider: "toy", label: "Toy grace", metadata: { login: "grace", playground: "north" } }],
  });
  expect(JSON.stringify(json)).not.toContain("never shown");
  await kleis.settled();
  const { key, discoveryToken } = await kleis.key();
  return { kleis, key, discoveryToken };
}

test("requests go to it, streaming and not, with its changes and headers", async () => {
  const { kleis, key } = await imported();
  for (const [path, stream, body] of [
    ["/v1/chat/completions", true, STREAM],
    ["/toy/v1/chat/completions", false, WHOLE],
  ] as const) {
    const asked = { model: "toy-1", stream, logprobs: true, messages: [{ role: "user", content: "Hello" }] };
    const response = await kleis.send("POST", path, key, asked);
    expect(await response.text()).toBe(body);
    expect(response.headers.get("x-kleis-provider")).toBe("toy");
    expect(response.headers.get("x-kleis-changes")).toBe("toy-fields");
    expect(response.headers.get("x-toy-mood")).toBe("merry");
    expect(response.headers.get("x-toybox-id")).toBe("box_7");
    expect(response.headers.get("x-other")).toBeNull();
    expect(kleis.sent.at(-1)?.headers.get("authorization")).toBe("Bearer toy_from-file");
  }
  expect(kleis.log()).toContain("box_7");
});

test("its models are listed, and offered in the registry", async () => {
  const { kleis, key, discoveryToken } = await imported();
  const list = await (await kleis.send("GET", "/v1/models", key)).text();
  for (const id of ["toy-1", "toy-2"]) expect(list).toContain(`"id":"${id}"`);
  const registry = await (await kleis.request(`/models/${discoveryToken}/api.json`)).text();
  expect(registry).toContain('"kleis-toy"');
  expect(registry).toContain('"toy-2"');
});

test("it signs in through the API", async () => {
  const kleis = await start();
  const { json } = await kleis.admin("POST", "/admin/accounts/toy/oauth/start", { mode: "friend" });
  expect(json).toMatchObject({ method: "paste", notice: toy.terms });
  const done = await kleis.admin("POST", "/admin/accounts/toy/oauth/complete", {
    state: json.state,
    code: "lid",
  });
  expect(done.json).toMatchObject({ status: "connected", account: { label: "Toy ada", provider: "toy" } });
});

test("the page offers its modes, knows its file, and shows its account", async () => {
  const { kleis } = await imported();
  const cookie = await kleis.login();
  const page = async (path: string) => (await kleis.browse(path, { cookie })).text();
  const connect = await page("/admin/page/connect/toy");
  for (const words of ["Connect Toy", "Toy allows everything.", "A friend’s toy", "My Toy plan"])
    expect(connect).toContain(words);
  expect(connect.indexOf("A friend’s toy")).toBeLessThan(connect.indexOf("My Toy plan"));
  const file = await page("/admin/page/import?kind=file");
  expect(file).toContain("Toy CLI’s <code>~/.toy/box.json</code>");
  expect(file).toContain("<code>toybox --open</code>");
  expect(await page("/admin/accounts")).toContain("grace");
});

test("its page gets its table of facts", () => {
  expect(withTable("# Toy\n", toy)).toContain(
    "| Address of the API | `https://api.toy.example` | 2026-12 | high | §1 |",
  );
});
