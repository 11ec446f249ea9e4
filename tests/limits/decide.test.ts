import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compactInputs, decide } from "../../src/limits/decide.ts";
import type { Candidate, CandidateCooling, DecisionInputs } from "../../src/limits/decision.ts";

const NOW = 1_790_000_000_000;

function candidate(accountId: string, change: Partial<Candidate> = {}): Candidate {
  return {
    accountId,
    isPrimary: false,
    rank: null,
    createdAt: NOW - 1_000,
    isPaidPerUse: false,
    unusable: null,
    cooling: null,
    ...change,
  };
}

function cooling(change: Partial<CandidateCooling> = {}): CandidateCooling {
  const until = NOW + 3_600_000;
  return { scope: "*", class: "window", code: "x", until, isStated: true, phase: "active", ...change };
}

const OFF = { failover: "off", maySpend: false } as const;
const ON = { failover: "own_accounts", maySpend: false } as const;
const SPEND = { failover: "own_accounts", maySpend: true } as const;

function inputs(candidates: readonly Candidate[], change: Partial<DecisionInputs> = {}): DecisionInputs {
  return {
    version: 1,
    now: NOW,
    provider: "claude",
    model: "m",
    policy: OFF,
    bound: null,
    tried: [],
    candidates,
    ...change,
  };
}

function ask(candidates: readonly Candidate[], change: Partial<DecisionInputs> = {}) {
  const decision = decide(inputs(candidates, change));
  return {
    answer: decision.ok ? decision.accountId : decision.code,
    reasons: Object.fromEntries(decision.reasons.map(({ accountId, reason }) => [accountId, reason])),
    order: decision.reasons.map(({ accountId }) => accountId),
  };
}

const primary = candidate("p", { isPrimary: true, createdAt: 1 });
const older = candidate("a", { createdAt: 2 });
const newer = candidate("b", { createdAt: 3 });

describe("while nothing is limited", () => {
  test("the primary, though others are newer", () => {
    expect(ask([newer, primary, older])).toEqual({
      answer: "p",
      reasons: { p: "chosen", b: "failover_off", a: "failover_off" },
      order: ["p", "b", "a"],
    });
    expect(ask([newer, primary, older], { policy: ON }).answer).toBe("p");
  });

  test.each(["disabled", "needs_login", "out_of_scope", "cannot_serve"] as const)(
    "the newest, when the primary is %s",
    (unusable) => {
      for (const policy of [OFF, ON]) {
        const { answer, reasons } = ask([older, newer, { ...primary, unusable }], { policy });
        expect([answer, reasons.p]).toEqual(["b", unusable]);
      }
    },
  );

  test("of equally old ones always the same, whatever the order", () => {
    const twin = candidate("c", { createdAt: 3 });
    expect(ask([newer, twin]).answer).toBe("c");
    expect(ask([twin, newer]).answer).toBe("c");
  });

  test("the reason that tells the owner most is the refusal", () => {
    const why = (...reasons: Candidate["unusable"][]) =>
      ask(reasons.map((unusable, index) => candidate(`a${index}`, { unusable }))).answer;
    expect(why()).toBe("provider_not_configured");
    expect(why("disabled")).toBe("provider_not_configured");
    expect(why("disabled", "out_of_scope")).toBe("key_scope");
    expect(why("out_of_scope", "cannot_serve")).toBe("protocol_not_supported");
    expect(why("cannot_serve", "needs_login")).toBe("account_needs_login");
  });
});

describe("without failover", () => {
  test("a stated limit refuses, and others do not take over", () => {
    const decision = decide(inputs([{ ...primary, cooling: cooling() }, newer]));
    expect(decision).toMatchObject({
      ok: false,
      code: "accounts_exhausted",
      accountId: "p",
      resetsAt: NOW + 3_600_000,
    });
    expect(decision.reasons).toEqual([
      { accountId: "p", reason: "cooling" },
      { accountId: "b", reason: "failover_off" },
    ]);
  });

  test.each([
    ["a guess", { isStated: false }],
    ["an end that has passed", { phase: "over" }],
    ["one that is being tried", { phase: "probing" }],
  ] as const)("%s changes nothing", (_name, change) => {
    expect(ask([{ ...primary, cooling: cooling(change) }, newer]).answer).toBe("p");
  });

  test("it never moves within a request", () => {
    expect(ask([primary, newer], { tried: ["p"] }).answer).toBe("accounts_exhausted");
  });
});

describe("with failover", () => {
  const limited = (each: Candidate, change: Partial<CandidateCooling> = {}) => ({
    ...each,
    cooling: cooling(change),
  });
  const on = (candidates: readonly Candidate[], change: Partial<DecisionInputs> = {}) =>
    ask(candidates, { policy: ON, ...change }).answer;

  test("the newest takes over, or the first by rank", () => {
    expect(on([limited(primary), older, newer])).toBe("b");
    expect(on([limited(primary), { ...older, rank: 2 }, newer])).toBe("a");
    expect(on([limited(primary), { ...older, rank: 2 }, { ...newer, rank: 1 }])).toBe("b");
    expect(on([limited(primary, { isStated: false }), newer])).toBe("b");
  });

  test("a limit that has ended is tried by one request, while others take the next account", () => {
    const decision = decide(inputs([limited(primary, { phase: "over" }), newer], { policy: ON }));
    expect(decision).toMatchObject({ ok: true, accountId: "p", isProbe: true, because: "primary" });
    expect(on([limited(primary, { phase: "probing" }), newer])).toBe("b");
    expect(on([limited(primary, { phase: "probing" }), limited(newer)])).toBe("p");
  });

  test("a session stays where it moved, but not with an account that is limited", () => {
    expect(on([primary, older, newer], { bound: "a" })).toBe("a");
    expect(on([primary, limited(older), newer], { bound: "a" })).toBe("p");
    expect(on([primary, { ...older, unusable: "disabled" }, newer], { bound: "a" })).toBe("p");
    expect(ask([primary, older], { bound: "a" }).answer).toBe("p");
  });

  test("an account that is paid per use takes over last, and only where it may spend", () => {
    const paid = { ...newer, isPaidPerUse: true };
    expect(on([limited(primary), paid])).toBe("accounts_exhausted");
    expect(ask([limited(primary), paid], { policy: ON }).reasons).toMatchObject({
      b: "spending_not_allowed",
    });
    expect(on([limited(primary), paid], { policy: SPEND })).toBe("b");
    expect(on([limited(primary), paid, older], { policy: SPEND })).toBe("a");
    expect(on([limited(primary), { ...paid, rank: 0 }, { ...older, rank: 5 }], { policy: SPEND })).toBe("a");
  });

  test("the account that serves anyway may be one that is paid per use", () => {
    const paid = { ...primary, isPaidPerUse: true };
    expect(on([paid, newer])).toBe("p");
    expect(
      on([
        { ...primary, unusable: "out_of_scope" },
        { ...newer, isPaidPerUse: true },
      ]),
    ).toBe("b");
  });

  test("only stated limits of all accounts refuse, until the first of them ends", () => {
    const soon = cooling({ until: NOW + 5 });
    const decision = decide(inputs([limited(primary), { ...newer, cooling: soon }], { policy: ON }));
    expect(decision).toMatchObject({ ok: false, code: "accounts_exhausted", resetsAt: NOW + 5 });
    expect(on([limited(primary), limited(newer, { isStated: false })])).toBe("b");
  });

  test("a blocked account is not passed over", () => {
    const blocked = cooling({ class: "blocked" });
    for (const policy of [OFF, ON]) {
      const decision = decide(inputs([{ ...primary, cooling: blocked }, newer], { policy }));
      expect(decision).toMatchObject({ ok: false, code: "account_blocked", accountId: "p" });
    }
    expect(on([primary, { ...newer, cooling: blocked }])).toBe("p");
    expect(on([limited(primary), { ...newer, cooling: blocked }, older])).toBe("account_blocked");
    expect(on([{ ...primary, cooling: blocked, unusable: "disabled" }, newer])).toBe("b");
  });

  test("a request is not sent with an account twice", () => {
    expect(on([primary, newer, older], { tried: ["p"] })).toBe("b");
    expect(on([primary, newer], { tried: ["p", "b"] })).toBe("accounts_exhausted");
  });
});

const anyCooling = fc.record({
  scope: fc.constant("*"),
  class: fc.constantFrom("window", "billing", "denied", "blocked") as fc.Arbitrary<CandidateCooling["class"]>,
  code: fc.constant("x"),
  until: fc.integer({ min: NOW - 10, max: NOW + 10 }),
  isStated: fc.boolean(),
  phase: fc.constantFrom("active", "over", "probing") as fc.Arbitrary<CandidateCooling["phase"]>,
});
const anyCandidates = fc.uniqueArray(
  fc.record({
    accountId: fc.integer({ min: 0, max: 30 }).map(String),
    isPrimary: fc.constant(false),
    rank: fc.option(fc.integer({ min: 0, max: 3 })),
    createdAt: fc.integer({ min: 1, max: 4 }),
    isPaidPerUse: fc.boolean(),
    unusable: fc.option(fc.constantFrom("disabled", "out_of_scope", "cannot_serve", "needs_login"), {
      freq: 3,
    }) as fc.Arbitrary<Candidate["unusable"]>,
    cooling: fc.option(anyCooling, { freq: 2 }),
  }),
  { selector: ({ accountId }) => accountId, maxLength: 20 },
);
const anyInputs = fc
  .record({
    candidates: anyCandidates,
    policy: fc.constantFrom(OFF, ON, SPEND),
    bound: fc.option(fc.integer({ min: 0, max: 30 }).map(String)),
    tried: fc.array(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 1 }),
    primary: fc.nat(30),
  })
  .map(({ candidates, primary: first, ...rest }) =>
    inputs(
      candidates.map((each) => ({ ...each, isPrimary: each.accountId === String(first) })),
      rest,
    ),
  );

const result = (given: DecisionInputs) => {
  const decision = decide(given);
  return decision.ok
    ? [decision.accountId, decision.because, decision.isProbe]
    : [decision.code, decision.accountId, decision.resetsAt];
};

test("the order of the candidates, and a trip through JSON, change nothing", () => {
  fc.assert(
    fc.property(anyInputs, (given) => {
      const again = JSON.parse(JSON.stringify(given)) as DecisionInputs;
      expect(result({ ...again, candidates: [...again.candidates].reverse() })).toEqual(result(given));
    }),
  );
});

test("what is stored of a decision replays to the same", () => {
  fc.assert(
    fc.property(anyInputs, (given) => {
      const stored = compactInputs(given);
      expect(stored.candidates.length).toBeLessThanOrEqual(Math.max(11, 8));
      expect(result(stored)).toEqual(result(given));
    }),
  );
});

test("no account is chosen that is excluded, and none is refused that could serve", () => {
  fc.assert(
    fc.property(anyInputs, (given) => {
      const decision = decide(given);
      const { candidates, policy, tried } = given;
      const found = candidates.find(({ accountId }) => decision.ok && accountId === decision.accountId);
      if (decision.ok) {
        expect(found?.unusable).toBeNull();
        expect(tried).not.toContain(found?.accountId);
        expect(found?.cooling?.class === "blocked").toBe(false);
        expect(found?.cooling?.phase === "active" && found.cooling.isStated).toBe(false);
      }
      const isFree = ({ unusable, cooling: limit, accountId, isPaidPerUse }: Candidate) =>
        unusable === null &&
        limit === null &&
        !tried.includes(accountId) &&
        (!isPaidPerUse || policy.maySpend);
      const mayServe = policy.failover !== "off" && candidates.some(isFree);
      if (!decision.ok && mayServe) expect(decision.code).toBe("account_blocked");
    }),
  );
});
