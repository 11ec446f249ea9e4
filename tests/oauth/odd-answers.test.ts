/** A code is good for one time: what it buys connects the account, whatever else the answer says that nobody needs. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import type { Answer } from "../support/requests.ts";
import { field, rewritten, type SignIns, startSignIns } from "./sign-in.ts";

/** Each way to sign in, up to the step that redeems what it was given for. */
const ways: [string, string, (kleis: SignIns) => Promise<Answer>][] = [
  ["Claude", "/oauth/token", (kleis) => inBrowser(kleis, "claude", "max")],
  ["Claude's console", "/oauth/token", (kleis) => inBrowser(kleis, "claude", "console")],
  ["Codex in the browser", "/oauth/token", (kleis) => inBrowser(kleis, "codex", "browser")],
  ["Codex by a user code", "/oauth/token", (kleis) => byCode(kleis, "codex")],
  ["Copilot", "/login/oauth/access_token", (kleis) => byCode(kleis, "copilot")],
];

async function inBrowser(kleis: SignIns, provider: "claude" | "codex", mode: string): Promise<Answer> {
  const begun = await kleis.start(provider, { mode });
  const pasted = kleis.fakes[provider].authorize(field(begun, "url"));
  return kleis.complete(provider, field(begun, "state"), pasted);
}

async function byCode(kleis: SignIns, provider: "codex" | "copilot"): Promise<Answer> {
  const begun = await kleis.start(provider, { mode: "device" });
  kleis.fakes[provider].approveDevice(field(begun, "user_code"));
  await kleis.clock.advance(5_000);
  return kleis.complete(provider, field(begun, "state"));
}

const oddities: [string, (body: JsonObject) => JsonObject, number?][] = [
  ["a scope of null", (body) => ({ ...body, scope: null })],
  ["a list of scopes", (body) => ({ ...body, scope: ["a", "b"] })],
  ["a token_type of its own", (body) => ({ ...body, token_type: "oauth" })],
  ["no token_type", (body) => ({ ...body, token_type: null })],
  ["a lifetime in words", (body) => ({ ...body, expires_in: "an hour" })],
  ["status 201", (body) => body, 201],
];

describe.each(ways)("%s connects", (_, path, signIn) => {
  test.each(oddities)("an answer with %s", async (__, change, status) => {
    const kleis = await startSignIns({ fetch: rewritten(path, change, status) });
    expect((await signIn(kleis)).json).toMatchObject({ status: "connected" });
    expect(kleis.fakes.violations()).toEqual([]);
  });
});
