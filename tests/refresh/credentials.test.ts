import { describe, expect, test } from "vitest";
import { createIdentityFetch } from "../../src/accounts/identity-fetch.ts";
import { FRESH_MS } from "../../src/storage/read-cache.ts";
import { createRefreshContext, ID, MINUTE, soFar } from "./context.ts";

const DAY = 24 * 60 * MINUTE;

describe("a request", () => {
  test("with a valid token calls no provider, and no storage once it is warm", async () => {
    const { createIsolate, posted } = await createRefreshContext(6 * MINUTE);
    const isolate = createIsolate();
    await isolate.token();
    isolate.calls.length = 0;
    expect(await isolate.token()).toBe("access-1");
    expect([isolate.calls, posted]).toEqual([[], []]);
  });

  test("with a token that ends within five minutes goes out with it at once; the next one has the new token", async () => {
    const { createIsolate, answers, posted, refreshed } = await createRefreshContext(4 * MINUTE);
    const isolate = createIsolate();
    let answer: () => void = () => {};
    answers.push(
      () =>
        new Promise((done) => {
          answer = () => done(refreshed(2));
        }),
    );
    expect(await isolate.token()).toBe("access-1");
    await soFar(new Promise(() => {}));
    expect(posted).toEqual(["refresh-1"]);
    expect(await isolate.token()).toBe("access-1");
    answer();
    await Promise.all(isolate.background);
    expect(await isolate.token()).toBe("access-2");
    expect(posted).toHaveLength(1);
  });

  test("with a token that has ended waits for the new one, and three hundred others with it", async () => {
    const { createIsolate, posted } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    const tokens = await Promise.all(Array.from({ length: 300 }, () => isolate.token()));
    expect(new Set(tokens)).toEqual(new Set(["access-2"]));
    expect(posted).toEqual(["refresh-1"]);
  });

  test("shares no promise between requests where the runtime forbids it, and still refreshes once", async () => {
    const { createIsolate, posted, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate({ sharesPromises: false });
    const tokens = Promise.all(Array.from({ length: 20 }, () => isolate.token()));
    await clock.advance(1_000);
    expect(new Set(await tokens)).toEqual(new Set(["access-2"]));
    expect(posted).toEqual(["refresh-1"]);
  });

  test("outwaits another isolate's slow refresh and gets its token", async () => {
    const { createIsolate, answers, posted, refreshed, clock } = await createRefreshContext(-MINUTE);
    const [one, two] = [createIsolate(), createIsolate()];
    answers.push(async () => {
      await clock.sleep(59_000);
      return refreshed(2);
    });
    const first = one.token();
    await soFar(first);
    const second = two.token();
    await clock.advance(58_000);
    expect(await soFar(second)).toBe("waiting");
    // Pauses grow: the store is not asked ten times a second for a minute.
    expect(two.calls.length).toBeLessThan(60);
    await clock.advance(4_000);
    expect(await Promise.all([first, second])).toEqual(["access-2", "access-2"]);
    expect(posted).toEqual(["refresh-1"]);
  });

  test("of another isolate takes over ninety seconds after one died in the middle, and not before", async () => {
    const { createIsolate, answers, posted, clock } = await createRefreshContext(-MINUTE);
    answers.push(() => new Promise(() => {}));
    void createIsolate().token();
    await soFar(new Promise(() => {}));
    const waiter = createIsolate().token();
    await clock.advance(89_000);
    expect(posted).toHaveLength(1);
    await clock.advance(4_000);
    expect(await waiter).toBe("access-3");
    expect(posted).toEqual(["refresh-1", "refresh-1"]);
  });

  test("that leaves takes nothing with it: the refresh is the runtime's to finish", async () => {
    const { createIsolate, answers, refreshed, store, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    answers.push(async () => {
      await clock.sleep(10_000);
      return refreshed(2);
    });
    void isolate.token();
    await soFar(new Promise(() => {}));
    expect(isolate.background.length).toBeGreaterThan(0);
    await clock.advance(10_000);
    await Promise.all(isolate.background);
    expect((await store.accounts.secrets(ID))?.refreshToken).toBe("refresh-2");
  });

  test("of an isolate that knows only old tokens refreshes nothing when another did", async () => {
    const { createIsolate, posted, clock } = await createRefreshContext(6 * MINUTE);
    const [one, two] = [createIsolate(), createIsolate()];
    await two.token();
    await clock.advance(7 * MINUTE);
    expect(await one.token()).toBe("access-2");
    expect(await two.token()).toBe("access-2");
    expect(posted).toHaveLength(1);
  });

  test("with a token that lives for a minute does not refresh on every turn", async () => {
    const { createIsolate, answers, posted, refreshed, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    answers.push(refreshed(2, { endsIn: MINUTE }));
    await isolate.token();
    await clock.advance(20_000);
    expect(await isolate.token()).toBe("access-2");
    await Promise.all(isolate.background);
    expect(posted).toHaveLength(1);
  });

  test("keeps the refresh token that the provider did not replace", async () => {
    const { createIsolate, answers, posted, refreshed, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    answers.push(refreshed(2, { refreshToken: null }));
    await isolate.token();
    await clock.advance(MINUTE);
    expect(await isolate.renew("access-2")).toBe("access-3");
    expect(posted).toEqual(["refresh-1", "refresh-1"]);
  });
});

test("a refresh token that comes alone is stored, and the next request renews with it", async () => {
  const { createIsolate, answers, posted, store, clock } = await createRefreshContext(-MINUTE);
  const alone = { status: "refreshed", accessToken: null, refreshToken: "refresh-2", idToken: null } as const;
  answers.push({ ...alone, expiresAt: clock.now() });
  const isolate = createIsolate();
  await isolate.credentials.refresh(ID);
  const held = { accessToken: "access-1", refreshToken: "refresh-2" };
  expect(await store.accounts.secrets(ID)).toMatchObject(held);
  expect(await isolate.token()).toBe("access-3");
  expect(posted).toEqual(["refresh-1", "refresh-2"]);
  expect(await store.accounts.secrets(ID)).toMatchObject({ refreshToken: "refresh-3" });
});

describe("a sign-in that ended", () => {
  const over = { status: "rejected", reason: "The provider refused refresh-1 (invalid_grant)." } as const;

  test("makes the account need a login, says why without the token, and is never tried again", async () => {
    const { createIsolate, answers, posted, store, connect, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    answers.push(over);
    const refusal = await isolate.token().catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: "account_needs_login",
      message: expect.stringContaining("invalid_grant"),
    });
    const account = await store.accounts.get(ID);
    expect(account).toMatchObject({
      status: "needs_login",
      statusReason: "The provider refused … (invalid_grant).",
      lastRefreshAt: clock.now(),
      lastRefreshStatus: "failed",
      lastRefreshError: "The provider refused … (invalid_grant).",
    });
    await clock.advance(DAY);
    await expect(isolate.token()).rejects.toMatchObject({ code: "account_needs_login" });
    await expect(isolate.credentials.refresh(ID)).rejects.toMatchObject({ code: "account_needs_login" });
    expect(await isolate.renew("access-1")).toBeNull();
    expect(posted).toHaveLength(1);

    await connect({ accessToken: "access-9", refreshToken: "refresh-9", expiresAt: clock.now() + DAY });
    isolate.accountCache.forget(ID);
    expect(await isolate.token()).toBe("access-9");
  });

  test("is not believed when the owner signed in again meanwhile", async () => {
    const { createIsolate, answers, store, connect, clock } = await createRefreshContext(-MINUTE);
    answers.push(async () => {
      await connect({ accessToken: "access-9", refreshToken: "refresh-9", expiresAt: clock.now() + DAY });
      return over;
    });
    expect(await createIsolate().token()).toBe("access-9");
    expect(await store.accounts.get(ID)).toMatchObject({ status: "active", statusReason: null });
  });

  test("after an answer that was lost says that the token may have been used up by it", async () => {
    const { createIsolate, answers, store, clock } = await createRefreshContext(-MINUTE);
    answers.push(() => new Promise(() => {}), over);
    void createIsolate().token();
    await soFar(new Promise(() => {}));
    const refused = createIsolate()
      .token()
      .catch((error: unknown) => error);
    await clock.advance(2 * MINUTE);
    expect(await refused).toMatchObject({ code: "account_needs_login" });
    expect((await store.accounts.get(ID))?.statusReason).toContain("used up");
  });

  test.each([
    ["a refusal (429)", 429, false],
    ["an outage (503)", 503, true],
  ])("after %s says so only where that may have used the token up", async (_, status, mayBeUsedUp) => {
    const { createIsolate, answers, store, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate({ fetch: async () => new Response("{}", { status }) });
    answers.push(async (__, net) => {
      await net.fetch("https://identity.example/token", { method: "POST", headers: new Headers() });
      return { status: "unavailable", reason: "Not now." };
    }, over);
    await expect(isolate.token()).rejects.toMatchObject({ code: "refresh_failed" });
    await clock.advance(MINUTE);
    await expect(isolate.token()).rejects.toMatchObject({ code: "account_needs_login" });
    expect((await store.accounts.get(ID))?.statusReason?.includes("used up")).toBe(mayBeUsedUp);
  });

  test("after a refresh that was never posted says nothing of one", async () => {
    const { createIsolate, posted, store, clock } = await createRefreshContext(4 * MINUTE);
    const isolate = createIsolate();
    const { intend } = store.refreshes;
    // Too late for the lease to be still good for a whole call.
    store.refreshes.intend = async (...args) => {
      await clock.sleep(21_000);
      return intend(...args);
    };
    expect(await isolate.token()).toBe("access-1");
    await clock.advance(22_000);
    await Promise.all(isolate.background);
    expect(posted).toEqual([]);
    expect(await store.refreshes.read(ID)).toMatchObject({ leasedForMs: 0, unanswered: false });
  });

  test("of tokens without a refresh token is for the provider's 401 to say, whatever their end is said to be", async () => {
    const { createIsolate, answers, posted, clock } = await createRefreshContext(4 * MINUTE, {
      refreshToken: null,
    });
    const isolate = createIsolate();
    expect(await isolate.token()).toBe("access-1");
    await Promise.all(isolate.background);
    expect(posted).toEqual([]);
    await expect(isolate.credentials.refresh(ID)).rejects.toMatchObject({ code: "invalid_request" });
    await clock.advance(5 * MINUTE);
    expect(await isolate.token()).toBe("access-1");
    answers.push({ status: "rejected", reason: "There is no refresh token." });
    expect(await isolate.renew("access-1")).toBeNull();
    await expect(isolate.token()).rejects.toMatchObject({ code: "account_needs_login" });
  });
});

describe("a provider that cannot answer now", () => {
  const away = {
    status: "unavailable",
    reason: "The identity server has an internal problem (503).",
  } as const;

  test("leaves the account as it is; callers are told, and isolates agree to wait", async () => {
    const { createIsolate, answers, posted, store, clock } = await createRefreshContext(-MINUTE);
    const [one, two] = [createIsolate(), createIsolate()];
    answers.push(away, away);
    for (const isolate of [one, two, one]) {
      await expect(isolate.token()).rejects.toMatchObject({
        code: "refresh_failed",
        status: 502,
        message: expect.stringMatching(/again in 5 s.*internal problem/),
      });
    }
    expect(posted).toHaveLength(1);
    expect(await store.accounts.get(ID)).toMatchObject({
      status: "active",
      lastRefreshStatus: "failed",
      lastRefreshError: away.reason,
    });
    await clock.advance(5_000);
    await expect(two.token()).rejects.toMatchObject({ message: expect.stringContaining("in 10 s") });
    await clock.advance(9_000);
    await expect(one.token()).rejects.toMatchObject({ message: expect.stringContaining("in 1 s") });
    await clock.advance(1_000);
    expect(await one.token()).toBe("access-4");
    expect(posted).toHaveLength(3);
    expect(await store.refreshes.read(ID)).toMatchObject({ failures: 0, heldOffForMs: 0 });
  });

  test.each([
    [1_000, 5],
    [40_000, 40],
    [DAY, 300],
  ])("that asks for %i ms is given %i s", async (retryAfterMs, seconds) => {
    const { createIsolate, answers } = await createRefreshContext(-MINUTE);
    answers.push({ ...away, retryAfterMs });
    await expect(createIsolate().token()).rejects.toMatchObject({
      message: expect.stringContaining(`again in ${seconds} s`),
    });
  });

  test("is asked more and more rarely, at most every five minutes", async () => {
    const { createIsolate, answers, store, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      answers.push(away);
      await isolate.token().catch(() => {});
      const { heldOffForMs } = (await store.refreshes.read(ID))!;
      waits.push(heldOffForMs / 1000);
      await clock.advance(heldOffForMs);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test("delays no request while the token is still valid", async () => {
    const { createIsolate, answers, posted, clock } = await createRefreshContext(4 * MINUTE);
    const isolate = createIsolate();
    answers.push({ ...away, retryAfterMs: MINUTE });
    expect(await isolate.token()).toBe("access-1");
    await Promise.all(isolate.background);
    isolate.calls.length = 0;
    await clock.advance(FRESH_MS - 1_000);
    expect(await isolate.token()).toBe("access-1");
    expect([posted.length, isolate.calls]).toEqual([1, []]);
    await clock.advance(MINUTE);
    await isolate.token();
    await Promise.all(isolate.background);
    expect(await isolate.token()).toBe("access-3");
  });

  test("is waited for sixty seconds", async () => {
    const { createIsolate, answers, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    answers.push(async (_, net) => {
      await net.fetch("https://identity.example/token", { method: "POST", headers: new Headers() });
      return away;
    });
    const refused = isolate.token().catch((error: unknown) => error);
    await clock.advance(59_000);
    expect(await soFar(refused)).toBe("waiting");
    await clock.advance(2_000);
    expect(await refused).toMatchObject({
      code: "refresh_failed",
      message: expect.stringContaining("60 seconds"),
    });
  });

  test("is sent nothing after the deadline, and never over a connection that may make the runtime send twice", async () => {
    const { createIsolate, clock } = await createRefreshContext(-MINUTE);
    const { runtime } = createIsolate();
    const sent: RequestInit[] = [];
    const fetch = async (_: string, init: RequestInit) => {
      sent.push(init);
      return new Response("{}");
    };
    const provider = { identityOrigins: () => ["https://identity.example"] };
    const net = createIdentityFetch({ ...runtime, fetch }, provider, {}, { totalMs: 30_000 });
    const post = () =>
      net.fetch("https://identity.example/token", { method: "POST", headers: new Headers() });
    await post();
    await clock.advance(30_000);
    await expect(post()).rejects.toMatchObject({ code: "upstream_timeout" });
    expect(sent).toHaveLength(1);
    expect(new Headers(sent[0]?.headers).get("connection")).toBe("close");
  });

  test("that fails unexpectedly is a transient failure, logged without its message", async () => {
    const { createIsolate, answers, store } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    answers.push(() => Promise.reject(new TypeError("refresh-1 is not iterable")));
    await expect(isolate.token()).rejects.toMatchObject({ code: "refresh_failed" });
    expect((await store.accounts.get(ID))?.status).toBe("active");
    expect(isolate.log()).toContain("TypeError");
    expect(isolate.log()).toContain("credentials.test.ts:");
    expect(isolate.log()).not.toContain("refresh-1");
  });
});

describe("a provider that has nothing to rotate", () => {
  test("validates at the owner's wish: metadata is merged, the time is kept, the token stays", async () => {
    const { createIsolate, answers, store, clock } = await createRefreshContext(null);
    const isolate = createIsolate();
    await clock.advance(DAY);
    expect(await isolate.token()).toBe("access-1");
    answers.push({ status: "valid", metadata: { api_host: "https://api.example" } });
    expect(await isolate.credentials.refresh(ID)).toMatchObject({
      metadata: { plan: "max", api_host: "https://api.example" },
      lastRefreshAt: clock.now(),
      lastRefreshStatus: "ok",
      status: "active",
    });
    expect(await store.accounts.secrets(ID)).toMatchObject({ accessToken: "access-1" });
    expect(await isolate.token()).toBe("access-1");
  });

  test("and whose token gets a 401 is asked once by all, and the 401 is passed on", async () => {
    const { createIsolate, answers, posted, clock } = await createRefreshContext(null);
    const [one, two] = [createIsolate(), createIsolate()];
    answers.push({ status: "valid" });
    const renewed = Promise.all([one.renew("access-1"), one.renew("access-1"), two.renew("access-1")]);
    await clock.advance(1_000);
    expect(await renewed).toEqual([null, null, null]);
    expect(posted).toHaveLength(1);
  });
});

describe("an access token that nothing renews", () => {
  const alone = { refreshToken: null };

  test("is left alone by the owner's wish and by a 401, as long as its end is not known", async () => {
    const { createIsolate, posted, store } = await createRefreshContext(null, alone);
    const isolate = createIsolate();
    const before = await store.refreshes.read(ID);
    expect(await isolate.token()).toBe("access-1");
    await expect(isolate.credentials.refresh(ID)).rejects.toMatchObject({ code: "invalid_request" });
    expect(await isolate.renew("access-1")).toBeNull();
    expect(await store.refreshes.read(ID)).toEqual(before);
    expect(posted).toEqual([]);
  });

  test("needs a login after a 401 once its end has come", async () => {
    const { createIsolate, answers, store, clock } = await createRefreshContext(4 * MINUTE, alone);
    const isolate = createIsolate();
    await isolate.token();
    await clock.advance(5 * MINUTE);
    answers.push({ status: "rejected", reason: "There is no refresh token." });
    expect(await isolate.renew("access-1")).toBeNull();
    expect((await store.accounts.get(ID))?.status).toBe("needs_login");
  });
});

describe("a 401 from the provider", () => {
  test("gets the token that another isolate has stored meanwhile, without a refresh", async () => {
    const { createIsolate, posted, clock } = await createRefreshContext(6 * MINUTE);
    const [one, two] = [createIsolate(), createIsolate()];
    await two.token();
    await clock.advance(2 * MINUTE);
    await one.token();
    await Promise.all(one.background);
    expect(await two.renew("access-1")).toBe("access-2");
    expect(posted).toHaveLength(1);
  });

  test("makes one refresh for all requests that got it", async () => {
    const { createIsolate, posted } = await createRefreshContext(DAY);
    const isolate = createIsolate();
    await isolate.token();
    const renewed = await Promise.all(Array.from({ length: 50 }, () => isolate.renew("access-1")));
    expect(new Set(renewed)).toEqual(new Set(["access-2"]));
    expect(posted).toEqual(["refresh-1"]);
    expect(await isolate.token()).toBe("access-2");
  });

  test("for a token that was refreshed a moment ago is passed on: another one would not help", async () => {
    const { createIsolate, posted, clock } = await createRefreshContext(-MINUTE);
    const isolate = createIsolate();
    await isolate.token();
    await clock.advance(10_000);
    expect(await isolate.renew("access-2")).toBeNull();
    await clock.advance(10_000);
    expect(await isolate.renew("access-2")).toBe("access-3");
    expect(posted).toHaveLength(2);
  });

  test("for an API key is passed on", async () => {
    const { createIsolate, posted } = await createRefreshContext(null, { kind: "api_key", apiKey: "key-1" });
    const isolate = createIsolate();
    expect(await isolate.token()).toBe("key-1");
    expect(await isolate.renew("key-1")).toBeNull();
    await expect(isolate.credentials.refresh(ID)).rejects.toMatchObject({ code: "invalid_request" });
    expect(posted).toEqual([]);
  });
});

describe("fresh tokens that cannot be written", () => {
  test("serve all the same, are never posted, and are stored as soon as the store takes them", async () => {
    const { createIsolate, posted, store, clock } = await createRefreshContext(-MINUTE);
    const broken = new Set(["commit"]);
    const isolate = createIsolate({ broken });
    expect(await isolate.token()).toBe("access-2");
    await clock.advance(10 * MINUTE);
    expect(await isolate.token()).toBe("access-2");
    expect(await isolate.credentials.refresh(ID)).toMatchObject({ lastRefreshStatus: "ok" });
    expect(await isolate.renew("access-2")).toBeNull();
    expect(posted).toEqual(["refresh-1"]);
    expect((await store.accounts.secrets(ID))?.refreshToken).toBe("refresh-1");

    broken.clear();
    await clock.advance(31_000);
    expect(await store.accounts.secrets(ID)).toMatchObject({
      accessToken: "access-2",
      refreshToken: "refresh-2",
    });
    expect(await isolate.token()).toBe("access-2");
  });

  test("give way to an owner who signed in again", async () => {
    const { createIsolate, connect, store, clock } = await createRefreshContext(-MINUTE);
    const broken = new Set(["commit"]);
    const isolate = createIsolate({ broken });
    await isolate.token();
    await connect({ accessToken: "access-9", refreshToken: "refresh-9", expiresAt: clock.now() + DAY });
    broken.clear();
    await clock.advance(MINUTE);
    expect(await store.accounts.secrets(ID)).toMatchObject({ refreshToken: "refresh-9" });
    expect(await isolate.token()).toBe("access-9");
  });

  test("win over the very token that was posted, though it was imported again meanwhile", async () => {
    const { createIsolate, answers, refreshed, connect, store } = await createRefreshContext(-MINUTE);
    answers.push(async () => {
      await connect();
      return refreshed(2);
    });
    expect(await createIsolate().token()).toBe("access-2");
    expect(await store.accounts.secrets(ID)).toMatchObject({ refreshToken: "refresh-2" });
  });

  test("leave what came with that import, also when the write that knew of it failed", async () => {
    const { createIsolate, answers, refreshed, connect, store, clock } = await createRefreshContext(-MINUTE);
    answers.push(async () => {
      await connect({ idToken: "id-9", metadata: { plan: "pro" } });
      return refreshed(2);
    });
    const broken = new Set<string>();
    let commits = 0;
    broken.has = (name) => name === "commit" && ++commits === 2;
    expect(await createIsolate({ broken }).token()).toBe("access-2");
    await clock.advance(MINUTE);
    expect(commits).toBe(3);
    expect(await store.accounts.open(ID)).toMatchObject({
      secrets: { accessToken: "access-2", refreshToken: "refresh-2", idToken: "id-9" },
      account: { metadata: { plan: "pro" } },
    });
  });

  test("bring an account back that another gave up while their holder stood still", async () => {
    const { createIsolate, answers, refreshed, store, clock } = await createRefreshContext(-MINUTE);
    answers.push(
      async () => {
        await clock.sleep(2 * MINUTE);
        return refreshed(2);
      },
      { status: "rejected", reason: "It was used already." },
    );
    const late = createIsolate().token();
    await soFar(late);
    const other = createIsolate();
    const refused = other.token().catch((error: unknown) => error);
    await clock.advance(95_000);
    expect(await refused).toMatchObject({ code: "account_needs_login" });
    await clock.advance(MINUTE);
    expect(await late).toBe("access-2");
    expect(await store.accounts.get(ID)).toMatchObject({ status: "active", statusReason: null });
    expect(await other.token()).toBe("access-2");
  });
});

describe("a store that is away", () => {
  test("is waited for while the token has ended, then it is 503 with words", async () => {
    const { createIsolate, posted, clock } = await createRefreshContext(-MINUTE);
    const broken = new Set<string>();
    const isolate = createIsolate({ broken });
    await isolate.accountCache.open(ID);
    for (const name of ["acquire", "read"]) broken.add(name);
    const refused = isolate.token().catch((error: unknown) => error);
    await clock.advance(14_000);
    expect(await soFar(refused)).toBe("waiting");
    await clock.advance(6_000);
    expect(await refused).toMatchObject({ code: "storage_unavailable", status: 503 });
    expect(posted).toEqual([]);
  });

  test("for a moment is not noticed by anybody", async () => {
    const { createIsolate, posted, clock } = await createRefreshContext(-MINUTE);
    const broken = new Set<string>();
    const isolate = createIsolate({ broken });
    await isolate.accountCache.open(ID);
    broken.add("acquire");
    const token = isolate.token();
    await clock.advance(5_000);
    broken.clear();
    await clock.advance(5_000);
    expect(await token).toBe("access-2");
    expect(posted).toHaveLength(1);
  });

  test("when the intent is to be noted posts nothing, and the lease is given back", async () => {
    const { createIsolate, posted, store, clock } = await createRefreshContext(4 * MINUTE);
    const isolate = createIsolate({ broken: new Set(["intend"]) });
    expect(await isolate.token()).toBe("access-1");
    await clock.advance(5_000);
    expect(posted).toEqual([]);
    expect((await store.refreshes.read(ID))?.leasedForMs).toBe(0);
    expect(await createIsolate().token()).toBe("access-1");
  });
});
