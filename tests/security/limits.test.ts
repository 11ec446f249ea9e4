/** One request, one key or one agent gone wild takes no more than its share. */
import { describe, expect, test } from "vitest";
import { isDeeper, MAX_DEPTH, parseJson } from "../../src/json.ts";
import { checkBytes, LARGE_BYTES, MAX_NAMES, MAX_VALUES } from "../../src/proxy/json-limits.ts";
import { createSlots, LOST_AFTER_MS } from "../../src/proxy/slots.ts";
import { openDoor } from "../support/door.ts";
import { createHouse, type House } from "./house.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const padded = (text: string) => encode(text + " ".repeat(LARGE_BYTES));

function ask(house: House, path: string, body: BodyInit, key = house.keys.live.key): Promise<Response> {
  return house.ask(path, { method: "POST", body, headers: { authorization: `Bearer ${key}` } });
}

describe("a body", () => {
  test.each(["/v1/chat/completions", "/v1/responses", "/v1/messages"])(
    "that is nested too deeply is refused in words at %s, small or large",
    async (path) => {
      const house = await createHouse();
      const deep = (levels: number) =>
        `{"model":"claude-sonnet-5","max_tokens":1,"messages":[],"input":[],"x":${nested(levels)}}`;
      for (const body of [deep(MAX_DEPTH), deep(20_000), padded(deep(200_000)), deep(400_000)]) {
        const answer = await ask(house, path, body);
        expect(answer.status).toBe(400);
        const text = await answer.text();
        expect(text).toContain("nested more than 512 levels");
        expect(text).toContain("invalid_request");
      }
      // One level less gets as far as the model and its provider.
      const fine = await ask(house, path, deep(MAX_DEPTH - 1));
      expect(await fine.text()).not.toContain("nested");
    },
  );

  test("the depth is counted alike by bytes and by value, and not inside texts", () => {
    for (const levels of [1, 511, 512, 513, 900]) {
      const text = nested(levels);
      const byValue = isDeeper(parseJson(text));
      const byBytes = () => checkBytes(padded(text));
      expect(byValue).toBe(levels > MAX_DEPTH);
      if (levels > MAX_DEPTH) expect(byBytes).toThrow("nested");
      else expect(byBytes).not.toThrow();
    }
    const inText = JSON.stringify({ a: '[{"'.repeat(5_000), b: "\\".repeat(999), c: '\\"['.repeat(900) });
    expect(() => checkBytes(padded(inText))).not.toThrow();
  });

  test("with too many names or values is refused before it is parsed", () => {
    const names = `{${Array.from({ length: MAX_NAMES + 1 }, (_, at) => `"${at}":0`).join(",")}}`;
    expect(() => checkBytes(encode(names))).toThrow("250000 member names");
    const values = `[${"0,".repeat(MAX_VALUES + 1)}0]`;
    expect(() => checkBytes(encode(values))).toThrow("1000000 values");
  });

  test("costs time in proportion to its size, whatever it is made of", () => {
    const size = 8 * LARGE_BYTES;
    const hostile = ['"', '\\"', "[]", '\\\\"', '"\\'].map((part) =>
      encode(part.repeat(Math.floor(size / part.length))),
    );
    for (const bytes of hostile) {
      const begun = performance.now();
      try {
        checkBytes(bytes);
      } catch {
        // A refusal is as good an answer.
      }
      // Quadratic work on 8 MiB would take hours.
      expect(performance.now() - begun).toBeLessThan(3_000);
    }
  });

  test("the admin API refuses a deep one as well", async () => {
    const house = await createHouse();
    const answer = await house.ask("/admin/accounts/import", {
      method: "POST",
      body: `{"file":${nested(5_000)}}`,
      headers: {
        authorization: `Bearer ${house.runtime.config.ADMIN_TOKEN}`,
        "content-type": "application/json",
      },
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("nested more than 512 levels");
  });
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
    const house = await createHouse({ env, fetch: openEnded() });
    const { live } = house.keys;
    const other = house.keys.codexOnly.key;
    const first = await ask(house, "/v1/messages", question());
    const second = await ask(house, "/v1/messages", question());
    expect([first.status, second.status]).toEqual([200, 200]);

    const third = await ask(house, "/v1/messages", question());
    expect(third.status).toBe(429);
    expect(third.headers.get("retry-after")).toBe("1");
    const text = await third.text();
    expect(JSON.parse(text)).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    expect(text).toContain("KLEIS_MAX_STREAMS_PER_KEY");
    const chat = await ask(house, "/v1/chat/completions", question());
    expect(await chat.json()).toMatchObject({
      error: { code: "too_many_streams", type: "rate_limit_error" },
    });

    // Another key still has its own share, until there are too many in all.
    const responses = JSON.stringify({ model: "gpt-5.5", input: "x", stream: true });
    const fourth = await ask(house, "/v1/responses", responses, other);
    expect(fourth.status).toBe(200);
    const fifth = await ask(house, "/v1/responses", responses, other);
    expect(fifth.status).toBe(429);
    expect(await fifth.text()).toContain("KLEIS_MAX_STREAMS sets the limit");

    await first.body?.cancel();
    const again = await ask(house, "/v1/messages", question(), live.key);
    expect(again.status).toBe(200);
    for (const answer of [second, fourth, again]) await answer.body?.cancel();
  });

  test("a refused or failed request gives its place back", async () => {
    const house = await createHouse({ env });
    for (let turn = 0; turn < 5; turn++) {
      expect((await ask(house, "/v1/messages", "no JSON")).status).toBe(400);
      expect((await ask(house, "/v1/messages", question())).status).toBe(502);
    }
  });

  test("a client that leaves without reading gives its place back", async () => {
    const house = await createHouse({ env, fetch: openEnded() });
    for (let turn = 0; turn < 5; turn++) {
      const leaving = new AbortController();
      const answer = await house.ask("/v1/messages", {
        method: "POST",
        body: question(),
        headers: { authorization: `Bearer ${house.keys.live.key}` },
        signal: leaving.signal,
      });
      expect(answer.status).toBe(200);
      leaving.abort();
    }
  });

  test("a place that is given back twice counts once", () => {
    const slots = createSlots({ perKey: 1, inAll: 2 }, () => 0);
    const release = slots.take("a");
    release();
    release();
    slots.take("a");
    slots.take("b");
    expect(() => slots.take("c")).toThrow("2 requests running");
  });

  test("a place that nobody gives back is taken back after hours, when it is wanted", () => {
    let now = 0;
    const slots = createSlots({ perKey: 1, inAll: 2 }, () => now);
    const release = slots.take("a");
    slots.take("b");
    now += LOST_AFTER_MS;
    expect(() => slots.take("a")).toThrow("This key has 1 requests running");
    now += 1;
    slots.take("a");
    slots.take("c");
    // What was taken back is not given back once more.
    release();
    expect(() => slots.take("d")).toThrow("2 requests running");
  });

  test.each(["0", "-1", "1.5", "many", "1000000"])("%s is no limit that can be set", async (value) => {
    await expect(createHouse({ env: { KLEIS_MAX_STREAMS: value } })).rejects.toThrow(
      "KLEIS_MAX_STREAMS must be",
    );
  });
});

test("a list of the admin API comes in pages of at most 500", async () => {
  const house = await createHouse();
  const headers = { authorization: `Bearer ${house.runtime.config.ADMIN_TOKEN}` };
  const read = async (query: string) => {
    const answer = await house.ask(`/admin/keys${query}`, { headers });
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
