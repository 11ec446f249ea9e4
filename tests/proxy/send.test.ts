/** The one way out: where it goes, what it carries, and what it refuses. */
import { describe, expect, test } from "vitest";
import { KleisError } from "../../src/errors.ts";
import type { Fetch } from "../../src/runtime.ts";
import { send } from "../../src/send.ts";

const ORIGINS = ["https://api.example.com", "http://127.0.0.1:4000"];

function network(answer: () => Response | Promise<Response> = () => new Response("ok")) {
  const calls: { url: string; init: RequestInit }[] = [];
  const fetch: Fetch = async (url, init) => {
    calls.push({ url, init });
    return answer();
  };
  const to = (url: string, signal?: AbortSignal) =>
    send(fetch, {
      url,
      method: "POST",
      headers: new Headers({ authorization: "Bearer token" }),
      body: "{}",
      origins: ORIGINS,
      ...(signal === undefined ? {} : { signal }),
    });
  return { calls, to };
}

describe("a request goes to a configured origin", () => {
  test("with the headers and the body it was given, and nothing more", async () => {
    const { calls, to } = network();
    expect(await (await to("https://api.example.com/v1/x?y=1")).text()).toBe("ok");
    expect(calls).toHaveLength(1);
    expect([...new Headers(calls[0]?.init.headers)]).toEqual([["authorization", "Bearer token"]]);
    expect(calls[0]?.init).toMatchObject({ method: "POST", body: "{}", redirect: "manual" });
  });

  test.each([
    "https://evil.example/v1/x",
    "http://api.example.com/v1/x",
    "https://api.example.com:8443/v1/x",
    "https://api.example.com.evil.example/v1/x",
    "https://api.example.com@evil.example/v1/x",
    "http://127.0.0.1:4001/x",
  ])("or not at all: %s", async (url) => {
    const { calls, to } = network();
    await expect(to(url)).rejects.toMatchObject({ code: "internal_error" });
    expect(calls).toEqual([]);
  });
});

test("a redirect is not followed and its target is not named", async () => {
  const moved = () => new Response(null, { status: 307, headers: { location: "https://evil.example/" } });
  const refusal = await network(moved)
    .to("https://api.example.com/")
    .catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(KleisError);
  expect(refusal).toMatchObject({ code: "upstream_unreachable" });
  expect(String(refusal)).not.toContain("evil.example");
});

test("a failure is upstream_unreachable; a caller that aborted gets its own reason", async () => {
  const broken = () => Promise.reject(new Error("ECONNREFUSED"));
  await expect(network(broken).to("https://api.example.com/")).rejects.toMatchObject({
    code: "upstream_unreachable",
  });
  const reason = new Error("left");
  await expect(network(broken).to("https://api.example.com/", AbortSignal.abort(reason))).rejects.toBe(
    reason,
  );
});

test("a fetch that never settles does not outlast the time limit", async () => {
  const reason = new Error("too late");
  const limit = new AbortController();
  const waiting = network(() => new Promise(() => {})).to("https://api.example.com/", limit.signal);
  limit.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

test("a response that comes after the time limit is cancelled", async () => {
  const limit = new AbortController();
  let arrive: (answer: Response) => void = () => {};
  const late = new Promise<Response>((resolve) => {
    arrive = resolve;
  });
  const waiting = network(() => late).to("https://api.example.com/", limit.signal);
  limit.abort(new Error("too late"));
  await expect(waiting).rejects.toThrow("too late");
  const letGo = new Promise<void>((cancel) =>
    arrive(new Response(new ReadableStream({ cancel: () => cancel() }))),
  );
  await letGo;
});

describe("a status that is not a response", () => {
  test("is upstream_unreachable where it comes before one", async () => {
    await expect(network(() => Response.error()).to("https://api.example.com/")).rejects.toMatchObject({
      code: "upstream_unreachable",
    });
  });

  const unchanged = () => new Response(null, { status: 304 });
  const get = (headers: Record<string, string>) =>
    send(async () => unchanged(), {
      url: "https://api.example.com/",
      method: "GET",
      headers: new Headers(headers),
      origins: ORIGINS,
    });

  test("is upstream_invalid_response where it is a 304 to an unconditional request", async () => {
    const refusal = { code: "upstream_invalid_response", message: expect.stringContaining("304") };
    await expect(network(unchanged).to("https://api.example.com/")).rejects.toMatchObject(refusal);
    await expect(get({})).rejects.toMatchObject(refusal);
  });

  test("a conditional request gets its 304", async () => {
    expect((await get({ "if-none-match": '"1"' })).status).toBe(304);
  });
});
