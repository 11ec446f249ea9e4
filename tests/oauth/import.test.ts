/** Accounts that were imported, from there on: renewed, imported once more, signed in. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { account, field, html, intercept, type SignIns, startSignIns } from "./sign-in.ts";

/** Imports, and answers the ids. */
async function bring(kleis: SignIns, body: object): Promise<string[]> {
  const answer = await kleis.admin("POST", "/admin/accounts/import", body);
  if (answer.status !== 201) throw new Error(answer.text);
  return (answer.json.accounts as JsonObject[]).map(({ id }) => String(id));
}

const refresh = (kleis: SignIns, id: string) => kleis.admin("POST", `/admin/accounts/${id}/refresh`, {});

/** The credential file of a sign-in that the provider has just given. */
const files = {
  claude(kleis: SignIns) {
    const { accessToken, refreshToken, expiresAt } = kleis.fakes.claude.issueTokens();
    return { file: { claudeAiOauth: { accessToken, refreshToken, expiresAt } } };
  },
  codex(kleis: SignIns) {
    const {
      accessToken: access_token,
      refreshToken: refresh_token,
      idToken: id_token,
    } = kleis.fakes.codex.issueTokens();
    return { file: { OPENAI_API_KEY: null, tokens: { id_token, access_token, refresh_token } } };
  },
};

describe.each(["claude", "codex"] as const)(
  "the credential file of a %s sign-in that Kleis has renewed since",
  (id) => {
    test("changes nothing when it is imported again, and the response says so", async () => {
      const kleis = await startSignIns();
      const file = files[id](kleis);
      const [imported = ""] = await bring(kleis, file);
      expect((await refresh(kleis, imported)).status).toBe(200);
      const held = await kleis.storage.accounts.open(imported);

      const again = await kleis.admin("POST", "/admin/accounts/import", file);
      expect(again.status).toBe(201);
      expect(again.json).toMatchObject({
        accounts: [{ id: imported, status: "active" }],
        notes: [expect.stringMatching(/older than those that Kleis holds/)],
      });
      expect(await kleis.storage.accounts.open(imported)).toEqual(held);
      expect((await refresh(kleis, imported)).status).toBe(200);
      expect(kleis.fakes.violations()).toEqual([]);
    });

    test("is refused with an explanation when the account must sign in again", async () => {
      const kleis = await startSignIns();
      const file = files[id](kleis);
      const [imported = ""] = await bring(kleis, file);
      await refresh(kleis, imported);
      const held = (await kleis.storage.accounts.secrets(imported))?.refreshToken ?? "";
      kleis.fakes[id].revoke(held);
      expect((await refresh(kleis, imported)).json.error).toMatchObject({ code: "account_needs_login" });

      const again = await kleis.admin("POST", "/admin/accounts/import", file);
      expect(again.status).toBe(400);
      expect(again.message).toMatch(/tokens are used up.*sign in again/);
      expect(await kleis.accounts()).toMatchObject([{ id: imported, status: "needs_login" }]);

      const [fresh] = await bring(kleis, files[id](kleis));
      expect(await kleis.storage.accounts.get(fresh ?? "")).toMatchObject({ status: "active" });
    });
  },
);

test("a file with some used refresh tokens imports the other accounts and reports what it left out", async () => {
  const kleis = await startSignIns();
  const { accessToken: access, refreshToken, expiresAt: expires } = kleis.fakes.claude.issueTokens();
  const { accessToken: token } = kleis.fakes.copilot.issueTokens();
  const anthropic = { type: "oauth", access, refresh: refreshToken, expires };
  const [imported = ""] = await bring(kleis, { file: { anthropic } });
  await refresh(kleis, imported);
  kleis.fakes.claude.revoke((await kleis.storage.accounts.secrets(imported))?.refreshToken ?? "");
  await refresh(kleis, imported);

  const file = { anthropic, "github-copilot": { type: "oauth", access: token, refresh: token, expires: 0 } };
  const answer = await kleis.admin("POST", "/admin/accounts/import", { file });
  expect(answer.status).toBe(201);
  expect(answer.json).toMatchObject({
    accounts: [{ provider: "copilot" }],
    notes: [expect.stringMatching(/used up/)],
  });
});

describe("an access token without a refresh token", () => {
  const setupToken = (kleis: SignIns) => {
    const { accessToken } = kleis.fakes.claude.issueTokens({ scopes: ["user:inference"] });
    return { provider: "claude", kind: "oauth", access_token: accessToken };
  };

  test("has nothing to refresh, which is said; nobody is asked and the account stays as it is", async () => {
    const kleis = await startSignIns();
    const [id = ""] = await bring(kleis, setupToken(kleis));
    const before = await kleis.accounts();
    const answer = await refresh(kleis, id);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code: "invalid_request" });
    expect(answer.message).toMatch(/nothing to refresh.*works until the provider ends it/);
    expect(await kleis.accounts()).toEqual(before);
    expect(kleis.sent.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("is tried on by requests after a 401, which passes as it came and is said beside the account", async () => {
    const kleis = await startSignIns();
    const material = setupToken(kleis);
    const [id = ""] = await bring(kleis, material);
    const key = field(await kleis.admin("POST", "/admin/keys", {}), "key");
    const ask = async () => {
      const answer = await kleis.app.fetch(
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
      await kleis.settled();
      return answer.status;
    };
    expect(await ask()).toBe(200);
    kleis.fakes.claude.expire(material.access_token);
    expect([await ask(), await ask()]).toEqual([401, 401]);
    const [stored] = await kleis.accounts();
    expect(stored).toMatchObject({
      id,
      status: "active",
      statusReason: expect.stringMatching(/refused this access token/),
    });
    expect(kleis.sent.filter(({ url }) => url.endsWith("/oauth/token"))).toEqual([]);

    await bring(kleis, { ...setupToken(kleis), account_id: "other" });
    expect((await kleis.accounts()).map(({ primary }) => primary)).toEqual([false, true]);
    expect(await ask()).toBe(200);
  });

  test("of Copilot, which never has one, is validated as ever", async () => {
    const kleis = await startSignIns();
    const { accessToken } = kleis.fakes.copilot.issueTokens();
    const [id = ""] = await bring(kleis, { provider: "copilot", kind: "oauth", access_token: accessToken });
    const answer = await refresh(kleis, id);
    expect(account(answer)).toMatchObject({ id, status: "active", metadata: { login: "octo-owner" } });
  });
});

describe("an imported account that signs in", () => {
  type Way = [string, (kleis: SignIns) => Promise<string>, (kleis: SignIns) => Promise<JsonObject>];

  async function signInToClaude(kleis: SignIns, owner?: string): Promise<JsonObject> {
    const begun = await kleis.start("claude", { mode: "max" });
    const as = owner === undefined ? {} : { account: owner };
    const pasted = kleis.fakes.claude.authorize(field(begun, "url"), as);
    return account(await kleis.complete("claude", field(begun, "state"), pasted));
  }

  async function signInToCopilot(kleis: SignIns, user: object = {}): Promise<JsonObject> {
    const begun = await kleis.start("copilot");
    kleis.fakes.copilot.approveDevice(field(begun, "user_code"), user);
    await kleis.clock.advance(5_000);
    return account(await kleis.complete("copilot", field(begun, "state")));
  }

  async function bringCopilot(kleis: SignIns): Promise<string> {
    const { accessToken } = kleis.fakes.copilot.issueTokens();
    const [id = ""] = await bring(kleis, { provider: "copilot", kind: "oauth", access_token: accessToken });
    await refresh(kleis, id);
    return id;
  }

  async function bringClaude(kleis: SignIns): Promise<string> {
    const [id = ""] = await bring(kleis, files.claude(kleis));
    await refresh(kleis, id);
    return id;
  }

  const ways: Way[] = [
    [
      "Claude's, brought with its account's id",
      async (kleis) => {
        const { accessToken, refreshToken, accountId } = kleis.fakes.claude.issueTokens();
        const tokens = { access_token: accessToken, refresh_token: refreshToken, account_id: accountId };
        return String((await bring(kleis, { provider: "claude", kind: "oauth", ...tokens }))[0]);
      },
      signInToClaude,
    ],
    ["Claude's, from a file, once it was renewed", bringClaude, signInToClaude],
    ["Copilot's, once it was validated", bringCopilot, signInToCopilot],
  ];

  test.each(ways)("is the same account with its proper name: %s", async (_, imported, signIn) => {
    const kleis = await startSignIns();
    const id = await imported(kleis);
    await kleis.admin("PATCH", `/admin/accounts/${id}`, { label: "mine" });
    await kleis.admin("POST", "/admin/keys", { accounts: [id] });
    const signedIn = await signIn(kleis);
    expect(signedIn).toMatchObject({ id, label: "mine", primary: true });
    expect(signedIn.external_id).toMatch(
      /^00000000-0000-4000-8000-00000000c1a0:org-fake-1$|^github\.com\/4242$/,
    );
    expect(await kleis.accounts()).toHaveLength(1);
    expect((await signIn(kleis)).id).toBe(id);
    expect(await kleis.accounts()).toHaveLength(1);
    expect(kleis.fakes.violations()).toEqual([]);
  });

  test("is one account also when two tabs sign in at once", async () => {
    const kleis = await startSignIns();
    const id = await bringClaude(kleis);
    const both = await Promise.all([signInToClaude(kleis), signInToClaude(kleis)]);
    expect(both.map((each) => each.id)).toEqual([id, id]);
    expect(await kleis.accounts()).toHaveLength(1);
  });

  test("stays beside another person's, and another organization's, which sign in", async () => {
    const kleis = await startSignIns();
    await bringClaude(kleis);
    await bringCopilot(kleis);
    await signInToClaude(kleis, "someone-else");
    await signInToCopilot(kleis, { login: "second", userId: 7 });
    const stored = await kleis.accounts();
    expect(stored.map(({ externalId }) => externalId)).toEqual([
      expect.stringMatching(/^fp_/),
      expect.stringMatching(/^fp_/),
      "someone-else:org-fake-1",
      "github.com/7",
    ]);
  });

  test("a Copilot import whose user GitHub does not tell is good all the same", async () => {
    const kleis = await startSignIns({
      fetch: intercept(({ pathname }) => (pathname === "/user" ? html(503) : null)),
    });
    const id = await bringCopilot(kleis);
    expect(await kleis.storage.accounts.get(id)).toMatchObject({ status: "active", lastRefreshStatus: "ok" });
  });
});
