/** Bodies, encodings, methods and paths that are wrong: each gets a clear answer, and the server lives on. */
import { type ClientRequest, request } from "node:http";
import { connect } from "node:net";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { expectOwnError, OPERATION_NAMES, OPERATIONS, secretsOf, shapeOf } from "./own-error.ts";
import { type WireAnswer, type WireRequest, wire } from "./wire.ts";

const LIMIT = 32 * 1024 * 1024;

let door: Door;
let key: string;
let auth: Record<string, string>;

beforeAll(async () => {
  door = await openDoor();
  await connectAll(door);
  // An API-key account takes the very bytes that were sent, which shows that unpacking gave them.
  const apiKey = door.fakes.claude.issueApiKey();
  const account = await door.account({ provider: "claude", kind: "api_key", api_key: apiKey });
  await door.admin("POST", `/admin/accounts/${account}/primary`);
  key = await door.key();
  auth = { "x-api-key": key };
});
afterAll(() => door.close());

const post = (path: string, body: WireRequest["body"], headers: Record<string, string> = {}) =>
  wire(door.url + path, { headers: { "content-type": "application/json", ...auth, ...headers }, body });
const { path: MESSAGES, body: QUESTION } = OPERATIONS.messages;

/** The question as JSON of exactly this many bytes. */
function ofLength(bytes: number): Buffer {
  const text = JSON.stringify(QUESTION);
  return Buffer.concat([Buffer.from(text), Buffer.alloc(bytes - text.length, 0x20)]);
}

describe.each(OPERATION_NAMES)("a body on %s", (operation) => {
  const { path, body } = OPERATIONS[operation];
  const shape = shapeOf(operation);
  const text = JSON.stringify(body);

  test.each([
    ["empty", "", "invalid_json"],
    ["only white space", " \n\t", "invalid_json"],
    ["cut short", text.slice(0, -1), "invalid_json"],
    ["no JSON at all", "model=gpt-5.5&input=Hello", "invalid_json"],
    ["two objects in a row", text + text, "invalid_json"],
    ["with a trailing comma", `${text.slice(0, -1)},}`, "invalid_json"],
    ["an array", `[${text}]`, "invalid_request"],
    ["a number", "42", "invalid_request"],
    ["a string", '"model"', "invalid_request"],
    ["null", "null", "invalid_request"],
    ["true", "true", "invalid_request"],
  ])("that is %s is a 400 in words", async (_name, sent, code) => {
    const error = expectOwnError(await post(path, sent), shape, 400, code, secretsOf(door, key));
    expect(error.message).toMatch(/body/i);
  });

  test.each([
    ["missing", undefined, /missing/],
    ["a number", 5, /string/],
    ["null", null, /string/],
    ["an object", { id: "gpt-5.5" }, /string/],
    ["empty", "", /empty/],
    ["blank", "  ", /empty/],
    ["10 kB long", "m".repeat(10_240), /256/],
    ["a bare prefix", "codex/", /prefix/],
  ])("whose model is %s is a 400 about `model`", async (_name, model, words) => {
    const answer = await post(path, { ...body, model });
    const error = expectOwnError(answer, shape, 400, "invalid_request", secretsOf(door, key));
    expect(error.message).toContain("model");
    expect(error.message).toMatch(words);
    if (shape === "openai") expect(error.param).toBe("model");
    expect(answer.body.length).toBeLessThan(1_000);
  });
});

describe("the size of a body", () => {
  test("32 MiB are taken", async () => {
    const answer = await post(MESSAGES, ofLength(LIMIT));
    expect(answer.status).toBe(200);
    expect(door.fakes.claude.last().body.length).toBe(LIMIT);
  });

  test.each([
    ["that is announced", false],
    ["that is only found out", true],
  ])("one byte more, %s, is a 413", async (_name, chunked) => {
    const before = door.fakes.claude.requests.length;
    const answer = await wire(door.url + MESSAGES, { headers: auth, body: ofLength(LIMIT + 1), chunked });
    const error = expectOwnError(answer, "anthropic", 413, "request_too_large", secretsOf(door, key));
    expect(error.type).toBe("request_too_large");
    expect(error.message).toContain("32 MiB");
    expect(door.fakes.claude.requests.length).toBe(before);
  });

  test("an SDK's own fetch sees that 413 too, not a broken connection", async () => {
    const response = await fetch(door.url + OPERATIONS.chat.path, {
      method: "POST",
      headers: auth,
      body: new Uint8Array(ofLength(LIMIT + 1)),
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: "request_too_large" } });
  });

  test.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("a small %s body that unpacks to more is a 413 as well", async (encoding, pack) => {
    const packed = pack(Buffer.alloc(LIMIT * 3, 0x20));
    expect(packed.length).toBeLessThan(1024 * 1024);
    const answer = await post(MESSAGES, packed, { "content-encoding": encoding });
    expectOwnError(answer, "anthropic", 413, "request_too_large", secretsOf(door, key));
  });
});

describe("a packed body", () => {
  const plain = Buffer.from(JSON.stringify(QUESTION));

  test.each([
    ["gzip", gzipSync(plain)],
    ["x-gzip", gzipSync(plain)],
    ["GZIP", gzipSync(plain)],
    ["deflate", deflateSync(plain)],
    ["zstd", zstdCompressSync(plain)],
    ["identity", plain],
  ])("as %s is unpacked, and goes upstream plain", async (encoding, packed) => {
    expect((await post(MESSAGES, packed, { "content-encoding": encoding })).status).toBe(200);
    const { body, headers } = door.fakes.claude.last();
    expect(body).toEqual(plain);
    expect(headers["content-encoding"]).toBeUndefined();
    expect(headers["content-length"]).toBe(String(plain.length));
  });

  test.each(["br", "compress", "gzip, gzip", "gzip, br", "snappy"])("as %s is a 415", async (encoding) => {
    const answer = await post(MESSAGES, plain, { "content-encoding": encoding });
    const error = expectOwnError(answer, "anthropic", 415, "unsupported_encoding", secretsOf(door, key));
    expect(error.message).toContain("gzip, deflate, zstd");
    expect(answer.headers["accept-encoding"]).toBe("gzip, deflate, zstd");
  });

  test.each([
    ["gzip, but is plain", "gzip", plain],
    ["gzip, but is cut short", "gzip", gzipSync(plain).subarray(0, 40)],
    ["gzip, with broken bytes", "gzip", broken(gzipSync(plain))],
    ["zstd, but is plain", "zstd", plain],
    ["zstd, but is cut short", "zstd", zstdCompressSync(plain).subarray(0, 40)],
    ["deflate, but is gzip", "deflate", gzipSync(plain)],
  ])("that says %s is a 400", async (_name, encoding, packed) => {
    const answer = await post(MESSAGES, packed, { "content-encoding": encoding });
    expectOwnError(answer, "anthropic", 400, "invalid_request", secretsOf(door, key));
  });

  test("without saying so is not taken for JSON", async () => {
    expectOwnError(await post(MESSAGES, gzipSync(plain)), "anthropic", 400, "invalid_json");
  });

  function broken(packed: Buffer): Buffer {
    const copy = Buffer.from(packed);
    copy.fill(0xff, 20, 30);
    return copy;
  }
});

describe("methods and paths", () => {
  const PREFIXES = ["", "/copilot", "/codex", "/claude"];

  test.each(OPERATION_NAMES)("any method but POST on %s is a 405 that says which", async (operation) => {
    for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      for (const prefix of PREFIXES) {
        const answer = await wire(door.url + prefix + OPERATIONS[operation].path, { method, headers: auth });
        expectOwnError(answer, shapeOf(operation), 405, "method_not_allowed");
        expect(answer.headers.allow).toBe("POST");
      }
    }
    const head = await wire(door.url + OPERATIONS[operation].path, { method: "HEAD" });
    expect([head.status, head.headers.allow, head.body.length]).toEqual([405, "POST", 0]);
  });

  test.each([
    "/v1",
    "/v1/",
    "/v2/messages",
    "/v1/completions",
    "/v1/embeddings",
    "/gemini/v1/messages",
    "/anthropic/v1/messages",
    "/Claude/v1/messages",
    "/claude/messages",
    "/claude/claude/v1/messages",
    "/v1/messages/batches",
    "/.env",
    "/v1/%2e%2e/%2e%2e/etc/passwd",
    "/%E0%A4%A",
    `/${"x".repeat(4_000)}`,
  ])("there is nothing at %s", async (path) => {
    const answer = await post(path, QUESTION);
    const shape = path.split("/").includes("messages") ? "anthropic" : "openai";
    const error = expectOwnError(answer, shape, 404, "not_found", secretsOf(door, key));
    expect(error.message).toContain("/v1/messages");
    expect(answer.body.length).toBeLessThan(1_000);
  });

  test("a model of another provider under a forced prefix is refused, not sent elsewhere", async () => {
    const before = door.fakes.claude.requests.length;
    const answer = await post("/codex/v1/responses", { model: "claude/claude-sonnet-5", input: "Hello" });
    const error = expectOwnError(answer, "openai", 400, "invalid_request", secretsOf(door, key));
    expect(error.message).toContain("/v1");
    expect(door.fakes.claude.requests.length).toBe(before);
  });
});

describe("probes", () => {
  test.each([
    ["HEAD", "/"],
    ["GET", "/"],
    ["HEAD", "/api/hello"],
    ["GET", "/api/hello"],
    ["HEAD", "/healthz"],
  ])("%s %s is 200 at once, without a key or a redirect", async (method, path) => {
    const answer = await wire(door.url + path, { method });
    expect(answer.status).toBe(200);
    expect(answer.headers.location).toBeUndefined();
    if (method === "HEAD") expect(answer.body.length).toBe(0);
    else expect(answer.text).toContain("/admin");
  });

  test("healthz says alive to everybody, and looks at the database for the admin alone", async () => {
    const alive = await wire(`${door.url}/healthz`, { method: "GET" });
    expect([alive.status, alive.json]).toMatchObject([200, { status: "ok" }]);
    expect(alive.text).not.toContain("database");

    const deep = (headers: Record<string, string>) =>
      wire(`${door.url}/healthz?deep=1`, { method: "GET", headers });
    const admin = await deep({ authorization: `Bearer ${door.adminToken}` });
    expect([admin.status, admin.json]).toMatchObject([200, { status: "ok", database: "ok" }]);
    const others: Record<string, string>[] = [
      {},
      { authorization: `Bearer ${key}` },
      { "x-api-key": door.adminToken },
    ];
    for (const headers of others) {
      expectOwnError(await deep(headers), "openai", 401, "admin_unauthorized", secretsOf(door, key));
    }
  });
});

describe("a websocket upgrade", () => {
  const HANDSHAKE = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "a2xlaXMta2xlaXMta2xlaQ==",
  };

  test.each(["/v1/responses", "/codex/v1/responses"])(
    "on %s is a 426, with a key or without",
    async (path) => {
      for (const headers of [HANDSHAKE, { ...HANDSHAKE, ...auth }]) {
        const answer = await wire(door.url + path, { method: "GET", headers });
        const error = expectOwnError(answer, "openai", 426, "upgrade_required", [key]);
        expect(error.message).toContain("POST");
        expect(answer.headers.connection).toBe("close");
      }
    },
  );

  test("from a raw socket that goes on in frames ends with that 426 and a closed connection", async () => {
    const lines = ["GET /v1/responses HTTP/1.1", "host: kleis", "connection: keep-alive, Upgrade"];
    const handshake = [...lines, "upgrade: WebSocket", "sec-websocket-version: 13", "", ""].join("\r\n");
    const said = await raw(handshake, Buffer.from([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]));
    expect(said).toMatch(/^HTTP\/1\.1 426 /);
    expect(said).toContain('"upgrade_required"');
  });

  test("to HTTP/2, as curl offers it, is ignored: the request is answered", async () => {
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
    expect((await post(MESSAGES, QUESTION, headers)).status).toBe(200);
  });
});

describe("what is no request", () => {
  test.each([
    ["noise", "\u0000\u0001\u0002nonsense\r\n\r\n"],
    ["a TLS hello", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001"],
    ["a header that never fits", `GET / HTTP/1.1\r\nx: ${"y".repeat(70_000)}\r\n\r\n`],
    [
      "two different lengths",
      "POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ],
    ["no host", "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n"],
    ["a host of noise", "GET /healthz HTTP/1.1\r\nhost: a b/\\?#\r\nconnection: close\r\n\r\n"],
  ])("%s is refused without words from inside", async (_name, bytes) => {
    const said = await raw(bytes);
    expect(said).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(said).not.toMatch(/\.[mc]?[jt]s:\d|node_modules/);
  });

  test("a client that leaves in the middle of its body harms nobody", async () => {
    const before = door.fakes.claude.requests.length;
    await new Promise<void>((done) => {
      const headers = { ...auth, "content-length": "5000" };
      const outgoing: ClientRequest = request(door.url + MESSAGES, { method: "POST", headers });
      outgoing.on("error", () => done());
      outgoing.write('{"model":"claude-sonnet-5","mess');
      setTimeout(() => outgoing.destroy(new Error("left")), 30);
    });
    expect(door.fakes.claude.requests.length).toBe(before);
  });
});

test("after all of this the server answers as before, and no provider was given anything it blames", async () => {
  for (const operation of OPERATION_NAMES) {
    const answer: WireAnswer = await post(OPERATIONS[operation].path, OPERATIONS[operation].body);
    expect([operation, answer.status]).toEqual([operation, 200]);
  }
  expect(door.fakes.violations()).toEqual([]);
});

/** Writes to a bare socket and gives all that comes back until the other side closes. */
function raw(...writes: (string | Buffer)[]): Promise<string> {
  const { hostname, port } = new URL(door.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let said = "";
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      said += part;
    });
    // A reset after the answer is as good an end as a clean one.
    socket.on("error", () => {});
    socket.on("close", () => resolve(said));
    for (const bytes of writes) socket.write(bytes);
  });
}
