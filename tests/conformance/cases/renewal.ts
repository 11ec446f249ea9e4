/** Tokens that end: each case connects a sign-in of its own, since it changes it. */
import { expect } from "vitest";
import { objectsOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { eventsOf, request, streamedText } from "../wire.ts";
import { lastAsked, signIn, until, type World } from "../world.ts";

const area = "renewal";
const HELLO = request("messages", "claude-sonnet-5", "again", true);

async function statusOf({ admin }: World, id: string) {
  const { body } = await admin("GET", "/admin/accounts");
  return objectsOf(body.accounts).find((account) => account.id === id)?.status;
}

async function withAccount(
  world: World,
  account: object,
  work: (account: { id: string; key: string }) => Promise<void>,
): Promise<void> {
  const connected = await world.connect(account);
  try {
    await work(connected);
  } finally {
    await world.admin("DELETE", `/admin/accounts/${connected.id}`);
  }
}

export const cases: Case[] = [
  {
    area,
    name: "a token that is refused is renewed once, and the request sent again",
    async run(world) {
      const { fakes, ask } = world;
      for (const provider of ["claude", "codex"] as const) {
        const tokens = fakes[provider].issueTokens({ account: crypto.randomUUID() });
        await withAccount(
          world,
          { ...signIn(provider, tokens), account_id: tokens.accountId },
          async ({ id, key }) => {
            fakes[provider].expire(tokens.accessToken);
            const body = provider === "claude" ? HELLO : request("responses", "gpt-5.5", "again", true);
            const response = await ask(provider === "claude" ? "/v1/messages" : "/v1/responses", body, {
              key,
            });
            const text = await response.text();
            expect({ provider, status: response.status, text: response.ok ? "" : text }).toEqual({
              provider,
              status: 200,
              text: "",
            });
            const protocol = provider === "claude" ? "messages" : "responses";
            expect(streamedText(protocol, eventsOf(text))).toContain("again");
            expect(lastAsked(fakes[provider].inference).headers.authorization).not.toContain(
              tokens.accessToken,
            );
            expect(await statusOf(world, id)).toBe("active");
          },
        );
      }
    },
  },
  {
    area,
    name: "a token that is about to end is renewed before it is used",
    async run(world) {
      const { fakes, ask } = world;
      const tokens = fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: 5 });
      await withAccount(
        world,
        { ...signIn("claude", tokens), account_id: tokens.accountId },
        async ({ key }) => {
          const before = fakes.claude.refusals.length;
          const response = await ask("/v1/messages", HELLO, { key });
          expect(response.status).toBe(200);
          await response.text();
          expect(lastAsked(fakes.claude.inference).headers.authorization).not.toContain(tokens.accessToken);
          expect(fakes.claude.refusals.length).toBe(before);
        },
      );
    },
  },
  {
    area,
    name: "many requests that meet an ended token cost one renewal, and all are answered",
    async run(world) {
      const { fakes, ask } = world;
      const tokens = fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: -10 });
      await withAccount(
        world,
        { ...signIn("claude", tokens), account_id: tokens.accountId },
        async ({ key }) => {
          const calls = () => fakes.claude.requests.filter(({ path }) => path === "/v1/oauth/token").length;
          const before = calls();
          fakes.claude.token.script({ delayMs: 200 });
          const answers = await Promise.all(
            Array.from({ length: 8 }, () => ask("/v1/messages", HELLO, { key })),
          );
          for (const answer of answers) {
            expect(answer.status).toBe(200);
            await answer.text();
          }
          expect(calls() - before).toBe(1);
        },
      );
    },
  },
  {
    area,
    name: "a renewal that has begun is kept, although the client that caused it has left",
    async run(world) {
      const { fakes, ask } = world;
      const tokens = fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: -10 });
      await withAccount(
        world,
        { ...signIn("claude", tokens), account_id: tokens.accountId },
        async ({ id, key }) => {
          const calls = () => fakes.claude.requests.filter(({ path }) => path === "/v1/oauth/token").length;
          const before = calls();
          fakes.claude.token.script({ delayMs: 600 });
          const leaving = new AbortController();
          const asking = ask("/v1/messages", HELLO, { key, signal: leaving.signal }).catch(() => null);
          await until("the token is asked for", 5_000, () => calls() > before);
          leaving.abort();
          await asking;
          const response = await ask("/v1/messages", HELLO, { key });
          expect(response.status).toBe(200);
          await response.text();
          expect(calls() - before).toBe(1);
          expect(await statusOf(world, id)).toBe("active");
        },
      );
    },
  },
  {
    area,
    name: "a sign-in that is over asks the owner to sign in again",
    async run(world) {
      const { fakes, ask } = world;
      const tokens = fakes.claude.issueTokens({ account: crypto.randomUUID(), expiresIn: -10 });
      await withAccount(
        world,
        { ...signIn("claude", tokens), account_id: tokens.accountId },
        async ({ id, key }) => {
          fakes.claude.revoke(tokens.refreshToken);
          const response = await ask("/v1/messages", HELLO, { key });
          expect(response.status).toBe(400);
          expect(await response.text()).toContain("admin page");
          expect(await statusOf(world, id)).toBe("needs_login");
        },
      );
    },
  },
];
