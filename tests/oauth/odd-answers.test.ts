/** A code is good for one time: what it buys connects the account, whatever else the answer says that nobody needs. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import { type Answer, createSignInWorld, field, rewritten, type SignInWorld } from "./world.ts";

/** Each way to sign in, up to the step that redeems what it was given for. */
const ways: [string, string, (world: SignInWorld) => Promise<Answer>][] = [
  ["Claude", "/oauth/token", (world) => inBrowser(world, "claude", "max")],
  ["Claude's console", "/oauth/token", (world) => inBrowser(world, "claude", "console")],
  ["Codex in the browser", "/oauth/token", (world) => inBrowser(world, "codex", "browser")],
  ["Codex by a user code", "/oauth/token", (world) => byCode(world, "codex")],
  ["Copilot", "/login/oauth/access_token", (world) => byCode(world, "copilot")],
];

async function inBrowser(world: SignInWorld, provider: "claude" | "codex", mode: string): Promise<Answer> {
  const begun = await world.start(provider, { mode });
  const pasted = world.fakes[provider].authorize(field(begun, "url"));
  return world.complete(provider, field(begun, "state"), pasted);
}

async function byCode(world: SignInWorld, provider: "codex" | "copilot"): Promise<Answer> {
  const begun = await world.start(provider, { mode: "device" });
  world.fakes[provider].approveDevice(field(begun, "user_code"));
  await world.clock.advance(5_000);
  return world.complete(provider, field(begun, "state"));
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
    const world = await createSignInWorld({ fetch: rewritten(path, change, status) });
    expect((await signIn(world)).json).toMatchObject({ status: "connected" });
    expect(world.fakes.violations()).toEqual([]);
  });
});
