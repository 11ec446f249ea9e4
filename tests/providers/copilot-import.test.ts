import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { copilot } from "../../src/providers/copilot/index.ts";
import { TOKEN } from "./copilot-setup.ts";

/** The accounts that its entries make. */
const filed = (file: JsonObject) => copilot.importFile(file).map(({ read }) => read());

const imported = {
  provider: "copilot",
  kind: "oauth",
  metadata: {},
  expiresAt: null,
  accessToken: TOKEN,
  refreshToken: null,
  idToken: null,
  apiKey: null,
};

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && "code" in error)
      return { code: String(error.code), message: error.message };
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("importing a Copilot account", () => {
  test("takes the GitHub token as access or as refresh token, and never invents an end", () => {
    expect(copilot.importAccount({ kind: "oauth", accessToken: ` ${TOKEN}\n`, expiresAt: 1 })).toEqual(
      imported,
    );
    expect(
      copilot.importAccount({ kind: "oauth", refreshToken: TOKEN, accountId: "583231", label: "work" }),
    ).toEqual({
      ...imported,
      externalId: "583231",
      label: "work",
    });
  });

  test("passes over an exchanged token beside the GitHub token", () => {
    const account = copilot.importAccount({
      kind: "oauth",
      accessToken: "tid=1;exp=2:mac",
      refreshToken: TOKEN,
    });
    expect(account.accessToken).toBe(TOKEN);
  });

  test.each([
    ["a classic personal access token", "ghp_0123456789", /Personal Access Tokens are not supported/],
    ["a GitHub App's refresh token", "ghr_0123456789", /sign in/],
    ["an exchanged token", "tid=1;exp=2:mac", /short-lived/],
    ["a token with a line end inside", "gho_1\nx: y", /characters/],
    ["a token with a letter no header takes", "gho_ü", /characters/],
    ["nothing", " ", /access_token or refresh_token/],
  ])("refuses %s in words that do not repeat it", (_what, token, words) => {
    const { code, message } = refusal(() => copilot.importAccount({ kind: "oauth", accessToken: token }));
    expect(code).toBe("invalid_request");
    expect(message).toMatch(words);
    if (token.trim() !== "") expect(message).not.toContain(token);
  });

  test("refuses API keys, which Copilot does not have", () => {
    const { code, message } = refusal(() => copilot.importAccount({ kind: "api_key", apiKey: "sk-1" }));
    expect(code).toBe("invalid_request");
    expect(message).toMatch(/no API keys/);
  });

  test("reads OpenCode's auth.json, whose refresh token is the GitHub token", () => {
    const file = {
      anthropic: { type: "api", key: "sk-ant" },
      "github-copilot": { type: "oauth", refresh: TOKEN, access: "tid=1;exp=2:mac", expires: 1760000000000 },
    };
    expect(filed(file)).toEqual([imported]);
  });

  test("reads the enterprise along, in its plain form", () => {
    const file = (enterpriseUrl: string) => ({
      "github-copilot": { type: "oauth", refresh: TOKEN, access: TOKEN, expires: 0, enterpriseUrl },
    });
    expect(filed(file("https://Company.ghe.com/"))[0]?.metadata).toEqual({
      domain: "company.ghe.com",
    });
    expect(filed(file("github.com"))[0]?.metadata).toEqual({});
    expect(refusal(() => filed(file("http://169.254.169.254"))).code).toBe("invalid_request");
  });

  test("finds nothing in a file that holds no Copilot sign-in", () => {
    expect(filed({})).toEqual([]);
    expect(filed({ "github-copilot": { type: "api", key: "x" } })).toEqual([]);
    expect(filed({ "github-copilot": { type: "oauth", refresh: "", access: "" } })).toEqual([]);
    expect(filed({ tokens: { access_token: "x" } })).toEqual([]);
  });
});
