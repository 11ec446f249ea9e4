import { describe, expect, test } from "vitest";
import type { Fetch } from "../../src/runtime.ts";
import { account, createSignInWorld, field, html, intercept, type SignInWorld } from "./world.ts";

async function begun(world: SignInWorld, body: object = {}) {
  const answer = await world.start("copilot", body);
  expect(answer.status).toBe(200);
  return { answer, state: field(answer, "state"), userCode: field(answer, "user_code") };
}

const polls = (world: SignInWorld) =>
  world.sent.filter(({ url }) => url.endsWith("/login/oauth/access_token")).length;

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
  const world = await createSignInWorld();
  const { answer, state, userCode } = await begun(world);
  expect(answer.json).toMatchObject({
    method: "device",
    interval: 5,
    url: `${world.fakes.copilot.url}/login/device`,
    expires_at: world.clock.now() + 900_000,
    notice: expect.stringContaining("GitHub"),
  });
  expect((await world.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 5 });
  expect(polls(world)).toBe(0);
  await world.clock.advance(5_000);
  expect((await world.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 6 });
  expect((await world.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 6 });
  expect(polls(world)).toBe(1);

  world.fakes.copilot.approveDevice(userCode);
  await world.clock.advance(6_000);
  const done = await world.complete("copilot", state);
  expect(account(done)).toMatchObject({
    provider: "copilot",
    kind: "oauth",
    external_id: "github.com/4242",
    label: "octo-owner",
    expires_at: null,
    metadata: { login: "octo-owner", api_host: "api.individual.githubcopilot.com", plan: "individual_pro" },
  });
  const secrets = await world.storage.accounts.secrets(String(account(done).id));
  expect(secrets).toMatchObject({ refreshToken: null, accessToken: expect.stringMatching(/^gho_/) });
  expect(done.text).not.toContain("gho_");
  expect(world.fakes.violations()).toEqual([]);
});

test("the device code stays with Kleis, sealed", async () => {
  const world = await createSignInWorld();
  const { answer, state } = await begun(world);
  await world.clock.advance(5_000);
  await world.complete("copilot", state);
  const poll = world.fakes.copilot.requests.find(({ path }) => path === "/login/oauth/access_token");
  const code = new URLSearchParams(poll?.body.toString()).get("device_code") ?? "";
  expect(code).not.toBe("");
  expect(answer.text + (await world.dump())).not.toContain(code);
});

test("every poll leaves the device code under a later version, so that no earlier state can stand for it", async () => {
  const world = await createSignInWorld();
  const { state } = await begun(world);
  const version = async () => (await world.storage.oauthStates.get(`${state}.turn`))?.version;
  const seen = [await version()];
  for (let poll = 0; poll < 3; poll++) {
    await world.clock.advance(6_000);
    await world.complete("copilot", state);
    seen.push(await version());
  }
  expect(polls(world)).toBe(3);
  expect(seen).toEqual([0, 2, 4, 6]);
});

test("slow_down raises the interval for all later polls", async () => {
  const world = await createSignInWorld();
  world.fakes.copilot.device.script("slow_down", "authorization_pending", "success");
  const { state } = await begun(world);
  await world.clock.advance(5_000);
  expect((await world.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 11 });
  await world.clock.advance(11_000);
  expect((await world.complete("copilot", state)).json).toEqual({ status: "pending", retry_after: 11 });
  await world.clock.advance(11_000);
  expect((await world.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  expect(world.fakes.violations()).toEqual([]);
});

describe("an answer that ends it is told in words, and nothing is stored", () => {
  test.each([
    ["access_denied", /cancelled at GitHub/],
    ["expired_token", /ran out/],
  ] as const)("%s", async (answer, words) => {
    const world = await createSignInWorld();
    world.fakes.copilot.device.script(answer);
    const { state } = await begun(world);
    await world.clock.advance(5_000);
    for (let tab = 0; tab < 2; tab++) {
      const over = await world.complete("copilot", state);
      expect(over.status).toBe(400);
      expect(over.message).toMatch(words);
    }
    expect(polls(world)).toBe(1);
    expect(await world.accounts()).toEqual([]);
  });

  test.each([
    ["incorrect_device_code", /does not know this sign-in/],
    ["device_flow_disabled", /COPILOT_CLIENT_ID/],
  ])("%s", async (error, words) => {
    const world = await createSignInWorld({
      fetch: intercept(({ pathname }) =>
        pathname.endsWith("/access_token") ? Response.json({ error }) : null,
      ),
    });
    const { state } = await begun(world);
    await world.clock.advance(5_000);
    expect((await world.complete("copilot", state)).message).toMatch(words);
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
    const world = await createSignInWorld({
      fetch: intercept(({ pathname }) => (broken && pathname.endsWith("/access_token") ? reply() : null)),
    });
    const { state, userCode } = await begun(world);
    world.fakes.copilot.approveDevice(userCode);
    await world.clock.advance(5_000);
    const failed = await world.complete("copilot", state);
    expect(failed.status).toBe(502);
    expect(failed.message).toMatch(/still open/);
    expect(await world.accounts()).toEqual([]);
    broken = false;
    await world.clock.advance(6_000);
    expect((await world.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  });
});

test("a token whose owner is not known makes no account, and is not asked for twice", async () => {
  let broken = true;
  const world = await createSignInWorld({
    fetch: intercept(({ pathname }) => (broken && pathname === "/user" ? html(503) : null)),
  });
  const { state, userCode } = await begun(world);
  world.fakes.copilot.approveDevice(userCode);
  await world.clock.advance(5_000);
  const failed = await world.complete("copilot", state);
  expect(failed.status).toBe(502);
  expect(failed.message).toMatch(/whose sign-in this is/);
  expect(await world.accounts()).toEqual([]);
  expect(await world.dump()).not.toContain("gho_");
  broken = false;
  await world.clock.advance(6_000);
  expect((await world.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  expect(polls(world)).toBe(1);
  expect(world.fakes.violations()).toEqual([]);
});

test.each([
  ["404", undefined],
  ["hostile", undefined],
  ["ok", "api.individual.githubcopilot.com"],
] as const)("host discovery %s: the bearer goes to known hosts only", async (mode, host) => {
  const world = await createSignInWorld();
  world.fakes.copilot.discovery.mode = mode;
  const { state, userCode } = await begun(world);
  world.fakes.copilot.approveDevice(userCode);
  await world.clock.advance(5_000);
  const done = await world.complete("copilot", state);
  expect(account(done).metadata).toEqual(expect.objectContaining({ login: "octo-owner" }));
  expect((account(done).metadata as { api_host?: string }).api_host).toBe(host);
});

test("a plan that costs nothing is known as that, also where GitHub calls it by the paid one's name", async () => {
  const world = await createSignInWorld();
  world.fakes.copilot.discovery.mode = "free";
  const { state, userCode } = await begun(world);
  world.fakes.copilot.approveDevice(userCode);
  await world.clock.advance(5_000);
  expect(account(await world.complete("copilot", state)).metadata).toMatchObject({ plan: "free" });
});

test("signing in again updates in place; another GitHub user is another account", async () => {
  const world = await createSignInWorld();
  const ids: unknown[] = [];
  for (const user of [{}, {}, { login: "second", userId: 7 }]) {
    const { state, userCode } = await begun(world);
    world.fakes.copilot.approveDevice(userCode, user);
    await world.clock.advance(5_000);
    ids.push(account(await world.complete("copilot", state)).id);
  }
  expect(ids[1]).toBe(ids[0]);
  expect((await world.accounts()).map(({ externalId }) => externalId)).toEqual([
    "github.com/4242",
    "github.com/7",
  ]);
});

test("two tabs that poll at once poll once and make one account", async () => {
  const world = await createSignInWorld();
  const { state, userCode } = await begun(world);
  world.fakes.copilot.approveDevice(userCode);
  await world.clock.advance(5_000);
  const answers = await Promise.all(Array.from({ length: 8 }, () => world.complete("copilot", state)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(polls(world)).toBe(1);
  expect((await world.complete("copilot", state)).json).toMatchObject({ status: "connected" });
  expect(await world.accounts()).toHaveLength(1);
});

describe("an enterprise", () => {
  test("signs in at its own hosts and nowhere else", async () => {
    const seen: string[] = [];
    let url = "";
    const world = await createSignInWorld({
      fetch: enterprise(seen, () => url),
      env: { COPILOT_API_URL: "" },
    });
    url = world.fakes.copilot.url;
    world.fakes.copilot.discovery.api = "https://copilot-api.company.ghe.com";
    const { answer, state, userCode } = await begun(world, { enterprise_domain: "https://Company.ghe.com/" });
    expect(answer.json.url).toBe("https://company.ghe.com/login/device");
    world.fakes.copilot.approveDevice(userCode);
    await world.clock.advance(5_000);
    const done = await world.complete("copilot", state);
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
    const world = await createSignInWorld({
      fetch: enterprise(seen, () => url),
      env: { COPILOT_ENTERPRISE_HOSTS: "git.corp.example" },
    });
    url = world.fakes.copilot.url;
    await begun(world, { enterprise_domain: "git.corp.example" });
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
    const world = await createSignInWorld();
    const answer = await world.start("copilot", { enterprise_domain });
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code: "invalid_request", param: "enterprise_domain" });
    expect(world.sent).toEqual([]);
  });

  test.each(["github.com", "https://www.github.com/", "api.github.com"])(
    "%s is none",
    async (enterprise_domain) => {
      const world = await createSignInWorld();
      await begun(world, { enterprise_domain });
      expect(world.sent[0]?.url).toBe(`${world.fakes.copilot.url}/login/device/code`);
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
    const world = await createSignInWorld({ fetch: intercept(() => Response.json(reply)) });
    const answer = await world.start("copilot", { enterprise_domain: "company.ghe.com" });
    expect(answer.json).toMatchObject({ url, expires_at: world.clock.now() + 600_000 });
  },
);
