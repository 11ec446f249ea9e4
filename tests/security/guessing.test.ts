/** Guessing admin tokens: no more attempts than the rule allows, and the owner of the right token is never locked out. */
import { describe, expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { ipPrefixOf } from "../../src/auth/ip-prefix.ts";
import { createLoginGuard, FORM_LIMITS, HEADER_LIMITS } from "../../src/auth/login-guard.ts";
import type { AttemptRule, Storage } from "../../src/storage/port.ts";
import { HandClock } from "../support/hand-clock.ts";
import { runtimeOver } from "../support/runtime.ts";
import { newServerStorage, newStorage, openClient, openStorage } from "../support/storage.ts";

const DOORS = [FORM_LIMITS, HEADER_LIMITS];
/** A crowd that a test can gather. */
const CROWD = 40;
const MINUTE = 60_000;

/** Guards over these stores, as so many processes would have them, with one clock that a test sets. */
function guards(stores: readonly Storage[], rule: AttemptRule) {
  const clock = new HandClock();
  const all = stores.map((storage) => createLoginGuard(runtimeOver(storage, { clock }).runtime, rule));
  const of = async (number: number, token: string, source?: string) =>
    (await all[number % all.length]!(token, source)).status;
  return { clock, of };
}

describe.each(DOORS)("at the $door", (real) => {
  const rule = { ...real, unknownSources: CROWD };

  test("one address that never stops locks out no other client, and gets one attempt a minute", async () => {
    const { storage } = await newStorage();
    const { clock, of } = guards([storage], rule);
    let judged = 0;
    for (let second = 0; second < 15 * 60; second++) {
      clock.ms += 1_000;
      if ((await of(0, `wrong-${second}`, "198.51.100.7")) === "wrong") judged++;
      // Another owner each time: one who comes from where the right token never came from.
      if (second % 60 === 59) expect(await of(0, ADMIN_TOKEN, `192.0.2.${second % 251}`)).toBe("right");
    }
    // Seven waits of up to a minute, then one try in each of the other minutes.
    expect(judged).toBeLessThanOrEqual(rule.free + 7 + 15);
    expect(judged).toBeGreaterThan(15);
  });

  test("a free try is not lost to one that began later and was counted first", async () => {
    const { storage } = await newStorage();
    const now = 1_790_000_000_000;
    for (let turn = 0; turn < rule.free; turn++) {
      expect(
        await storage.loginAttempts.record(rule, "source", false, now - 100 * turn),
        `try ${turn + 1}`,
      ).toBe(true);
    }
    expect(await storage.loginAttempts.record(rule, "source", false, now)).toBe(false);
  });

  test("many addresses that never stop keep out neither an owner from a new place nor one from a known one", async () => {
    const { storage } = await newStorage();
    const { clock, of } = guards([storage], rule);
    expect(await of(0, ADMIN_TOKEN, "192.0.2.1")).toBe("right");
    for (let turn = 0; turn < 3; turn++) {
      for (let at = 0; at < rule.unknownSources - 1; at++) await of(0, "wrong", `attacker-${at}`);
      expect(await of(0, ADMIN_TOKEN, `192.0.2.${10 + turn}`)).toBe("right");
      expect(await of(0, ADMIN_TOKEN, "192.0.2.1")).toBe("right");
      clock.ms += MINUTE / 2;
    }
  });

  test("very many at once get a bounded number of tries, and do not keep out who was here before", async () => {
    const { storage, client } = await newStorage();
    const { clock, of } = guards([storage], rule);
    for (const home of ["192.0.2.1", "192.0.2.2"]) expect(await of(0, ADMIN_TOKEN, home)).toBe("right");
    clock.ms += 29 * 24 * 60 * MINUTE;
    for (let turn = 0; turn < 2; turn++) {
      let judged = 0;
      for (let at = 0; at < 2 * rule.unknownSources; at++) {
        if ((await of(0, "wrong", `attacker-${turn}-${at}`)) === "wrong") judged++;
      }
      expect(judged).toBe(rule.unknownSources);
      expect(await of(0, "pasted badly", "192.0.2.1")).toBe("wrong");
      expect(await of(0, ADMIN_TOKEN, "192.0.2.1")).toBe("right");
      // Who is new here waits while this lasts, and a minute longer.
      expect(await of(0, ADMIN_TOKEN, "203.0.113.5")).toBe("wait");
      clock.ms += MINUTE;
    }
    expect(await of(0, ADMIN_TOKEN, "203.0.113.5")).toBe("right");
    expect(await of(0, ADMIN_TOKEN, "192.0.2.2")).toBe("right");

    // What is forgotten is not kept either; friends stay.
    clock.ms += rule.forgottenMs;
    await of(0, "wrong", "198.51.100.1");
    const { rows } = await client.execute("select count(*) as n from admin_tries");
    expect(rows[0]?.n).toBe(4);
  });

  test("right tokens that come all at once after wrong ones are all let in, at several processes", async () => {
    const { storage } = await newStorage();
    const { clock, of } = guards([storage, storage], rule);
    for (let turn = 0; turn < rule.free + 2; turn++) {
      expect(await of(0, `wrong-${turn}`, "192.0.2.1")).toBe("wrong");
      clock.ms += MINUTE;
    }
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, at) => of(at % 2, ADMIN_TOKEN, "192.0.2.1")),
    );
    expect(new Set(all)).toEqual(new Set(["right"]));
  });

  test("right tokens that come all at once are all let in", async () => {
    const { storage } = await newStorage();
    const { of } = guards([storage], rule);
    const all = await Promise.all(Array.from({ length: 40 }, () => of(0, ADMIN_TOKEN, "192.0.2.1")));
    expect(new Set(all)).toEqual(new Set(["right"]));
  });
});

describe("wrong tries at the same moment", () => {
  /**
   * How many of them were judged, by processes that know nothing of each other but what is stored. All of a burst have
   * looked before the first of them goes on.
   */
  async function judgedOf(stores: readonly Storage[], bursts: number, size: number): Promise<number> {
    let looked = 0;
    let open = () => {};
    let all = Promise.resolve();
    const watched = stores.map((storage) => ({
      ...storage,
      loginAttempts: {
        ...storage.loginAttempts,
        async status(...asked: Parameters<Storage["loginAttempts"]["status"]>) {
          const status = await storage.loginAttempts.status(...asked);
          if (++looked === size) open();
          await all;
          return status;
        },
      },
    }));
    const { clock, of } = guards(watched, HEADER_LIMITS);
    let judged = 0;
    for (let burst = 0; burst < bursts; burst++) {
      clock.ms += 1_000;
      looked = 0;
      all = new Promise<void>((done) => {
        open = done;
      });
      const tries = Array.from({ length: size }, (_, at) => of(at, `wrong-${burst}-${at}`, "198.51.100.7"));
      judged += (await Promise.all(tries)).filter((status) => status === "wrong").length;
    }
    return judged;
  }

  // Ten that are free, and within 20 s those that have waited 1, 2, 4 and 8 s.
  const ALLOWED = HEADER_LIMITS.free + 4;

  test.skipIf(sqldMissing !== null)(
    "are counted each, by several processes on one file",
    { timeout: 60_000 },
    async () => {
      const { storage, file } = await newStorage();
      const beside = openStorage(openClient(file));
      expect(await judgedOf([storage, beside], 20, 60)).toBe(ALLOWED);
    },
  );

  test.skipIf(sqldMissing !== null)(
    "are counted each, by several processes on one server",
    { timeout: 60_000 },
    async () => {
      const server = await startSqld({ wantsToken: false });
      onTestFinished(() => server.close());
      expect(
        await judgedOf([await newServerStorage(server.url), await newServerStorage(server.url)], 20, 30),
      ).toBe(ALLOWED);
    },
  );
});

test("a clock that was set back makes no client wait", async () => {
  const { storage } = await newStorage();
  const { clock, of } = guards([storage], FORM_LIMITS);
  for (let turn = 0; turn < 5; turn++) await of(0, "wrong", "192.0.2.1");
  expect(await of(0, ADMIN_TOKEN, "192.0.2.1")).toBe("wait");
  clock.ms -= 365 * 24 * 60 * MINUTE;
  expect(await of(0, ADMIN_TOKEN, "192.0.2.1")).toBe("right");
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["192.0.2.1:51724", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2ff::1", "2001:db8:1:200"],
  ["2001:DB8:1:201:1:2:3:4", "2001:db8:1:200"],
  ["[2001:db8:1:2a5::9]:443", "2001:db8:1:200"],
  ["2001:db8::", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["", ""],
])("the address %s counts as %s", (address, network) => {
  expect(ipPrefixOf(address)).toBe(network);
});
