import { describe, expect, test } from "vitest";
import type { Fetch } from "../../src/runtime.ts";
import { account, field, html, intercept, type SignIns, startSignIns } from "./sign-in.ts";

async function begun(kleis: SignIns, body: object = {}) {
  const answer = await kleis.start("copilot", body);
  expect(answer.status).toBe(200);
  return { answer, state: field(answer, "state"), userCode: field(answer, "user_code") };
}

const polls = (kleis: SignIns) =>
  kleis.sent.filter(({ url }) => url.endsWith("/login/oauth/access_token")).length;

/** The enterprise's hosts, answered by the fake of github.com. */
const enterprise =
  (seen: string[], url: () => string) =>
  (next: Fetch): Fetch =>
  (address, init) => {
    const { origin, pathname } = new URL(address);
    if (!origin.startsWith("http://127.")) seen.push(origin + pathname);
    return next(url() + pathname, init);
  };

test("a GitHub account is connected by a user code, keyed by host and user", async () => {
  const kleis = await startSignIns();
  const { answer, state, userCode } = await begun(kleis);
  expect(answer.json).toMatchObject({
    method: "device",
    interval: 5,
    url: `${kleis.fakes.copilot.url}/login/device`,
    expires_at: kleis.clock.now() + 900_000,
    notice: expect.stringContaining("GitHub"),
  });
  expect((await kleis.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 5 });
  expect(polls(kleis)).toBe(0);
  await kleis.clock.advance(5_000);
  expect((await kleis.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 6 });
  expect((await kleis.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 6 });
  expect(polls(kleis)).toBe(1);

  kleis.fakes.copilot.approveDevice(userCode);
  await kleis.clock.advance(6_000);
  const done = await kleis.complete("copilot", state);
  expect(account(done)).toMatchObject({
    provider: "copilot",
    kind: "oauth",
    external_id: "github.com/4242",
    label: "octo-owner",
    expires_at: null,
    metadata: { login: "octo-owner", api_host: "api.individual.githubcopilot.com", plan: "individual_pro" },
  });
  const secrets = await kleis.storage.accounts.secrets(String(account(done).id));
  expect(secrets).toMatchObject({ refreshToken: null, accessToken: expect.stringMatching(/^gho_/) });
  expect(done.text).not.toContain("gho_");
  expect(kleis.fakes.violations()).toEqual([]);
});

test("the device code stays with Kleis, sealed", async () => {
  const kleis = await startSignIns();
  const { answer, state } = await begun(kleis);
  await kleis.clock.advance(5_000);
  await kleis.complete("copilot", state);
  const poll = kleis.fakes.copilot.requests.find(({ path }) => path === "/login/oauth/access_token");
  const code = new URLSearchParams(poll?.body.toString()).get("device_code") ?? "";
  expect(code).not.toBe("");
  expect(answer.text + (await kleis.dump())).not.toContain(code);
});

test("every poll leaves the device code under a later version, so that no earlier state can stand for it", async () => {
  const kleis = await startSignIns();
  const { state } = await begun(kleis);
  const version = async () => (await kleis.storage.oauthStates.get(`${state}.turn`))?.version;
  const seen = [await version()];
  for (let poll = 0; poll < 3; poll++) {
    await kleis.clock.advance(6_000);
    await kleis.complete("copilot", state);
    seen.push(await version());
  }
  expect(polls(kleis)).toBe(3);
  expect(seen).toEqual([0, 2, 4, 6]);
});

test("slow_down raises the interval for all later polls", async () => {
  const kleis = await startSignIns();
  kleis.fakes.copilot.device.script("slow_down", "authorization_pending", "success");
  const { state } = await begun(kleis);
  await kleis.clock.advance(5_000);
  expect((await kleis.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 11 });
  await kleis.clock.advance(11_000);
  expect((await kleis.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 11 });
  await kleis.clock.advance(11_000);
  expect((await kleis.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  expect(kleis.fakes.violations()).toEqual([]);
});

describe("a response that ends the sign-in is reported, and nothing is stored", () => {
  test.each([
    ["access_denied", /cancelled at GitHub/],
    ["expired_token", /ran out/],
  ] as const)("%s", async (answer, words) => {
    const kleis = await startSignIns();
    kleis.fakes.copilot.device.script(answer);
    const { state } = await begun(kleis);
    await kleis.clock.advance(5_000);
    for (let tab = 0; tab < 2; tab++) {
      const over = await kleis.complete("copilot", state);
      expect(over.status).toBe(400);
      expect(over.message).toMatch(words);
    }
    expect(polls(kleis)).toBe(1);
    expect(await kleis.accounts()).toEqual([]);
  });

  test.each([
    ["incorrect_device_code", /does not know this sign-in/],
    ["device_flow_disabled", /COPILOT_CLIENT_ID/],
  ])("%s", async (error, words) => {
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) =>
        pathname.endsWith("/access_token") ? Response.json({ error }) : null,
      ),
    });
    const { state } = await begun(kleis);
    await kleis.clock.advance(5_000);
    expect((await kleis.complete("copilot", state)).message).toMatch(words);
  });
});

describe("an answer that says nothing keeps the sign-in", () => {
  test.each<[string, () => Response]>([
    ["a page", () => html(200)],
    ["an outage", () => new Response("bad gateway", { status: 502 })],
    ["no token in a 200", () => Response.json({ token_type: "bearer" })],
    ["an error nobody knows", () => Response.json({ error: "something_new" })],
    ["a limit", () => Response.json({ message: "slow" }, { status: 429 })],
  ])("%s", async (_, reply) => {
    let broken = true;
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) => (broken && pathname.endsWith("/access_token") ? reply() : null)),
    });
    const { state, userCode } = await begun(kleis);
    kleis.fakes.copilot.approveDevice(userCode);
    await kleis.clock.advance(5_000);
    const failed = await kleis.complete("copilot", state);
    expect(failed.status).toBe(502);
    expect(failed.message).toMatch(/still open/);
    expect(await kleis.accounts()).toEqual([]);
    broken = false;
    await kleis.clock.advance(6_000);
    expect((await kleis.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  });
});

test("a token whose owner is not known makes no account, and is not asked for twice", async () => {
  let broken = true;
  const kleis = await startSignIns({
    fetch: intercept(({ pathname }) => (broken && pathname === "/user" ? html(503) : null)),
  });
  const { state, userCode } = await begun(kleis);
  kleis.fakes.copilot.approveDevice(userCode);
  await kleis.clock.advance(5_000);
  const failed = await kleis.complete("copilot", state);
  expect(failed.status).toBe(502);
  expect(failed.message).toMatch(/whose sign-in this is/);
  expect(await kleis.accounts()).toEqual([]);
  expect(await kleis.dump()).not.toContain("gho_");
  broken = false;
  await kleis.clock.advance(6_000);
  expect((await kleis.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  expect(polls(kleis)).toBe(1);
  expect(kleis.fakes.violations()).toEqual([]);
});

test.each([
  ["404", undefined],
  ["hostile", undefined],
  ["ok", "api.individual.githubcopilot.com"],
] as const)("host discovery %s: the bearer goes to known hosts only", async (mode, host) => {
  const kleis = await startSignIns();
  kleis.fakes.copilot.discovery.mode = mode;
  const { state, userCode } = await begun(kleis);
  kleis.fakes.copilot.approveDevice(userCode);
  await kleis.clock.advance(5_000);
  const done = await kleis.complete("copilot", state);
  expect(account(done).metadata).toEqual(expect.objectContaining({ login: "octo-owner" }));
  expect((account(done).metadata as { api_host?: string }).api_host).toBe(host);
});

test("a plan that costs nothing is known as that, also where GitHub calls it by the paid one's name", async () => {
  const kleis = await startSignIns();
  kleis.fakes.copilot.discovery.mode = "free";
  const { state, userCode } = await begun(kleis);
  kleis.fakes.copilot.approveDevice(userCode);
  await kleis.clock.advance(5_000);
  expect(account(await kleis.complete("copilot", state)).metadata).toMatchObject({ plan: "free" });
});

test("signing in again updates in place; another GitHub user is another account", async () => {
  const kleis = await startSignIns();
  const ids: unknown[] = [];
  for (const user of [{}, {}, { login: "second", userId: 7 }]) {
    const { state, userCode } = await begun(kleis);
    kleis.fakes.copilot.approveDevice(userCode, user);
    await kleis.clock.advance(5_000);
    ids.push(account(await kleis.complete("copilot", state)).id);
  }
  expect(ids[1]).toBe(ids[0]);
  expect((await kleis.accounts()).map(({ externalId }) => externalId)).toEqual([
    "github.com/4242",
    "github.com/7",
  ]);
});

test("two tabs that poll at once poll once and make one account", async () => {
  const kleis = await startSignIns();
  const { state, userCode } = await begun(kleis);
  kleis.fakes.copilot.approveDevice(userCode);
  await kleis.clock.advance(5_000);
  const answers = await Promise.all(Array.from({ length: 8 }, () => kleis.complete("copilot", state)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(polls(kleis)).toBe(1);
  expect((await kleis.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  expect(await kleis.accounts()).toHaveLength(1);
});

describe("an enterprise", () => {
  test("signs in at its own hosts and nowhere else", async () => {
    const seen: string[] = [];
    let url = "";
    const kleis = await startSignIns({
      fetch: enterprise(seen, () => url),
      env: { COPILOT_API_URL: "" },
    });
    url = kleis.fakes.copilot.url;
    kleis.fakes.copilot.discovery.api = "https://copilot-api.company.ghe.com";
    const { answer, state, userCode } = await begun(kleis, { enterprise_domain: "https://Company.ghe.com/" });
    expect(answer.json.url).toBe("https://company.ghe.com/login/device");
    kleis.fakes.copilot.approveDevice(userCode);
    await kleis.clock.advance(5_000);
    const done = await kleis.complete("copilot", state);
    expect(account(done)).toMatchObject({
      external_id: "company.ghe.com/4242",
      metadata: { domain: "company.ghe.com", api_host: "copilot-api.company.ghe.com" },
    });
    expect(seen).toEqual([
      "https://company.ghe.com/login/device/code",
      "https://company.ghe.com/login/oauth/access_token",
      "https://api.company.ghe.com/user",
      "https://api.company.ghe.com/copilot_internal/user",
    ]);
  });

  test("on the list of the operator is allowed", async () => {
    const seen: string[] = [];
    let url = "";
    const kleis = await startSignIns({
      fetch: enterprise(seen, () => url),
      env: { COPILOT_ENTERPRISE_HOSTS: "git.corp.example" },
    });
    url = kleis.fakes.copilot.url;
    await begun(kleis, { enterprise_domain: "git.corp.example" });
    expect(seen).toEqual(["https://git.corp.example/login/device/code"]);
  });

  test.each([
    "git.corp.example",
    "http://company.ghe.com",
    "company.ghe.com:8443",
    "user@company.ghe.com",
    "company.ghe.com/path",
    "company.ghe.com.",
    "evil.com#company.ghe.com",
    "127.0.0.1",
    "0x7f000001",
    "[::1]",
    "localhost",
    "printer.local",
    "a.b.ghe.com",
    "ghe.com",
    "Companу.ghe.com",
  ])("%s is refused before anything is sent", async (enterprise_domain) => {
    const kleis = await startSignIns();
    const answer = await kleis.start("copilot", { enterprise_domain });
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code: "invalid_request", param: "enterprise_domain" });
    expect(kleis.sent).toEqual([]);
  });

  test.each(["github.com", "https://www.github.com/", "api.github.com"])(
    "%s is none",
    async (enterprise_domain) => {
      const kleis = await startSignIns();
      await begun(kleis, { enterprise_domain });
      expect(kleis.sent[0]?.url).toBe(`${kleis.fakes.copilot.url}/login/device/code`);
    },
  );
});

test.each<[string, string, string]>([
  ["another host", "https://github.attacker.example/login/device", "https://company.ghe.com/login/device"],
  ["http", "http://company.ghe.com/login/device", "https://company.ghe.com/login/device"],
  ["a script", "javascript:alert(1)", "https://company.ghe.com/login/device"],
  ["its own page", "https://company.ghe.com/login/device?x=1", "https://company.ghe.com/login/device?x=1"],
])(
  "the page to open, named as %s, is shown only where it is the host's own",
  async (_, verification_uri, url) => {
    const reply = { device_code: "d", user_code: "AB-12", verification_uri, expires_in: 600, interval: 5 };
    const kleis = await startSignIns({ fetch: intercept(() => Response.json(reply)) });
    const answer = await kleis.start("copilot", { enterprise_domain: "company.ghe.com" });
    expect(answer.json).toMatchObject({ url, expires_at: kleis.clock.now() + 600_000 });
  },
);
