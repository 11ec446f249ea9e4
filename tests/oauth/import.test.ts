/** Accounts that were imported, from there on: renewed, imported once more, signed in. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { account, createSignInWorld, field, html, intercept, type SignInWorld } from "./world.ts";

/** Imports, and answers the ids. */
async function bring(world: SignInWorld, body: object): Promise<string[]> {
  const answer = await world.call("POST", "/accounts/import", body);
  if (answer.status !== 201) throw new Error(answer.text);
  return (answer.json.accounts as JsonObject[]).map(({ id }) => String(id));
}

const refresh = (world: SignInWorld, id: string) => world.call("POST", `/accounts/${id}/refresh`, {});

/** The credential file of a sign-in that the provider has just given. */
const files = {
  claude(world: SignInWorld) {
    const { accessToken, refreshToken, expiresAt } = world.fakes.claude.issueTokens();
    return { file: { claudeAiOauth: { accessToken, refreshToken, expiresAt } } };
  },
  codex(world: SignInWorld) {
    const {
      accessToken: access_token,
      refreshToken: refresh_token,
      idToken: id_token,
    } = world.fakes.codex.issueTokens();
    return { file: { OPENAI_API_KEY: null, tokens: { id_token, access_token, refresh_token } } };
  },
};

describe.each(["claude", "codex"] as const)(
  "the credential file of a %s sign-in that Kleis has renewed since",
  (id) => {
    test("changes nothing when it is imported once more, which is said", async () => {
      const world = await createSignInWorld();
      const file = files[id](world);
      const [imported = ""] = await bring(world, file);
      expect((await refresh(world, imported)).status).toBe(200);
      const held = await world.storage.accounts.open(imported);

      const again = await world.call("POST", "/accounts/import", file);
      expect(again.status).toBe(201);
      expect(again.json).toMatchObject({
        accounts: [{ id: imported, status: "active" }],
        notes: [expect.stringMatching(/older than those that Kleis holds/)],
      });
      expect(await world.storage.accounts.open(imported)).toEqual(held);
      expect((await refresh(world, imported)).status).toBe(200);
      expect(world.fakes.violations()).toEqual([]);
    });

    test("is refused in words when the account must sign in again", async () => {
      const world = await createSignInWorld();
      const file = files[id](world);
      const [imported = ""] = await bring(world, file);
      await refresh(world, imported);
      const held = (await world.storage.accounts.secrets(imported))?.refreshToken ?? "";
      world.fakes[id].revoke(held);
      expect((await refresh(world, imported)).json.error).toMatchObject({ code: "account_needs_login" });

      const again = await world.call("POST", "/accounts/import", file);
      expect(again.status).toBe(400);
      expect(again.message).toMatch(/tokens are used up.*sign in again/);
      expect(await world.accounts()).toMatchObject([{ id: imported, status: "needs_login" }]);

      const [fresh] = await bring(world, files[id](world));
      expect(await world.storage.accounts.get(fresh ?? "")).toMatchObject({ status: "active" });
    });
  },
);

test("a file that holds used-up tokens among others brings the others in and says what it left out", async () => {
  const world = await createSignInWorld();
  const { accessToken: access, refreshToken, expiresAt: expires } = world.fakes.claude.issueTokens();
  const { accessToken: token } = world.fakes.copilot.issueTokens();
  const anthropic = { type: "oauth", access, refresh: refreshToken, expires };
  const [imported = ""] = await bring(world, { file: { anthropic } });
  await refresh(world, imported);
  world.fakes.claude.revoke((await world.storage.accounts.secrets(imported))?.refreshToken ?? "");
  await refresh(world, imported);

  const file = { anthropic, "github-copilot": { type: "oauth", access: token, refresh: token, expires: 0 } };
  const answer = await world.call("POST", "/accounts/import", { file });
  expect(answer.status).toBe(201);
  expect(answer.json).toMatchObject({
    accounts: [{ provider: "copilot" }],
    notes: [expect.stringMatching(/used up/)],
  });
});

describe("an access token without a refresh token", () => {
  const setupToken = (world: SignInWorld) => {
    const { accessToken } = world.fakes.claude.issueTokens({ scopes: ["user:inference"] });
    return { provider: "claude", kind: "oauth", access_token: accessToken };
  };

  test("has nothing to refresh, which is said; nobody is asked and the account stays as it is", async () => {
    const world = await createSignInWorld();
    const [id = ""] = await bring(world, setupToken(world));
    const before = await world.accounts();
    const answer = await refresh(world, id);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code: "invalid_request" });
    expect(answer.message).toMatch(/nothing to refresh.*works until the provider ends it/);
    expect(await world.accounts()).toEqual(before);
    expect(world.sent.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("is tried on by requests after a 401, which passes as it came and is said beside the account", async () => {
    const world = await createSignInWorld();
    const material = setupToken(world);
    const [id = ""] = await bring(world, material);
    const key = field(await world.call("POST", "/keys", {}), "key");
    const ask = async () => {
      const answer = await world.app.fetch(
        new Request("http://127.0.0.1:4747/v1/messages", {
          method: "POST",
          headers: { "x-api-key": key, "content-type": "application/json" },
          body: JSON.stringify({
            model: "claude-sonnet-5",
            max_tokens: 5,
            messages: [{ role: "user", content: "hi" }],
          }),
        }),
      );
      await answer.text();
      await Promise.all(world.background);
      return answer.status;
    };
    expect(await ask()).toBe(200);
    world.fakes.claude.expire(material.access_token);
    expect([await ask(), await ask()]).toEqual([401, 401]);
    const [stored] = await world.accounts();
    expect(stored).toMatchObject({
      id,
      status: "active",
      statusReason: expect.stringMatching(/refused this access token/),
    });
    expect(world.sent.filter(({ url }) => url.endsWith("/oauth/token"))).toEqual([]);

    await bring(world, { ...setupToken(world), account_id: "other" });
    expect((await world.accounts()).map(({ primary }) => primary)).toEqual([false, true]);
    expect(await ask()).toBe(200);
  });

  test("of Copilot, which never has one, is validated as ever", async () => {
    const world = await createSignInWorld();
    const { accessToken } = world.fakes.copilot.issueTokens();
    const [id = ""] = await bring(world, { provider: "copilot", kind: "oauth", access_token: accessToken });
    const answer = await refresh(world, id);
    expect(account(answer)).toMatchObject({ id, status: "active", metadata: { login: "octo-owner" } });
  });
});

describe("an imported account that signs in", () => {
  type Way = [string, (world: SignInWorld) => Promise<string>, (world: SignInWorld) => Promise<JsonObject>];

  async function signInToClaude(world: SignInWorld, owner?: string): Promise<JsonObject> {
    const begun = await world.start("claude", { mode: "max" });
    const as = owner === undefined ? {} : { account: owner };
    const pasted = world.fakes.claude.authorize(field(begun, "url"), as);
    return account(await world.complete("claude", field(begun, "state"), pasted));
  }

  async function signInToCopilot(world: SignInWorld, user: object = {}): Promise<JsonObject> {
    const begun = await world.start("copilot");
    world.fakes.copilot.approveDevice(field(begun, "user_code"), user);
    await world.clock.advance(5_000);
    return account(await world.complete("copilot", field(begun, "state")));
  }

  async function bringCopilot(world: SignInWorld): Promise<string> {
    const { accessToken } = world.fakes.copilot.issueTokens();
    const [id = ""] = await bring(world, { provider: "copilot", kind: "oauth", access_token: accessToken });
    await refresh(world, id);
    return id;
  }

  async function bringClaude(world: SignInWorld): Promise<string> {
    const [id = ""] = await bring(world, files.claude(world));
    await refresh(world, id);
    return id;
  }

  const ways: Way[] = [
    [
      "Claude's, brought with its account's id",
      async (world) => {
        const { accessToken, refreshToken, accountId } = world.fakes.claude.issueTokens();
        const tokens = { access_token: accessToken, refresh_token: refreshToken, account_id: accountId };
        return String((await bring(world, { provider: "claude", kind: "oauth", ...tokens }))[0]);
      },
      signInToClaude,
    ],
    ["Claude's, from a file, once it was renewed", bringClaude, signInToClaude],
    ["Copilot's, once it was validated", bringCopilot, signInToCopilot],
  ];

  test.each(ways)("is the same account with its proper name: %s", async (_, imported, signIn) => {
    const world = await createSignInWorld();
    const id = await imported(world);
    await world.call("PATCH", `/accounts/${id}`, { label: "mine" });
    await world.call("POST", "/keys", { accounts: [id] });
    const signedIn = await signIn(world);
    expect(signedIn).toMatchObject({ id, label: "mine", primary: true });
    expect(signedIn.external_id).toMatch(
      /^00000000-0000-4000-8000-00000000c1a0:org-fake-1$|^github\.com\/4242$/,
    );
    expect(await world.accounts()).toHaveLength(1);
    expect((await signIn(world)).id).toBe(id);
    expect(await world.accounts()).toHaveLength(1);
    expect(world.fakes.violations()).toEqual([]);
  });

  test("is one account also when two tabs sign in at once", async () => {
    const world = await createSignInWorld();
    const id = await bringClaude(world);
    const both = await Promise.all([signInToClaude(world), signInToClaude(world)]);
    expect(both.map((each) => each.id)).toEqual([id, id]);
    expect(await world.accounts()).toHaveLength(1);
  });

  test("stays beside another person's, and another organization's, which sign in", async () => {
    const world = await createSignInWorld();
    await bringClaude(world);
    await bringCopilot(world);
    await signInToClaude(world, "someone-else");
    await signInToCopilot(world, { login: "second", userId: 7 });
    const stored = await world.accounts();
    expect(stored.map(({ externalId }) => externalId)).toEqual([
      expect.stringMatching(/^fp_/),
      expect.stringMatching(/^fp_/),
      "someone-else:org-fake-1",
      "github.com/7",
    ]);
  });

  test("a Copilot import whose user GitHub does not tell is good all the same", async () => {
    const world = await createSignInWorld({
      fetch: intercept(({ pathname }) => (pathname === "/user" ? html(503) : null)),
    });
    const id = await bringCopilot(world);
    expect(await world.storage.accounts.get(id)).toMatchObject({ status: "active", lastRefreshStatus: "ok" });
  });
});
