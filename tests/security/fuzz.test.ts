/** Whatever is sent to whatever route: an answer in time, no server error that is not on the list, nothing that grows. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { BASE } from "../support/kleis.ts";
import { AUTHORITY } from "./authority.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

/** The 5xx that Kleis's list of errors names, and what they say. Here no provider can be reached. */
const DOCUMENTED = new Set(["upstream_unreachable", "refresh_failed"]);

/** FUZZ_RUNS=5000 asks more, KLEIS_SEED=random asks something else. */
const RUNS = Number(process.env.FUZZ_RUNS || 75);
/** ms. Everything here happens in this process. */
const IN_TIME = 5_000;

const paths = [...AUTHORITY.keys()]
  .map((name) => name.split(" ")[1] ?? "")
  .filter((path, at, all) => all.indexOf(path) === at);

const scrap = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "..",
    "%00",
    "%2e%2e%2f",
    "%",
    "%zz",
    "//",
    "acc_claude",
    "key_1",
    "__proto__",
    "constructor",
    "../../etc",
  ),
);

const path = fc
  .tuple(fc.constantFrom(...paths), fc.array(scrap, { minLength: 3, maxLength: 3 }), fc.option(scrap))
  .map(([pattern, parts, query]) => {
    let at = 0;
    const filled = pattern.replace(/:\w+|\*/g, () => encodeURI(parts[at++ % 3] ?? ""));
    return query === null ? filled : `${filled}?${encodeURI(query)}`;
  });

const headerText = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\x20-\x7e]/g, "")),
  fc.constantFrom(
    "Bearer",
    "Bearer  ",
    "bearer x y",
    "gzip",
    "*/*",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=cut",
    "null",
    ";;=,",
  ),
);
const headers = fc.dictionary(
  fc.constantFrom(
    "accept",
    "accept-encoding",
    "content-encoding",
    "content-type",
    "cookie",
    "if-none-match",
    "origin",
    "sec-fetch-site",
    "upgrade",
    "x-api-key",
    "anthropic-version",
    "anthropic-beta",
    "x-forwarded-for",
    "x-request-id",
  ),
  headerText,
  { maxKeys: 4 },
);

const model = fc.constantFrom(
  "claude-sonnet-5",
  "gpt-5.5",
  "claude/claude-opus-4-5",
  "__proto__",
  "",
  "x/y/z",
);
const body = fc.oneof(
  fc.json({ maxDepth: 6 }),
  fc.string({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }),
  fc
    .record({
      model,
      messages: fc.jsonValue(),
      input: fc.jsonValue(),
      system: fc.jsonValue(),
      tools: fc.jsonValue(),
    })
    .map((value) => JSON.stringify(value)),
  fc
    .record({
      provider: scrap,
      kind: fc.constantFrom("oauth", "api_key", "x"),
      api_key: scrap,
      access_token: scrap,
    })
    .map((value) => JSON.stringify(value)),
  fc.record({ file: fc.jsonValue() }).map((value) => JSON.stringify(value)),
  fc.array(fc.tuple(scrap, scrap), { maxLength: 4 }).map((fields) => new URLSearchParams(fields).toString()),
  fc
    .tuple(scrap, scrap, fc.constantFrom("--cut--\r\n", "--cut", ""))
    .map(
      ([name, value, end]) =>
        `--cut\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n${end}`,
    ),
);

type Who = "nobody" | "key" | "admin" | "session";
const who = fc.constantFrom<Who>("nobody", "key", "admin", "session");

async function credential(kleis: SeededKleis, cookie: string, who: Who): Promise<Record<string, string>> {
  if (who === "key") return { authorization: `Bearer ${kleis.keys.live.key}` };
  if (who === "admin") return { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
  return who === "session" ? { cookie, origin: BASE } : {};
}

/** Asks, and gives up on an answer that does not come. */
async function answerOf(
  kleis: SeededKleis,
  url: string,
  init: RequestInit,
): Promise<{ status: number; text: string }> {
  const late = new Promise<never>((_, failed) => {
    setTimeout(() => failed(new Error(`no answer within ${IN_TIME} ms`)), IN_TIME).unref();
  });
  const whole = kleis
    .request(url, init)
    .then(async (answer) => ({ status: answer.status, text: await answer.text() }));
  return Promise.race([whole, late]);
}

function expectSane({ status, text }: { status: number; text: string }, what: string): void {
  if (status < 500) return;
  const code = /"code":"(\w+)"/.exec(text)?.[1] ?? text.slice(0, 200);
  expect(DOCUMENTED.has(code), `${what}: ${status} ${code}`).toBe(true);
}

function expectNothingUnforeseen(kleis: SeededKleis): void {
  const lines = kleis.log().split("\n");
  expect(lines.filter((line) => /"(unforeseen|admin_page_error)"|"internal_error"/.test(line))).toEqual([]);
}

describe("whatever is sent", () => {
  test("to any route, by anybody, is answered, and no secret or stack comes back", {
    timeout: 120_000,
  }, async () => {
    const kleis = await startSeededKleis();
    const cookie = await kleis.login();
    const methods = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS");
    await fc.assert(
      fc.asyncProperty(path, methods, headers, body, who, async (url, method, sent, content, asWhom) => {
        // Ends the session, which is tested elsewhere.
        fc.pre(!url.startsWith("/admin/logout"));
        const init: RequestInit = {
          method,
          headers: { ...sent, ...(await credential(kleis, cookie, asWhom)) },
        };
        if (method !== "GET" && method !== "HEAD")
          init.body = typeof content === "string" ? content : new Uint8Array(content);
        fc.pre(URL.canParse(BASE + url));
        const answer = await answerOf(kleis, url, init);
        expectSane(answer, `${method} ${url}`);
        expect(answer.text).not.toMatch(/planted-api-key|\n\s+at \w+.*:\d+:\d+/);
      }),
      { numRuns: RUNS * 4 },
    );
    // No request leaves it unable to answer another.
    expect((await kleis.request("/healthz")).status).toBe(200);
    expectNothingUnforeseen(kleis);
    expect(kleis.log()).not.toMatch(/planted-api-key/);
  });

  test("as a request to a model gets a documented error", { timeout: 120_000 }, async () => {
    const kleis = await startSeededKleis();
    const routes = fc.constantFrom(
      "/v1/chat/completions",
      "/v1/responses",
      "/v1/messages",
      "/v1/messages/count_tokens",
    );
    await fc.assert(
      fc.asyncProperty(routes, body, headers, async (url, content, sent) => {
        const answer = await answerOf(kleis, url, {
          method: "POST",
          body: typeof content === "string" ? content : new Uint8Array(content),
          headers: { ...sent, authorization: `Bearer ${kleis.keys.live.key}` },
        });
        expectSane(answer, url);
        if (answer.status >= 400)
          expect(JSON.parse(answer.text)).toMatchObject({ error: { message: expect.any(String) } });
      }),
      { numRuns: RUNS * 2 },
    );
    expectNothingUnforeseen(kleis);
  });

  test("as pasted sign-in input is refused and not repeated", { timeout: 120_000 }, async () => {
    const kleis = await startSeededKleis();
    const admin = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
    const pasted = fc.oneof(
      scrap,
      fc.tuple(scrap, scrap).map(([code, state]) => `${code}#${state}`),
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc
        .tuple(scrap, scrap)
        .map(([code, state]) => `http://localhost:1455/auth/callback?code=${code}&state=${state}`),
      fc
        .tuple(scrap, scrap)
        .map(([error, words]) => `https://x.example/?error=${error}&error_description=${words}`),
      fc.string({ minLength: 5_000, maxLength: 20_000 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("claude", "codex"), pasted, async (provider, code) => {
        const start = await kleis.request(`/admin/accounts/${provider}/oauth/start`, {
          method: "POST",
          body: "{}",
          headers: admin,
        });
        const { state } = (await start.json()) as { state: string };
        for (const text of [code, `${code}#${state}`]) {
          const answer = await answerOf(kleis, `/admin/accounts/${provider}/oauth/complete`, {
            method: "POST",
            body: JSON.stringify({ state, code: text }),
            headers: admin,
          });
          expectSane(answer, `${provider} ${text.slice(0, 80)}`);
          expect(answer.status).toBeGreaterThanOrEqual(400);
          if (code.length > 30) expect(answer.text).not.toContain(code);
        }
        const lost = await answerOf(kleis, `/admin/accounts/${provider}/oauth/complete`, {
          method: "POST",
          body: JSON.stringify({ state: code, code: "x" }),
          headers: admin,
        });
        expect([400, 404]).toContain(lost.status);
      }),
      { numRuns: RUNS },
    );
    expectNothingUnforeseen(kleis);
  });
});
