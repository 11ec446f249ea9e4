/** The lease and the compare-and-swap, in both implementations of the port; and that the two behave alike. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Sqld, startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { nextTokens } from "../../src/accounts/refresh/next-tokens.ts";
import { backOff, LEASE_MS } from "../../src/accounts/refresh/timing.ts";
import type { Lease, NewAccount, RefreshState, RefusalNote, Storage } from "../../src/storage/port.ts";
import { createMemoryStorage } from "../support/memory-storage.ts";
import { newAccount, newServerStorage, newStorage } from "../support/storage.ts";

/** Longer than any test takes. */
const LONG = 100_000;
const FRESH = {
  accessToken: "access-2",
  refreshToken: "refresh-2",
  idToken: null,
  apiKey: null,
  expiresAt: 9_000,
  spentToken: "refresh-planted",
};
const wish = (owner: string, version = 0, leaseMs = LONG) => ({ owner, version, leaseMs });
const pass = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

const stores: [string, () => Promise<Storage>][] = [
  ["in memory", async () => createMemoryStorage(() => Date.now())],
  ["in libSQL", async () => (await newStorage()).storage],
];

describe.each(stores)("%s", (_, open) => {
  async function world(change: Partial<NewAccount> = {}) {
    const { accounts, refreshes } = await open();
    await accounts.save(newAccount(change));
    const take = async (owner: string, version = 0, leaseMs = LONG): Promise<Lease> => {
      const answer = await refreshes.acquire("a1", wish(owner, version, leaseMs));
      if (!answer?.acquired) throw new Error("the lease was not given");
      return { owner, fence: answer.state.fence, version };
    };
    return { accounts, refreshes, take };
  }

  test("the lease is given once, with the state under it", async () => {
    const { refreshes } = await world();
    const first = await refreshes.acquire("a1", wish("A"));
    const second = await refreshes.acquire("a1", wish("B"));
    expect(first).toMatchObject({
      acquired: true,
      state: { version: 0, fence: 1, failures: 0, heldOffForMs: 0, unanswered: false },
    });
    expect(first?.state.secrets.refreshToken).toBe("refresh-planted");
    expect(first?.state.account).toMatchObject({ id: "a1", metadata: { plan: "max" } });
    expect(second).toMatchObject({ acquired: false, state: { fence: 1 } });
    expect(second?.state.leasedForMs).toBeGreaterThan(LONG - 60_000);
    expect(second?.state.leasedForMs).toBeLessThanOrEqual(LONG);
  });

  test("the same owner asks again and gets the same lease, not a longer one", async () => {
    const { refreshes, take } = await world();
    const lease = await take("A", 0, 60_000);
    const again = await refreshes.acquire("a1", wish("A", 0, LONG));
    expect(again).toMatchObject({ acquired: true, state: { fence: lease.fence } });
    expect(again?.state.leasedForMs).toBeLessThanOrEqual(60_000);
  });

  test("a lease that ran out is given to another, under a higher fence", async () => {
    const { refreshes, take } = await world();
    const old = await take("A", 0, 800);
    expect((await refreshes.acquire("a1", wish("B")))?.acquired).toBe(false);
    await pass(900);
    expect(await refreshes.intend("a1", old)).toBe(false);
    const lease = await take("B");
    expect(lease.fence).toBe(old.fence + 1);
    await refreshes.release("a1", old, false);
    expect((await refreshes.read("a1"))?.leasedForMs).toBeGreaterThan(0);
    await refreshes.release("a1", lease, false);
    expect((await refreshes.read("a1"))?.leasedForMs).toBe(0);
  });

  test("no lease is given for a version that is not stored any more, or for no account", async () => {
    const { accounts, refreshes } = await world();
    await accounts.save(newAccount({ refreshToken: "other" }));
    expect(await refreshes.acquire("a1", wish("A"))).toMatchObject({
      acquired: false,
      state: { version: 1 },
    });
    expect((await refreshes.acquire("a1", wish("A", 1)))?.acquired).toBe(true);
    expect(await refreshes.acquire("none", wish("A"))).toBeNull();
    expect(await refreshes.read("none")).toBeNull();
  });

  test("fresh tokens are stored once: a second write under the same lease does nothing", async () => {
    const { accounts, refreshes, take } = await world();
    const lease = await take("A");
    expect(await refreshes.intend("a1", lease)).toBe(true);
    expect((await refreshes.read("a1"))?.unanswered).toBe(true);
    const stored = await refreshes.commit("a1", lease, FRESH, { plan: "pro" }, 2_000);
    expect(stored).toMatchObject({
      version: 1,
      secrets: { accessToken: "access-2", refreshToken: "refresh-2" },
      account: {
        expiresAt: 9_000,
        metadata: { plan: "pro" },
        lastRefreshAt: 2_000,
        lastRefreshStatus: "ok",
        lastRefreshError: null,
      },
    });
    expect(await accounts.open("a1")).toEqual(stored);
    expect(await refreshes.commit("a1", lease, { ...FRESH, accessToken: "late" }, {}, 3_000)).toBeNull();
    expect(await refreshes.read("a1")).toMatchObject({ version: 1, leasedForMs: 0, unanswered: false });
    expect((await accounts.secrets("a1"))?.accessToken).toBe("access-2");
  });

  test("tokens that the provider did not send stay, and are opened under the next version", async () => {
    const { accounts, refreshes, take } = await world({ idToken: "id-planted", apiKey: "api-planted" });
    const kept = { refreshToken: "refresh-planted", idToken: "id-planted", apiKey: "api-planted" };
    const held = async () => (await refreshes.read("a1"))!;
    const sent = { accessToken: "access-2", refreshToken: null, idToken: null, expiresAt: 9_000 };
    const stored = await refreshes.commit(
      "a1",
      await take("A"),
      nextTokens(await held(), sent),
      { plan: "free" },
      2_000,
    );
    expect(stored).toMatchObject({ version: 1, secrets: { accessToken: "access-2", ...kept } });
    expect(await accounts.open("a1")).toEqual(stored);
    const same = nextTokens(await held(), null);
    await refreshes.commit("a1", await take("A", 1), same, { plan: "free" }, 3_000);
    expect(await accounts.open("a1")).toMatchObject({
      version: 2,
      secrets: { accessToken: "access-2", ...kept },
      account: { expiresAt: 9_000, metadata: { plan: "free" }, lastRefreshAt: 3_000 },
    });
  });

  test("what is said beside an active account changes only while it is about what is stored", async () => {
    const { accounts, refreshes, take } = await world();
    const say = (from: string | null, to: string | null, version = 0) =>
      accounts.changeReason("a1", { version, from, to });
    expect(await say("other", "words")).toBeNull();
    expect(await say(null, "words", 1)).toBeNull();
    expect(await accounts.changeReason("gone", { version: 0, from: null, to: "words" })).toBeNull();
    const before = await accounts.get("a1");
    expect(await say(null, "words")).toEqual({ ...before, statusReason: "words" });
    expect(await accounts.get("a1")).toEqual({ ...before, statusReason: "words" });
    expect(await say("words", null)).toEqual(before);
    await refreshes.reject("a1", await take("A"), "over", 2_000);
    expect(await say("over", null)).toBeNull();
  });

  test("a refusal is noted over an older one and taken back by its time, and leaves the rest as it is", async () => {
    const { accounts } = await world();
    const note = (at: number): RefusalNote => ({
      ...{ class: "plan", scope: "model", model: "m", counts: false, words: null, advice: "Do." },
      at,
    });
    const before = await accounts.get("a1");
    const held = async () => (await accounts.get("a1"))?.lastRefusal ?? null;
    await accounts.noteRefusal("gone", note(5), 5);
    await accounts.noteRefusal("a1", note(5), 5);
    expect(await accounts.get("a1")).toEqual({ ...before, lastRefusal: note(5) });
    await accounts.noteRefusal("a1", note(4), 4);
    await accounts.noteRefusal("a1", null, 4);
    expect(await held()).toEqual(note(5));
    await accounts.noteRefusal("a1", note(6), 6);
    expect(await held()).toEqual(note(6));
    await accounts.noteRefusal("a1", null, 6);
    expect(await accounts.get("a1")).toEqual(before);
  });

  test("who lost the lease cannot write with it; with the fence as it is he can, and the other keeps his lease", async () => {
    const { refreshes, take } = await world();
    const old = await take("A", 0, 5);
    await pass(50);
    const other = await take("B");
    expect(await refreshes.commit("a1", old, FRESH, {}, 2_000)).toBeNull();
    expect(await refreshes.reject("a1", old, "no", 2_000)).toBe(false);
    expect(
      await refreshes.postpone(
        "a1",
        old,
        { reason: "no", failures: 1, waitMs: LONG, unanswered: false },
        2_000,
      ),
    ).toBe(false);
    expect(await refreshes.commit("a1", { ...old, fence: other.fence }, FRESH, {}, 2_000)).not.toBeNull();
    expect((await refreshes.read("a1"))?.leasedForMs).toBeGreaterThan(0);
    expect(await refreshes.reject("a1", other, "no", 2_000)).toBe(false);
  });

  test("a rejected sign-in needs a login, gives no lease, and is mended by fresh tokens or by connecting again", async () => {
    const { accounts, refreshes, take } = await world();
    const lease = await take("A");
    expect(await refreshes.reject("a1", lease, "It is over.", 2_000)).toBe(true);
    expect(await refreshes.reject("a1", lease, "It is over.", 2_000)).toBe(true);
    expect(await accounts.get("a1")).toMatchObject({
      status: "needs_login",
      statusReason: "It is over.",
      lastRefreshAt: 2_000,
      lastRefreshStatus: "failed",
      lastRefreshError: "It is over.",
    });
    expect((await refreshes.acquire("a1", wish("B")))?.acquired).toBe(false);
    await refreshes.commit("a1", lease, FRESH, {}, 3_000);
    expect(await accounts.get("a1")).toMatchObject({ status: "active", statusReason: null });
    await refreshes.reject("a1", await take("C", 1), "Again.", 4_000);
    await accounts.save(newAccount({ refreshToken: "refresh-9" }));
    expect((await refreshes.acquire("a1", wish("D", 2)))?.acquired).toBe(true);
  });

  test("what is left of an intent is what its end says of it", async () => {
    const { refreshes, take } = await world();
    const unanswered = async () => (await refreshes.read("a1"))?.unanswered;
    for (const isOpen of [true, false, true]) {
      const lease = await take("A");
      await refreshes.intend("a1", lease);
      const failure = { reason: "Busy.", failures: 1, waitMs: -1, unanswered: isOpen };
      await refreshes.postpone("a1", lease, failure, 2_000);
      expect(await unanswered()).toBe(isOpen);
    }
    const lease = await take("B");
    await refreshes.intend("a1", lease);
    await refreshes.release("a1", { ...lease, owner: "C" }, false);
    expect(await unanswered()).toBe(true);
    await refreshes.release("a1", lease, false);
    expect(await unanswered()).toBe(false);
  });

  test("a refresh token that was used up is never stored again, under whatever name, and its successor stays", async () => {
    const { accounts, refreshes, take } = await world();
    await refreshes.commit("a1", await take("A"), FRESH, {}, 2_000);
    const before = await refreshes.read("a1");
    for (const externalId of ["org-1", "fp_1"]) {
      const older = accounts.save(newAccount({ id: "a2", externalId, accessToken: "access-9", now: 3_000 }));
      await expect(older).rejects.toMatchObject({ name: "SpentTokenError", account: { id: "a1" } });
    }
    expect(await refreshes.read("a1")).toEqual(before);
    // The one that is stored, a new one, none, or another provider's of the same text.
    for (const refreshToken of ["refresh-2", "refresh-9", null])
      expect(await accounts.save(newAccount({ refreshToken }))).toMatchObject({ id: "a1" });
    expect(await accounts.save(newAccount({ id: "b1", provider: "codex" }))).toMatchObject({ id: "b1" });
    await expect(accounts.save(newAccount())).rejects.toMatchObject({ name: "SpentTokenError" });
  });

  test("tokens that were found good, or a refresh token that stays, use nothing up", async () => {
    const { accounts, refreshes, take } = await world();
    const held = async () => (await refreshes.read("a1"))!;
    const sent = { accessToken: "access-2", refreshToken: null, idToken: null, expiresAt: 9_000 };
    await refreshes.commit("a1", await take("A"), nextTokens(await held(), sent), {}, 2_000);
    await refreshes.commit("a1", await take("A", 1), nextTokens(await held(), null), {}, 3_000);
    expect(await accounts.save(newAccount())).toMatchObject({ id: "a1" });
  });

  test("an account that is known again takes the name that it is saved under, with all that is its own", async () => {
    const { accounts } = await world({ externalId: "fp_1", label: "Mine" });
    await accounts.save(newAccount({ id: "a2", externalId: "fp_2" }));
    const isSame = ({ externalId }: { externalId: string }) => externalId === "fp_1";
    const named = newAccount({ id: "a3", externalId: "org-9", refreshToken: "refresh-9", now: 2_000 });
    expect(await accounts.save(named, isSame)).toMatchObject({
      id: "a1",
      externalId: "org-9",
      label: "Mine",
      primary: true,
      createdAt: 1_000,
    });
    // Who has the name already keeps it, and who is known again beside him stays what he is.
    const isAny = () => true;
    expect(await accounts.save(named, isAny)).toMatchObject({ id: "a1" });
    expect((await accounts.list()).map(({ externalId }) => externalId)).toEqual(["org-9", "fp_2"]);
    const elsewhere = newAccount({ id: "b1", provider: "codex", externalId: "org-9" });
    expect(await accounts.save(elsewhere, isAny)).toMatchObject({ id: "b1" });
  });

  test("a failure holds everybody off for its time, and connecting again ends that", async () => {
    const { accounts, refreshes, take } = await world();
    const failure = { reason: "Busy.", failures: 3, waitMs: LONG, unanswered: false };
    expect(await refreshes.postpone("a1", await take("A"), failure, 2_000)).toBe(true);
    const state = (await refreshes.acquire("a1", wish("B")))!;
    expect(state).toMatchObject({ acquired: false, state: { failures: 3, leasedForMs: 0 } });
    expect(state.state.heldOffForMs).toBeGreaterThan(LONG - 60_000);
    expect(state.state.account).toMatchObject({ status: "active", lastRefreshError: "Busy." });
    await accounts.save(newAccount());
    expect(await refreshes.read("a1")).toMatchObject({ heldOffForMs: 0, failures: 0, version: 1 });
  });

  test("connecting again leaves a lease that runs, whose holder may be posting the same token", async () => {
    const { accounts, refreshes, take } = await world();
    await take("A");
    await accounts.save(newAccount());
    expect((await refreshes.acquire("a1", wish("B", 1)))?.acquired).toBe(false);
  });
});

describe("a clock of the store's that was put back", () => {
  const HOUR = 3_600_000;

  /** A lease of another's and a pause that end at these times from now. */
  const worlds: [string, (leasedForMs: number, heldOffForMs: number) => Promise<Storage>][] = [
    [
      "in memory",
      async (leasedForMs, heldOffForMs) => {
        const store = createMemoryStorage(() => Date.now());
        await store.accounts.save(newAccount());
        const leaseUntil = Date.now() + leasedForMs;
        Object.assign(store.rows.get("a1")!, {
          leaseOwner: "A",
          leaseUntil,
          retryAt: Date.now() + heldOffForMs,
        });
        return store;
      },
    ],
    [
      "in libSQL",
      async (leasedForMs, heldOffForMs) => {
        const { storage, client } = await newStorage();
        await storage.accounts.save(newAccount());
        const [leaseUntil, retryAt] = [Date.now() + leasedForMs, Date.now() + heldOffForMs];
        await client.execute({
          sql: "update provider_accounts set lease_owner = 'A', lease_until = ?, refresh_retry_at = ?",
          args: [leaseUntil, retryAt],
        });
        return storage;
      },
    ],
  ];

  test.each(worlds)(
    "keeps nobody from refreshing for longer than a lease or a pause can last, %s",
    async (_, open) => {
      const { refreshes } = await open(HOUR, HOUR);
      expect(await refreshes.read("a1")).toMatchObject({ leasedForMs: 0, heldOffForMs: 0 });
      expect((await refreshes.acquire("a1", wish("B")))?.acquired).toBe(true);
    },
  );

  test.each(worlds)("by half a minute ends no lease, and no pause by as much, %s", async (_, open) => {
    const leased = await open(LEASE_MS + 25_000, 0);
    expect((await leased.refreshes.acquire("a1", wish("B")))?.acquired).toBe(false);
    const paused = await open(0, backOff(99, undefined) + 25_000);
    expect((await paused.refreshes.acquire("a1", wish("B")))?.acquired).toBe(false);
  });
});

describe.skipIf(sqldMissing !== null)("on a real server", () => {
  let sqld: Sqld;
  beforeAll(async () => {
    sqld = await startSqld({ wantsToken: false });
  });
  afterAll(() => sqld?.close());

  test("twenty at once: one gets the lease", async () => {
    const { refreshes, accounts } = await newServerStorage(sqld.url);
    await accounts.save(newAccount());
    const owners = Array.from({ length: 20 }, (_, i) => `owner-${i}`);
    const answers = await Promise.all(owners.map((owner) => refreshes.acquire("a1", wish(owner))));
    expect(answers.filter((answer) => answer?.acquired)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer?.state.fence))).toEqual(new Set([1]));
  });
});

type Step = (storage: Storage, leases: Lease[]) => Promise<unknown>;

/** Times are now or never, so that the two stores' clocks cannot differ. */
const step: fc.Arbitrary<{ name: string; run: Step }> = fc
  .record({
    kind: fc.constantFrom(
      "acquire",
      "acquire",
      "intend",
      "commit",
      "validate",
      "reject",
      "postpone",
      "release",
      "save",
      "read",
    ),
    owner: fc.constantFrom("A", "B", "C"),
    version: fc.nat(3),
    which: fc.nat(5),
    lasting: fc.boolean(),
    at: fc.integer({ min: 1, max: 9_999 }),
    rotates: fc.boolean(),
  })
  .map((drawn) => ({ name: JSON.stringify(drawn), run: toStep(drawn) }));

function toStep({
  kind,
  owner,
  version,
  which,
  lasting,
  at,
  rotates,
}: {
  kind: string;
  owner: string;
  version: number;
  which: number;
  lasting: boolean;
  at: number;
  rotates: boolean;
}): Step {
  const time = lasting ? LONG : -1;
  return async ({ accounts, refreshes }, leases) => {
    const lease = leases[which % Math.max(leases.length, 1)] ?? { owner, fence: which, version };
    const held = async () => (await refreshes.read("a1"))!;
    switch (kind) {
      case "acquire": {
        const answer = await refreshes.acquire("a1", { owner, version, leaseMs: time });
        if (answer?.acquired) leases.push({ owner, version, fence: answer.state.fence });
        return { ...answer, state: still(answer?.state ?? null) };
      }
      case "intend":
        return refreshes.intend("a1", lease);
      case "commit": {
        const fresh = {
          accessToken: `access-${at}`,
          refreshToken: rotates ? `refresh-${at}` : null,
          idToken: rotates ? null : `id-${at}`,
          expiresAt: rotates ? at : null,
        };
        return refreshes.commit("a1", lease, nextTokens(await held(), fresh), { at }, at);
      }
      case "validate":
        return refreshes.commit("a1", lease, nextTokens(await held(), null), { at }, at);
      case "reject":
        return refreshes.reject("a1", lease, `reason ${at}`, at);
      case "postpone":
        return refreshes.postpone(
          "a1",
          lease,
          { reason: `for ${at}`, failures: which, waitMs: time, unanswered: rotates },
          at,
        );
      case "release":
        return refreshes.release("a1", lease, rotates);
      case "save": {
        const refreshToken = rotates ? `refresh-${at}` : "refresh-planted";
        return accounts.save(newAccount({ refreshToken, now: at })).catch((error: Error) => error.name);
      }
      default:
        return still(await refreshes.read("a1"));
    }
  };
}

/** A state without what depends on the moment. */
function still(state: RefreshState | null): unknown {
  return state && { ...state, leasedForMs: state.leasedForMs > 0, heldOffForMs: state.heldOffForMs > 0 };
}

test("whatever is done in whatever order, memory and libSQL answer the same", async () => {
  const { storage: libsql, client } = await newStorage();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      await client.execute("delete from provider_accounts");
      const memory = createMemoryStorage(() => Date.now());
      const both = [
        { storage: libsql, leases: [] as Lease[] },
        { storage: memory, leases: [] as Lease[] },
      ] as const;
      for (const { storage } of both) await storage.accounts.save(newAccount());
      for (const { run, name } of steps) {
        const [a, b] = [
          await run(both[0].storage, both[0].leases),
          await run(both[1].storage, both[1].leases),
        ];
        expect(b, name).toEqual(a);
        expect(still(await memory.refreshes.read("a1")), name).toEqual(
          still(await libsql.refreshes.read("a1")),
        );
      }
    }),
    { numRuns: 60 },
  );
});
