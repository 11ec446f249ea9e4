import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DecideInput, decide } from "../../src/accounts/decide.ts";
import type { AccountRecord } from "../../src/storage/port.ts";

const NOW = 1_790_000_000_000;
const provider = { id: "claude", name: "Claude" };

function account(id: string, change: Partial<AccountRecord> = {}): AccountRecord {
  return {
    id,
    provider: "claude",
    kind: "oauth",
    externalId: `ext-${id}`,
    label: id,
    enabled: true,
    primary: false,
    status: "active",
    statusReason: null,
    metadata: {},
    expiresAt: null,
    lastRefreshAt: null,
    lastRefreshStatus: null,
    lastRefreshError: null,
    lastRefusal: null,
    rank: null,
    createdAt: NOW - 1_000,
    updatedAt: NOW,
    ...change,
  };
}

function ask(accounts: AccountRecord[], change: Partial<DecideInput> = {}) {
  const input = { accounts, provider, canServe: () => true, scope: () => true, now: NOW, ...change };
  const decision = decide(input);
  return {
    answer: decision.ok ? decision.account.id : decision.code,
    reasons: Object.fromEntries(decision.reasons.map(({ accountId, reason }) => [accountId, reason])),
    order: decision.reasons.map(({ accountId }) => accountId),
  };
}

const primary = account("p", { primary: true, createdAt: 1 });
const older = account("a", { createdAt: 2 });
const newer = account("b", { createdAt: 3 });
const off = { enabled: false };
const dead = { status: "needs_login" } as const;

describe("which account a request uses", () => {
  test("the primary, though others are newer", () => {
    expect(ask([newer, primary, older])).toEqual({
      answer: "p",
      reasons: { p: "chosen_primary", b: "not_primary", a: "not_primary" },
      order: ["p", "b", "a"],
    });
  });

  test.each([
    ["disabled", { ...primary, ...off }, {}],
    ["needs_login", { ...primary, ...dead }, {}],
    ["out_of_scope", primary, { scope: (id: string) => id !== "p" }],
    ["cannot_serve", primary, { canServe: ({ id }: AccountRecord) => id !== "p" }],
  ] as const)("the newest other one, when the primary is excluded as %s", (reason, excluded, change) => {
    expect(ask([older, excluded, newer], change)).toEqual({
      answer: "b",
      reasons: { p: reason, b: "chosen_newest", a: "older" },
      order: ["p", "b", "a"],
    });
  });

  test("never one of another provider, of which nothing is said", () => {
    expect(ask([account("x", { provider: "codex", primary: true }), older])).toEqual({
      answer: "a",
      reasons: { a: "chosen_newest" },
      order: ["a"],
    });
  });
});

describe("why no account can be used", () => {
  const apiKeyOnly = { canServe: ({ kind }: AccountRecord) => kind === "api_key" };
  const notA = { scope: (id: string) => id !== "a" };

  test.each<[string, AccountRecord[], Partial<DecideInput>, string]>([
    ["there is none", [], {}, "provider_not_configured"],
    ["only another provider has one", [account("x", { provider: "codex" })], {}, "provider_not_configured"],
    ["all are disabled", [{ ...older, ...off }], {}, "provider_not_configured"],
    ["all enabled ones are out of scope", [older, { ...newer, ...off }], notA, "key_scope"],
    ["those in scope cannot serve", [older, newer], { ...notA, ...apiKeyOnly }, "protocol_not_supported"],
    ["those that could serve must sign in", [{ ...older, ...dead }], {}, "account_needs_login"],
    [
      "one could serve after a sign-in, another never",
      [{ ...older, ...dead, kind: "api_key" }, newer],
      apiKeyOnly,
      "account_needs_login",
    ],
    [
      "the one to sign in could not serve either",
      [{ ...older, ...dead }],
      apiKeyOnly,
      "protocol_not_supported",
    ],
    ["the one to sign in is out of scope", [{ ...older, ...dead }], notA, "key_scope"],
    ["the one to sign in is disabled", [{ ...older, ...dead, ...off }], {}, "provider_not_configured"],
  ])("%s", (_, accounts, change, code) => {
    expect(ask(accounts, change).answer).toBe(code);
  });
});

describe("whatever the accounts are", () => {
  const someAccount = fc.record({
    provider: fc.constantFrom("claude", "codex"),
    kind: fc.constantFrom("oauth" as const, "api_key" as const),
    enabled: fc.boolean(),
    primary: fc.boolean(),
    status: fc.constantFrom("active" as const, "needs_login" as const),
    createdAt: fc.integer({ min: NOW - 3, max: NOW }),
    inScope: fc.boolean(),
  });
  const world = fc.record({
    list: fc.array(someAccount, { maxLength: 7 }),
    kinds: fc.subarray(["oauth", "api_key"]),
    order: fc.infiniteStream(fc.nat()),
  });

  test("the choice is usable if any is, the same in any order, and every account of the provider has a reason", () => {
    fc.assert(
      fc.property(world, ({ list, kinds, order }) => {
        const accounts = list.map(({ inScope: _, ...rest }, i) => account(`acc_${i}`, rest));
        const scoped = new Set(accounts.filter((_, i) => list[i]?.inScope).map(({ id }) => id));
        const input: DecideInput = {
          accounts,
          provider,
          canServe: ({ kind }) => kinds.includes(kind),
          scope: (id) => scoped.has(id),
          now: NOW,
        };
        const mine = accounts.filter((a) => a.provider === "claude");
        const usable = mine.filter(
          (a) => a.enabled && a.status === "active" && scoped.has(a.id) && kinds.includes(a.kind),
        );
        const decision = decide(input);

        expect(decision.ok).toBe(usable.length > 0);
        if (decision.ok) {
          expect(usable).toContain(decision.account);
          const best = usable.some((a) => a.primary) ? usable.filter((a) => a.primary) : usable;
          expect(best).toContain(decision.account);
          expect(decision.account.createdAt).toBe(Math.max(...best.map((a) => a.createdAt)));
        }
        expect(decision.reasons.map(({ accountId }) => accountId).sort()).toEqual(
          mine.map(({ id }) => id).sort(),
        );

        const shuffled = accounts
          .map((a) => ({ a, at: order.next().value }))
          .sort((x, y) => x.at - y.at)
          .map(({ a }) => a);
        expect(decide({ ...input, accounts: shuffled })).toEqual(decision);
      }),
      { numRuns: 500 },
    );
  });

  test("the list that was given is left as it was", () => {
    const accounts = Object.freeze([older, primary, newer]);
    ask([...accounts]);
    expect(() =>
      decide({ accounts, provider, canServe: () => true, scope: () => true, now: NOW }),
    ).not.toThrow();
    expect(accounts.map(({ id }) => id)).toEqual(["a", "p", "b"]);
  });
});
