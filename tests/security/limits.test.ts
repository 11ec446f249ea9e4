/** One request, one key or one agent gone wild takes no more than its share. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isDeeper, isObject, type Json, MAX_DEPTH, parseJson } from "../../src/json.ts";
import { createConcurrencyLimiter, PERMIT_EXPIRES_MS } from "../../src/proxy/concurrency.ts";
import { JsonScanner, MAX_NAMES, MAX_VALUES } from "../../src/proxy/request/json-limits.ts";
import { openDoor } from "../support/door.ts";
import { countedBytes } from "../support/work.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

const checkBytes = (bytes: Uint8Array) => new JsonScanner().push(bytes);

const encode = (text: string) => new TextEncoder().encode(text);
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const padded = (text: string) => encode(text + " ".repeat(1024 * 1024));

function ask(kleis: SeededKleis, path: string, body: BodyInit, key = kleis.keys.live.key): Promise<Response> {
  return kleis.request(path, { method: "POST", body, headers: { authorization: `Bearer ${key}` } });
}

/** What a value holds, as JSON text shows it. */
function countsOf(value: Json): { names: number; containers: number; commas: number } {
  const names = isObject(value) ? Object.keys(value).length : 0;
  const inner: Json[] = Array.isArray(value)
    ? value
    : isObject(value)
      ? Object.values(value).map((member) => member ?? null)
      : [];
  const isContainer = typeof value === "object" && value !== null;
  const sum = { names, containers: isContainer ? 1 : 0, commas: Math.max(inner.length - 1, 0) };
  for (const counts of inner.map(countsOf)) {
    sum.names += counts.names;
    sum.containers += counts.containers;
    sum.commas += counts.commas;
  }
  return sum;
}

describe("a body", () => {
  test.each(["/v1/chat/completions", "/v1/responses", "/v1/messages"])(
    "that is nested too deeply is refused in words at %s, small or large",
    async (path) => {
      const kleis = await startSeededKleis();
      const deep = (levels: number) =>
        `{"model":"claude-sonnet-5","max_tokens":1,"messages":[],"input":[],"x":${nested(levels)}}`;
      for (const body of [deep(MAX_DEPTH), deep(20_000), padded(deep(200_000)), deep(400_000)]) {
        const answer = await ask(kleis, path, body);
        expect(answer.status).toBe(400);
        const text = await answer.text();
        expect(text).toContain("nested more than 512 levels");
        expect(text).toContain("invalid_request");
      }
      // One level less gets as far as the model and its provider.
      const fine = await ask(kleis, path, deep(MAX_DEPTH - 1));
      expect(await fine.text()).not.toContain("nested");
    },
  );

  test("the depth is counted alike by bytes and by value, and not inside texts", () => {
    for (const levels of [1, 511, 512, 513, 900]) {
      const text = nested(levels);
      expect(isDeeper(parseJson(text))).toBe(levels > MAX_DEPTH);
      if (levels > MAX_DEPTH) expect(() => checkBytes(encode(text))).toThrow("nested");
      else expect(() => checkBytes(encode(text))).not.toThrow();
    }
    const inText = JSON.stringify({ a: '[{"'.repeat(5_000), b: "\\".repeat(999), c: '\\"['.repeat(900) });
    expect(() => checkBytes(encode(inText))).not.toThrow();
  });

  test("with too many names or values is refused before it is parsed", () => {
    const names = (count: number) => `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join(",")}}`;
    expect(() => checkBytes(encode(names(MAX_NAMES)))).not.toThrow();
    expect(() => checkBytes(encode(names(MAX_NAMES + 1)))).toThrow("100000 member names");
    // The list is a value itself, and so is each comma's next one.
    expect(() => checkBytes(encode(`[${"0,".repeat(MAX_VALUES - 1)}0]`))).not.toThrow();
    expect(() => checkBytes(encode(`[${"0,".repeat(MAX_VALUES)}0]`))).toThrow("500000 values");
  });

  test("is counted alike in whatever pieces it comes", () => {
    const json = fc.json({ maxDepth: 5 }).map((text) => encode(text));
    const hostile = fc
      .array(fc.constantFrom('"', "\\", "[", "]", "{", "}", ":", ",", "a", " ".repeat(40), "x".repeat(70)))
      .map((parts) => encode(parts.join("")));
    const counted = (pieces: readonly Uint8Array[]) => {
      const scanner = new JsonScanner();
      for (const piece of pieces) scanner.push(piece);
      return [scanner.names, scanner.values, scanner.parsedBytes];
    };
    fc.assert(
      fc.property(
        fc.oneof(json, hostile),
        fc.array(fc.nat({ max: 90 }), { maxLength: 9 }),
        (bytes, sizes) => {
          const pieces: Uint8Array[] = [];
          let from = 0;
          for (const size of sizes) {
            pieces.push(bytes.subarray(from, from + size));
            from += size;
          }
          pieces.push(bytes.subarray(from));
          expect(counted(pieces)).toEqual(counted([bytes]));
        },
      ),
      { seed: 12 },
    );
  });

  test("is counted for what its parsed value holds", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const scanner = new JsonScanner();
        scanner.push(encode(JSON.stringify(value)));
        const parsed = countsOf(parseJson(JSON.stringify(value)) ?? null);
        expect(scanner.names).toBe(parsed.names);
        expect(scanner.values).toBe(parsed.containers + parsed.commas);
      }),
      { seed: 12 },
    );
  });

  test.each(['"', '\\"', "[]", '\\\\"', '"\\', "\\", "x", " ", '"a":', '{"a":1},'])(
    "is looked at byte by byte, at most twice each, when it is made of %s",
    (part) => {
      const size = 16 * 1024;
      for (const begin of ["", '"']) {
        const { bytes, steps } = countedBytes(encode(begin + part.repeat(size / part.length)));
        checkBytes(bytes);
        expect(steps()).toBeGreaterThanOrEqual(size / 2);
        expect(steps()).toBeLessThan(2.5 * bytes.length);
      }
    },
  );

  test("the admin API refuses a deep one as well", async () => {
    const kleis = await startSeededKleis();
    const answer = await kleis.request("/admin/accounts/import", {
      method: "POST",
      body: `{"file":${nested(5_000)}}`,
      headers: {
        authorization: `Bearer ${kleis.runtime.config.ADMIN_TOKEN}`,
        "content-type": "application/json",
      },
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("nested more than 512 levels");
  });
});

describe("a body that breaks off", () => {
  test.each([
    ["/admin/login", "application/x-www-form-urlencoded"],
    ["/admin/login", "application/json"],
    ["/admin/keys", "application/json"],
    ["/v1/messages", "application/json"],
  ])("at %s as %s is a 400, never a 500", async (path, type) => {
    const kleis = await startSeededKleis();
    const token = path.startsWith("/v1") ? kleis.keys.live.key : kleis.runtime.config.ADMIN_TOKEN;
    const cut = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encode('{"token":"')),
      pull: (controller) => controller.error(new Error("the connection broke")),
    });
    const answer = await kleis.request(path, {
      method: "POST",
      body: cut,
      headers: { authorization: `Bearer ${token}`, "content-type": type, origin: "http://127.0.0.1:4747" },
      duplex: "half",
    } as RequestInit);
    expect(answer.status).toBe(400);
    expect(kleis.log()).not.toMatch(/"status":500|admin_page_error|admin_error/);
  });
});

describe("the encoding of a body", () => {
  const text = JSON.stringify({ model: "claude/claude-sonnet-5", max_tokens: 5, messages: [] });
  const wide = (unit: number, little: boolean, mark: boolean) => {
    const characters = [...(mark ? "\ufeff" : ""), ...text].map((each) => each.charCodeAt(0));
    const bytes = new Uint8Array(characters.length * unit);
    const view = new DataView(bytes.buffer);
    characters.forEach((code, at) => {
      if (unit === 2) view.setUint16(at * unit, code, little);
      else view.setUint32(at * unit, code, little);
    });
    return bytes;
  };

  test("may have UTF-8's mark, which does not go on", async () => {
    const sent: Uint8Array[] = [];
    const kleis = await startSeededKleis({
      network: async (_url, init) => {
        sent.push(init.body as Uint8Array);
        return Response.json({ type: "message" });
      },
    });
    for (const path of ["/v1/messages", "/claude/v1/messages"]) {
      const body = encode(`\ufeff${path.startsWith("/claude") ? text.replace("claude/", "") : text}`);
      expect((await ask(kleis, path, body)).status).toBe(200);
    }
    expect(sent.map((bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))).toEqual(
      [text, text].map((each) => each.replace("claude/", "")),
    );
  });

  test.each(
    [2, 4].flatMap((unit) =>
      [true, false].flatMap((little) => [true, false].map((mark) => [unit, little, mark] as const)),
    ),
  )(
    "of %i bytes a character (little-endian: %s, marked: %s) is refused in words",
    async (unit, little, mark) => {
      const answer = await ask(await startSeededKleis(), "/v1/messages", wide(unit, little, mark));
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain(`UTF-${unit * 8}`);
    },
  );
});

describe("requests that run at once", () => {
  const env = { KLEIS_MAX_STREAMS_PER_KEY: "2", KLEIS_MAX_STREAMS: "3" };
  const question = (model = "claude/claude-sonnet-5") =>
    JSON.stringify({ model, max_tokens: 5, stream: true, messages: [{ role: "user", content: "x" }] });

  /** A provider whose streams begin and then stay open. */
  function openEnded() {
    const encoder = new TextEncoder();
    return async () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(encoder.encode("event: ping\ndata: {}\n\n"));
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
  }

  test("are limited per key and in all, with words, and a place is free again when an answer ends", async () => {
    const kleis = await startSeededKleis({ env, network: openEnded() });
    const { live } = kleis.keys;
    const other = kleis.keys.codexOnly.key;
    const first = await ask(kleis, "/v1/messages", question());
    const second = await ask(kleis, "/v1/messages", question());
    expect([first.status, second.status]).toEqual([200, 200]);

    const third = await ask(kleis, "/v1/messages", question());
    expect(third.status).toBe(429);
    expect(third.headers.get("retry-after")).toBe("1");
    const text = await third.text();
    expect(JSON.parse(text)).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    expect(text).toContain("KLEIS_MAX_STREAMS_PER_KEY");
    const chat = await ask(kleis, "/v1/chat/completions", question());
    expect(await chat.json()).toMatchObject({
      error: { code: "too_many_streams", type: "rate_limit_error" },
    });

    // Another key still has its own share, until there are too many in all.
    const responses = JSON.stringify({ model: "gpt-5.5", input: "x", stream: true });
    const fourth = await ask(kleis, "/v1/responses", responses, other);
    expect(fourth.status).toBe(200);
    const fifth = await ask(kleis, "/v1/responses", responses, other);
    expect(fifth.status).toBe(429);
    expect(await fifth.text()).toContain("KLEIS_MAX_STREAMS sets the limit");

    await first.body?.cancel();
    const again = await ask(kleis, "/v1/messages", question(), live.key);
    expect(again.status).toBe(200);
    for (const answer of [second, fourth, again]) await answer.body?.cancel();
  });

  test("a refused or failed request gives its place back", async () => {
    const kleis = await startSeededKleis({ env });
    for (let turn = 0; turn < 5; turn++) {
      expect((await ask(kleis, "/v1/messages", "no JSON")).status).toBe(400);
      expect((await ask(kleis, "/v1/messages", question())).status).toBe(502);
    }
  });

  test("a client that leaves without reading gives its place back", async () => {
    const kleis = await startSeededKleis({ env, network: openEnded() });
    for (let turn = 0; turn < 5; turn++) {
      const leaving = new AbortController();
      const answer = await kleis.request("/v1/messages", {
        method: "POST",
        body: question(),
        headers: { authorization: `Bearer ${kleis.keys.live.key}` },
        signal: leaving.signal,
      });
      expect(answer.status).toBe(200);
      leaving.abort();
    }
  });

  test("a place that is given back twice counts once", () => {
    const slots = createConcurrencyLimiter({ perKey: 1, inAll: 2 }, () => 0);
    const release = slots.acquire("a");
    release();
    release();
    slots.acquire("a");
    slots.acquire("b");
    expect(() => slots.acquire("c")).toThrow("2 requests running");
  });

  test("a permit that is never released is reclaimed after hours, when it is needed", () => {
    let now = 0;
    const slots = createConcurrencyLimiter({ perKey: 1, inAll: 2 }, () => now);
    const release = slots.acquire("a");
    slots.acquire("b");
    now += PERMIT_EXPIRES_MS;
    expect(() => slots.acquire("a")).toThrow("This key has 1 requests running");
    now += 1;
    slots.acquire("a");
    slots.acquire("c");
    // What was taken back is not given back once more.
    release();
    expect(() => slots.acquire("d")).toThrow("2 requests running");
  });

  test.each(["0", "-1", "1.5", "many", "1000000"])("%s is no limit that can be set", async (value) => {
    await expect(startSeededKleis({ env: { KLEIS_MAX_STREAMS: value } })).rejects.toThrow(
      "KLEIS_MAX_STREAMS must be",
    );
  });
});

test("a list of the admin API comes in pages of at most 500", async () => {
  const kleis = await startSeededKleis();
  const headers = { authorization: `Bearer ${kleis.runtime.config.ADMIN_TOKEN}` };
  const read = async (query: string) => {
    const answer = await kleis.request(`/admin/keys${query}`, { headers });
    return {
      status: answer.status,
      body: (await answer.json()) as { keys: { id: string }[]; has_more: boolean },
    };
  };
  const whole = await read("");
  expect(whole.body).toMatchObject({ has_more: false });
  expect(whole.body.keys).toHaveLength(4);
  const ids = [];
  for (let query = "?limit=3"; ; ) {
    const { body } = await read(query);
    ids.push(...body.keys.map(({ id }) => id));
    if (!body.has_more) break;
    query = `?limit=3&after=${ids.at(-1)}`;
  }
  expect(ids).toEqual(whole.body.keys.map(({ id }) => id));
  for (const query of ["?limit=0", "?limit=501", "?limit=x", "?limit=-1", "?after=key_none"]) {
    expect((await read(query)).status, query).toBe(400);
  }
});

test("headers over 32 KiB are refused on Node, and the server lives on", async () => {
  const door = await openDoor();
  try {
    const large = await fetch(`${door.url}/healthz`, { headers: { "x-padding": "x".repeat(40_000) } });
    expect(large.status).toBe(431);
    await large.body?.cancel();
    const fine = await fetch(`${door.url}/healthz`, { headers: { "x-padding": "x".repeat(20_000) } });
    expect(fine.status).toBe(200);
    await fine.body?.cancel();
  } finally {
    await door.close();
  }
});
