/** Times, states and numbers as the page says them. */
import { describe, expect, test } from "vitest";
import { KEY_REJECTED, TOKEN_REJECTED } from "../../src/accounts/credential-rejection.ts";
import {
  accountStatus,
  ago,
  counted,
  keyStatus,
  keyStatusAmong,
  listed,
  relative,
  span,
  tokenExpiry,
  tokens,
} from "../../src/admin/ui/format.ts";
import type { AccountRecord, KeyRecord } from "../../src/storage/port.ts";

const NOW = 1_790_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const account: AccountRecord = {
  id: "acc_1",
  provider: "claude",
  kind: "oauth",
  externalId: "x",
  label: "Work",
  enabled: true,
  primary: true,
  status: "active",
  statusReason: null,
  metadata: {},
  expiresAt: NOW + 8 * HOUR,
  lastRefreshAt: null,
  lastRefreshStatus: null,
  lastRefreshError: null,
  lastRefusal: null,
  rank: null,
  createdAt: NOW,
  updatedAt: NOW,
};

describe("an owner reads", () => {
  test("lengths of time in one unit", () => {
    const lengths = [0, 45_000, 12 * MINUTE, 89 * MINUTE, 7 * HOUR, 35 * HOUR, 9 * 24 * HOUR, -5];
    expect(lengths.map(span)).toEqual(["0 s", "45 s", "12 min", "89 min", "7 h", "35 h", "9 days", "0 s"]);
    expect(ago(NOW - 1000, NOW)).toBe("just now");
    expect(relative(NOW + 3 * HOUR, NOW)).toBe("in 3 h");
    expect(relative(NOW - 3 * HOUR, NOW)).toBe("3 h ago");
  });

  test("how an account stands, the gravest first, and why", () => {
    expect(accountStatus(account)).toEqual({ tone: "good", text: "Active" });
    const failed = { ...account, lastRefreshStatus: "failed" as const, lastRefreshError: "It was down." };
    expect(accountStatus(failed)).toMatchObject({ tone: "warn", why: "It was down." });
    const locked = { ...failed, statusReason: "Add the former key." };
    expect(accountStatus(locked)).toMatchObject({ tone: "warn", why: "Add the former key." });
    const refused = { ...failed, kind: "api_key" as const, statusReason: KEY_REJECTED };
    expect(accountStatus(refused)).toEqual({
      tone: "warn",
      text: "Active, but its key was refused",
      why: KEY_REJECTED,
    });
    const alone = { ...failed, statusReason: TOKEN_REJECTED };
    expect(accountStatus(alone)).toMatchObject({
      text: "Active, but its token was refused",
      why: TOKEN_REJECTED,
    });
    const over = { ...failed, status: "needs_login" as const, statusReason: "It is over." };
    expect(accountStatus(over)).toEqual({ tone: "bad", text: "Needs sign-in", why: "It is over." });
    expect(accountStatus({ ...over, enabled: false, primary: false })).toEqual({
      tone: "off",
      text: "Disabled",
      why: "Requests pass it over.",
    });
    expect(accountStatus({ ...over, enabled: false })).toEqual({
      tone: "off",
      text: "Disabled",
      why: "Requests pass it over until it is enabled; then it is primary again.",
    });
  });

  test("how long a token is good, and what happens then", () => {
    expect(tokenExpiry(account, true, NOW)).toBe("valid for 8 h, then renewed");
    expect(tokenExpiry(account, false, NOW)).toBe("valid for 8 h");
    expect(tokenExpiry({ ...account, expiresAt: NOW - HOUR }, true, NOW)).toBe(
      "ended 60 min ago; renewed at the next request",
    );
    expect(tokenExpiry({ ...account, expiresAt: null }, true, NOW)).toBe("no known end");
    expect(tokenExpiry({ ...account, kind: "api_key" }, false, NOW)).toBe("has no end");
    expect(tokenExpiry({ ...account, kind: "api_key", statusReason: KEY_REJECTED }, false, NOW)).toBe(
      "refused by the provider",
    );
    expect(tokenExpiry({ ...account, expiresAt: null, statusReason: TOKEN_REJECTED }, false, NOW)).toBe(
      "refused by the provider",
    );
    expect(tokenExpiry({ ...account, status: "needs_login" }, true, NOW)).toBe("not accepted any more");
  });

  test("whether a key works", () => {
    const key = { revokedAt: null, expiresAt: null } as KeyRecord;
    expect(keyStatus(key, NOW).text).toBe("Active");
    expect(keyStatus({ ...key, expiresAt: NOW }, NOW).text).toBe("Expired just now");
    expect(keyStatus({ ...key, expiresAt: NOW + 1 }, NOW).text).toBe("Active");
    expect(keyStatus({ ...key, revokedAt: NOW - HOUR }, NOW).text).toBe("Revoked 60 min ago");
  });

  test("that no account which a key is limited to can answer", () => {
    const free = { revokedAt: null, expiresAt: null, providers: null, models: null, accounts: null };
    const limited = { ...free, accounts: ["acc_1"] } as KeyRecord;
    const over = { ...account, status: "needs_login" as const };
    const other = { ...account, id: "acc_2" };
    const words = "Active, but no account that it may use can answer now";
    const among = (key: KeyRecord, ...accounts: AccountRecord[]) => keyStatusAmong(key, accounts, NOW);
    for (const account_1 of [
      over,
      { ...account, enabled: false },
      { ...account, statusReason: KEY_REJECTED },
    ]) {
      expect(among(limited, account_1, other)).toMatchObject({ tone: "warn", text: words });
    }
    expect(among(limited, other)).toMatchObject({ tone: "warn", text: words });
    expect(among({ ...limited, accounts: null, providers: ["codex"] }, other)).toMatchObject({ text: words });
    expect(among(limited, account, over)).toEqual({ tone: "good", text: "Active" });
    expect(among(free as KeyRecord, over)).toEqual({ tone: "good", text: "Active" });
    expect(among({ ...limited, revokedAt: NOW }, over)).toMatchObject({ tone: "off" });
  });

  test("numbers and lists", () => {
    expect([500, 128_000, 1_000_000, 1_050_000].map(tokens)).toEqual(["500", "128K", "1M", "1.05M"]);
    expect([counted(1, "key"), counted(2, "key")]).toEqual(["1 key", "2 keys"]);
    expect([listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])]).toEqual([
      "a",
      "a and b",
      "a, b and c",
    ]);
  });
});
