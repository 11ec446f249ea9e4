/** Secrets that an example or a person's habit could have made are refused at the start; random ones never are. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";

const TOKEN = "q7-vX2pLk9rTz4mWc8bNs1yHd5";
const KEY = testKeyOf("weak");

function problemsOf(change: Record<string, string>): string[] {
  const result = readConfig({ ADMIN_TOKEN: TOKEN, ENCRYPTION_KEY: KEY, ...change });
  return result.ok ? [] : result.problems;
}

const base64 = (bytes: Iterable<number>) => Buffer.from(Uint8Array.from(bytes)).toString("base64");
/** As good as random, and the same in each run: what fast-check draws itself has a liking for small values and repetition. */
const bytes = (count: number) =>
  fc.integer().map((drawn) => createHash("shake256", { outputLength: count }).update(`${drawn}`).digest());
const letters = (alphabet: string, length: number) =>
  bytes(4 * length).map((drawn) =>
    Array.from({ length }, (_, at) => alphabet[drawn.readUInt32LE(4 * at) % alphabet.length]).join(""),
  );

describe("an admin token", () => {
  test.each([
    "passwordpasswordpassword",
    "Password-Password-Password!",
    "123456789012345678901234",
    "98765432109876543210987654",
    "abcdefghijklmnopqrstuvwx",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiopasdfghjklzxcvbnm",
    "a1b2c3d4e5f6g7h8i9j0k1l2",
    "aabbccddeeffgghhiijjkkll",
    "0123456789abcdef0123456789abcdef",
    "00000000-0000-0000-0000-000000000000",
    "12345678-1234-1234-1234-123456789012",
    "foobarfoobarfoobarfoobar",
    "deadbeefdeadbeefdeadbeef",
    "hunter22hunter22hunter22",
    "your-admin-token-goes-here",
    "your-admin-token-goes-here-please",
    "my-super-secret-admin-token",
    "test-admin-token-please-change",
    "sk-admin-change-me-please-now",
    "kadm_xxxxxxxxxxxxxxxxxxxxxxxxx",
    "generate-with-openssl-rand-hex-32",
    "CHANGE_ME_IN_PRODUCTION_1234",
    "change-me-change-me-change-me",
    "at-least-24-characters-long!",
    "adminadmin12345678901234567890",
  ])("like %s is refused, and not repeated", (token) => {
    const [problem = "", ...more] = problemsOf({ ADMIN_TOKEN: token });
    expect(problem).toMatch(/^ADMIN_TOKEN is a placeholder or a pattern: .*openssl rand -base64 33/);
    expect(problem).not.toContain(token);
    expect(more).toEqual([]);
  });

  test("that is random is taken, in whatever alphabet", () => {
    const random = fc.oneof(
      letters("0123456789abcdef", 24),
      letters("0123456789", 28),
      letters("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 24),
      bytes(18).map((each) => base64(each)),
      bytes(18).map((each) => each.toString("base64url")),
      bytes(16).map((each) => each.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")),
      bytes(24).map((each) => `kadm_${each.toString("base64url")}`),
    );
    fc.assert(
      fc.property(random, (token) => {
        expect(problemsOf({ ADMIN_TOKEN: token })).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  test("of a few words that nobody gives as an example is taken", () => {
    expect(problemsOf({ ADMIN_TOKEN: "correct-horse-battery-staple" })).toEqual([]);
  });

  test("may not be the encryption key, in either spelling or with others beside it", () => {
    const url = KEY.replaceAll("+", "-").replaceAll("/", "_").replace(/=$/, "");
    const changes: Record<string, string>[] = [
      { ADMIN_TOKEN: KEY },
      { ADMIN_TOKEN: url },
      { ADMIN_TOKEN: KEY, ENCRYPTION_KEY: `${testKeyOf("other")},${url}` },
    ];
    for (const change of changes) {
      expect(problemsOf(change)).toEqual([
        "ADMIN_TOKEN must not be the same as ENCRYPTION_KEY: choose another one",
      ]);
    }
  });
});

describe("an encryption key", () => {
  const patterns: [string, string][] = [
    ["zeros", base64(new Uint8Array(32))],
    ["one byte", base64(new Uint8Array(32).fill(7))],
    ["a short unit", base64(Array.from({ length: 32 }, (_, at) => at % 4))],
    ["an ascending run", base64(Array.from({ length: 32 }, (_, at) => at + 1))],
    ["digits", Buffer.from("01234567890123456789012345678901").toString("base64")],
    ["a word over and over", Buffer.from("changemechangemechangemechangeme").toString("base64url")],
  ];

  test.each(patterns)("of %s is refused where it would write", (_name, weak) => {
    for (const keys of [weak, `${weak},${KEY}`]) {
      const [problem = ""] = problemsOf({ ENCRYPTION_KEY: keys });
      expect(problem).toMatch(/^ENCRYPTION_KEY is a pattern: put a random one in front/);
      expect(problem).not.toContain(weak);
    }
    // Else nothing that was sealed with it could be sealed again.
    expect(problemsOf({ ENCRYPTION_KEY: `${KEY},${weak}` })).toEqual([]);
  });

  test("that is random is taken", () => {
    fc.assert(
      fc.property(bytes(32), (key) => {
        expect(problemsOf({ ENCRYPTION_KEY: base64(key) })).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a variable of fixed words", () => {
  test.each([
    ["LOG_LEVEL", "", "info"],
    ["LOG_LEVEL", "  ", "info"],
    ["LOG_LEVEL", "WARN", "warn"],
    ["LOG_LEVEL", " Debug ", "debug"],
    ["KLEIS_NATIVE_STREAMS", "", "off"],
    ["KLEIS_NATIVE_STREAMS", "On", "on"],
  ] as const)("%s=%j means %s", (name, value, meaning) => {
    const result = readConfig({ ADMIN_TOKEN: TOKEN, ENCRYPTION_KEY: KEY, [name]: value });
    expect(result.ok && result.config[name]).toBe(meaning);
  });

  test("is refused with the known ones otherwise", () => {
    expect(problemsOf({ LOG_LEVEL: "loud" })[0]).toContain('"debug"|"info"');
  });
});
