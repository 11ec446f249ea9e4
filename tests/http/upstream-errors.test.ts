/** What a provider says in refusal reaches the client as it came; what stops Kleis from hearing it is said in Kleis's words. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CLAUDE_ERRORS } from "../fakes/claude/errors.ts";
import { CODEX_ERRORS } from "../fakes/codex/errors.ts";
import { COPILOT_ERRORS } from "../fakes/copilot/errors.ts";
import type { Reply } from "../fakes/index.ts";
import { bytesOf } from "../fakes/server.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { expectOwnError, OPERATIONS, type OperationName, secretsOf, shapeOf } from "./own-error.ts";
import { type WireAnswer, wire } from "./wire.ts";

/** A fixed time, so that an error is the same whenever it is made. */
const NOW = 1_790_000_000_000;
/** A provider's headers that clients act upon. What is said of asking again has a suite of its own. */
const PASSED = /^((x-)?request-id|anthropic-.*|x-ratelimit-.*|x-codex-.*)$/;

/** The provider's headers that must have passed; fails where there is none to look at. */
function passedOf(headers: Readonly<Record<string, string>> = {}): [string, string][] {
  const passed = Object.entries(headers).filter(([name]) => PASSED.test(name));
  expect(passed.length).toBeGreaterThan(0);
  return passed;
}

/** Error answers of the fakes that bring no header of those. */
const WITHOUT_HEADERS = /^error:(html403|400-nested|403-entitlement|402-workspace|403-top|502|52[012])$/;

let door: Door;
let key: string;
let apiKeyAccount: string;

beforeAll(async () => {
  door = await openDoor();
  const { claude: oauthAccount } = await connectAll(door);
  const api_key = door.fakes.claude.issueApiKey();
  apiKeyAccount = await door.account({ provider: "claude", kind: "api_key", api_key });
  key = await door.key({ accounts: await idsBut(oauthAccount) });
});
afterAll(() => door.close());
afterEach(() => {
  for (const fake of [door.fakes.claude, door.fakes.codex, door.fakes.copilot]) fake.always();
});

async function idsBut(without: string): Promise<string[]> {
  const { accounts } = await door.admin<{ accounts: { id: string }[] }>("GET", "/admin/accounts");
  return accounts.map(({ id }) => id).filter((id) => id !== without);
}

/** Forced, for a model that is refused leaves the account's list, and another provider may have one of its name. */
const PROVIDER = { messages: "claude", count_tokens: "claude", responses: "codex", chat: "copilot" } as const;

async function ask(operation: OperationName, stream = false, secret = key): Promise<WireAnswer> {
  // An earlier error may have been one after which the account rests.
  await door.uncool();
  return wire(`${door.url}/${PROVIDER[operation]}${OPERATIONS[operation].path}`, {
    headers: { "x-api-key": secret },
    body: { ...OPERATIONS[operation].body, ...(stream ? { stream } : {}) },
  });
}

/** What Kleis adds to a gate that is only a few words of the provider's (refusals.test.ts). */
const withoutAdvice = (words: string) => words.replace(/ \[Kleis: [^\]]+\]/, "");

const STREAMING = [
  ["in one piece", false],
  ["as a stream", true],
] as const;

describe("an error of Claude's, for an API key", () => {
  const errors = Object.entries(CLAUDE_ERRORS);

  test.each(STREAMING)("comes back byte for byte to a client that asked %s", async (_name, stream) => {
    for (const [name, make] of errors) {
      const reply: Reply = make(NOW);
      door.fakes.claude.script(reply);
      const answer = await ask("messages", stream);
      if (name === "error:html403") {
        expect([answer.status, answer.json]).toMatchObject([403, { error: { type: "permission_error" } }]);
        expect(answer.text).not.toContain("<");
      } else {
        expect([name, answer.status, answer.text]).toEqual([
          name,
          reply.status,
          bytesOf(reply.body).toString(),
        ]);
        for (const [header, value] of passedOf(reply.headers))
          expect([name, header, answer.headers[header]]).toEqual([name, header, value]);
      }
      expect(answer.headers["x-kleis-account"]).toBe(apiKeyAccount);
      expect(answer.headers["x-kleis-provider"]).toBe("claude");
      expect(answer.headers["x-kleis-changes"]).toBe("none");
      expect(answer.headers["x-request-id"]).toBeDefined();
    }
    // Each was asked for once: none is repeated on the client's behalf.
    expect(door.fakes.claude.inference.length).toBe(errors.length * (stream ? 2 : 1));
  });

  test.each([
    [
      "with odd spacing and escapes",
      '{ "type":"error",\r\n "error": {"message":"\\u00fc \u{1F9F5} 1.0e2"}}\n\n',
    ],
    [
      "with bytes that are not UTF-8",
      Buffer.from('{"type":"error","error":{"message":"\xff\xfe"}}', "latin1"),
    ],
    ["behind a byte order mark", '\ufeff{"type":"error","error":{"message":"x"}}'],
  ])("%s keeps its bytes", async (_name, body) => {
    door.fakes.claude.script({ status: 503, headers: { "retry-after": "3" }, body });
    const answer = await ask("messages", true);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "3"]);
    expect(answer.body).toEqual(bytesOf(body));
  });

  test.each<[string, string | Buffer, string]>([
    ["that is plain text", "upstream connect error", "upstream connect error"],
    ["that is empty", "", "The provider answered 503 Service Unavailable without words."],
    ["that is no text", Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]), "503 Service Unavailable"],
    ["that is larger than any error", `{"error":"Busy ${"x".repeat(1024 * 1024)}"}`, "Busy xxx"],
  ])("%s is put into the protocol's shape", async (_name, body, words) => {
    door.fakes.claude.script({
      status: 503,
      headers: { "retry-after": "3", "content-type": "text/plain" },
      body,
    });
    const answer = await ask("messages", true);
    expect([answer.status, answer.headers["retry-after"], answer.headers["content-type"]]).toEqual([
      503,
      "3",
      "application/json",
    ]);
    expect(answer.json).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
    expect((answer.json as { error: { message: string } }).error.message).toContain(words);
  });

  test("that came packed is unpacked, labelled or not", async () => {
    const plain = '{"type":"error","error":{"type":"api_error","message":"Internal server error"}}';
    for (const headers of [{}, { "content-encoding": "gzip" }] as Record<string, string>[]) {
      door.fakes.claude.script({ status: 500, headers, body: gzipSync(plain) });
      const answer = await ask("messages");
      expect([answer.status, answer.text]).toEqual([500, plain]);
      expect(answer.headers["content-encoding"]).toBeUndefined();
      expect(answer.headers["content-length"] ?? String(plain.length)).toBe(String(plain.length));
    }
  });
});

test("an error of Claude's for a subscription comes back byte for byte too", async () => {
  const { accounts } = await door.admin<{ accounts: { id: string; provider: string; kind: string }[] }>(
    "GET",
    "/admin/accounts",
  );
  const oauth = accounts.find(({ provider, kind }) => provider === "claude" && kind === "oauth")!.id;
  const secret = await door.key({ accounts: [oauth] });
  for (const name of ["error:third-party", "error:429-shared", "error:too-long", "error:529"] as const) {
    const reply: Reply = CLAUDE_ERRORS[name](NOW);
    door.fakes.claude.script(reply);
    const answer = await ask("messages", true, secret);
    expect([answer.status, answer.text]).toEqual([reply.status, bytesOf(reply.body).toString()]);
    expect(answer.headers["x-kleis-account"]).toBe(oauth);
  }
});

describe("an error of the ChatGPT backend's", () => {
  test.each(STREAMING)(
    "keeps status, words and headers for a client that asked %s",
    async (_name, stream) => {
      for (const [name, make] of Object.entries(CODEX_ERRORS)) {
        const reply: Reply = make(NOW);
        // For each request alike: a 401 may be answered by a renewal and a second try.
        door.fakes.codex.always(reply);
        const answer = await ask("responses", stream);
        if (name === "error:html403") {
          expect([answer.status, answer.json]).toMatchObject([503, { error: { code: "upstream_blocked" } }]);
          continue;
        }
        expect([name, answer.status]).toEqual([name, reply.status]);
        const source = bytesOf(reply.body).toString();
        const { detail, error } = reply.body as { detail?: unknown; error?: unknown };
        if (typeof detail === "string") {
          const { error: shaped } = answer.json as { error: { message: string } };
          expect(answer.json).toEqual({
            error: { message: shaped.message, type: "invalid_request_error", code: null, param: null },
          });
          expect(withoutAdvice(shaped.message)).toBe(detail);
        } else if (error !== undefined) expect([name, withoutAdvice(answer.text)]).toEqual([name, source]);
        else {
          const { error: shaped } = answer.json as { error: { message: string; code: string } };
          const code = /codex_\w+|deactivated_workspace/.exec(source)?.[0];
          expect([name, shaped.code]).toEqual([name, code ?? "upstream_error"]);
          expect(shaped.message).toContain(code ?? String(reply.status));
        }
        if (WITHOUT_HEADERS.test(name)) continue;
        for (const [header, value] of passedOf(reply.headers))
          expect([name, header, answer.headers[header]]).toEqual([name, header, value]);
      }
    },
  );
});

describe("an error of Copilot's", () => {
  test.each(["chat", "messages"] as const)("keeps status and words on %s", async (operation) => {
    const body = { ...OPERATIONS[operation].body, model: "claude-opus-4.8" };
    for (const [name, make] of Object.entries(COPILOT_ERRORS)) {
      const reply: Reply = make();
      door.fakes.copilot.always(reply);
      await door.uncool();
      const path = `${door.url}/copilot${OPERATIONS[operation].path}`;
      const answer = await wire(path, { headers: { "x-api-key": key }, body });
      expect([name, answer.status]).toEqual([name, reply.status]);
      const { error } = answer.json as { error: { message: string } };
      const source = bytesOf(reply.body).toString().replaceAll('\\"', '"');
      // Told in Anthropic's own words, by which alone Claude Code knows it.
      if (name === "error:prompt-too-long" && operation === "messages")
        expect(error.message).toMatch(/^prompt is too long: \d+ tokens > \d+ maximum$/);
      else if (source.startsWith("<")) expect(error.message).toContain(String(reply.status));
      else expect(source).toContain(withoutAdvice(error.message));
      expect(answer.json).toMatchObject(shapeOf(operation) === "anthropic" ? { type: "error" } : {});
      const wait = reply.headers?.["retry-after"];
      expect([name, answer.headers["retry-after"]]).toEqual([name, Number(wait) > 60 ? undefined : wait]);
    }
  });
});

describe("a provider's headers about itself and its connection", () => {
  const FOREIGN = {
    "set-cookie": "__cf_bm=secret; path=/",
    "proxy-authenticate": "Basic",
    "alt-svc": 'h3=":443"',
    "strict-transport-security": "max-age=1",
    "access-control-allow-origin": "*",
    "keep-alive": "timeout=99, max=42",
    trailer: "x-late",
    upgrade: "h2c",
    via: "1.1 upstream",
    server: "cloudflare",
    "x-powered-by": "fake",
    location: "https://elsewhere.example",
    "x-kleis-account": "acc_forged",
  };

  test.each([
    ["a stream", true, 200],
    ["an answer in one piece", false, 200],
    ["an error", false, 429],
  ])("do not come back with %s", async (_name, stream, status) => {
    const scenario = status === 200 ? "text" : "error:429";
    door.fakes.claude.script({ scenario, headers: { ...FOREIGN, "retry-after": "9" } });
    const answer = await ask("messages", stream);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([status, "9"]);
    for (const name of Object.keys(FOREIGN).filter((name) => name !== "x-kleis-account")) {
      // Node's own server says how long it keeps a connection; what counts is that it is not the provider's word.
      expect([name, answer.headers[name]]).not.toEqual([name, FOREIGN[name as keyof typeof FOREIGN]]);
      if (name !== "keep-alive") expect([name, answer.headers[name]]).toEqual([name, undefined]);
    }
    expect(answer.headers["x-kleis-account"]).toBe(apiKeyAccount);
    expect(answer.headers["anthropic-organization-id"]).toBe("org-fake-1");
  });
});

describe("a provider that cannot be heard", () => {
  describe("because it does not begin in time", () => {
    let impatient: Door;
    let secret: string;
    beforeAll(async () => {
      impatient = await openDoor({ env: { KLEIS_HEADER_TIMEOUT_MS: "200" } });
      await connectAll(impatient);
      secret = await impatient.key();
      const { claude, codex, copilot } = impatient.fakes;
      for (const fake of [claude, codex, copilot]) fake.always({ scenario: "text", headersAfterMs: 60_000 });
    });
    afterAll(() => impatient.close());

    test.each(STREAMING)("is a 504, asked %s, and the provider's side is let go", async (_name, stream) => {
      for (const operation of ["chat", "responses", "messages"] as const) {
        const { path, body } = OPERATIONS[operation];
        const headers = { "x-api-key": secret };
        const answer = await wire(impatient.url + path, { headers, body: { ...body, stream } });
        const secrets = secretsOf(impatient, secret);
        expectOwnError(answer, shapeOf(operation), 504, "upstream_timeout", secrets);
      }
      const request = impatient.fakes.claude.last();
      await request.closed;
      expect(request.aborted).toBe(true);
    });
  });

  test.each([301, 302, 303, 307, 308])("with a %i is not followed: 502", async (status) => {
    const elsewhere = await listening();
    door.fakes.claude.script({ status, headers: { location: elsewhere.url } });
    const answer = await ask("messages", true);
    const error = expectOwnError(answer, "anthropic", 502, "upstream_unreachable", secretsOf(door, key));
    expect(error.message).toContain("redirect");
    expect(answer.headers.location).toBeUndefined();
    expect(elsewhere.seen()).toBe(0);
    elsewhere.server.close();
  });

  test.each(["claude", "codex", "copilot"] as const)(
    "but shows a web page with 200 is a 502 (%s)",
    async (name) => {
      const operation = ({ claude: "messages", codex: "responses", copilot: "chat" } as const)[name];
      for (const stream of [true, false]) {
        const body = "<!doctype html><title>Sign in to the Wi-Fi</title>";
        door.fakes[name].script({ status: 200, headers: { "content-type": "text/html" }, body });
        const answer = await ask(operation, stream);
        const error = expectOwnError(answer, shapeOf(operation), 502, "upstream_invalid_response");
        expect(error.message).toContain("web page");
        expect(answer.text).not.toContain("doctype");
      }
    },
  );

  test.each(STREAMING)("but answers with nothing at all is a 502, asked %s", async (_name, stream) => {
    for (const status of [204, 205]) {
      door.fakes.claude.script({ status, headers: { "request-id": "req_empty" } });
      const answer = await ask("messages", stream);
      expectOwnError(answer, "anthropic", 502, "upstream_invalid_response", secretsOf(door, key));
    }
  });

  test.each([101, 600, 999])(
    "but answers with a status of %i is a 502, and Kleis lives on",
    async (status) => {
      const raw = `HTTP/1.1 ${status} Odd\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
      door.fakes.claude.script({ raw: (res) => res.socket?.end(raw) });
      expectOwnError(await ask("messages", true), "anthropic", 502, "upstream_unreachable");
      expect((await ask("messages", true)).status).toBe(200);
    },
  );

  test.each(STREAMING)("because it closes without an answer is a 502, asked %s", async (_name, stream) => {
    door.fakes.claude.always({ raw: (res) => res.destroy() });
    const answer = await ask("messages", stream);
    expectOwnError(answer, "anthropic", 502, "upstream_unreachable", secretsOf(door, key));
  });

  test("because nothing listens there is a 502 on every protocol", async () => {
    const closed = await listening();
    closed.server.close();
    await once(closed.server, "close");
    const env = { CLAUDE_API_URL: closed.url, CODEX_API_URL: closed.url, COPILOT_API_URL: closed.url };
    const other = await openDoor({ env });
    await connectAll(other);
    const secret = await other.key();
    for (const operation of ["chat", "responses", "messages", "count_tokens"] as const) {
      const { path, body } = OPERATIONS[operation];
      const answer = await wire(other.url + path, {
        headers: { "x-api-key": secret },
        body: { ...body, ...(operation === "count_tokens" ? {} : { stream: true }) },
      });
      const secrets = [...secretsOf(other, secret), new URL(closed.url).host];
      expectOwnError(answer, shapeOf(operation), 502, "upstream_unreachable", secrets);
    }
    await other.close();
  });
});

test("the provider was never given a request that it blames Kleis for", () => {
  expect(door.fakes.violations()).toEqual([]);
});

async function listening(): Promise<{ server: Server; url: string; seen: () => number }> {
  let seen = 0;
  const server = createServer((_request, response) => {
    seen += 1;
    response.end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen: () => seen };
}
