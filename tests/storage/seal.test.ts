import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSealer, SealError } from "../../src/storage/seal.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const newKey = () => Buffer.from(random(32)).toString("base64");
const place = { table: "provider_accounts", column: "access_token", row: "a1" };

/** `text` with the character at `at` replaced by another one of the base64url alphabet. */
function flip(text: string, at: number, by: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const now = alphabet.indexOf(text[at]!);
  return now < 0 ? text : text.slice(0, at) + alphabet[(now + by) % 64] + text.slice(at + 1);
}

describe("a sealed text", () => {
  test("opens to what was sealed, whatever the text", async () => {
    const sealer = createSealer([newKey()], random);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 500 }), async (plain) => {
        expect(await sealer.open(await sealer.seal(plain, place), place)).toBe(plain);
      }),
    );
  });

  test.each(["", "\u{feff}mark", "grüße 🔑 日本", "x".repeat(100_000)])(
    "keeps %j as it is",
    async (plain) => {
      const sealer = createSealer([newKey()], random);
      expect(await sealer.open(await sealer.seal(plain, place), place)).toBe(plain);
    },
  );

  test("does not show the text and is never the same twice", async () => {
    const sealer = createSealer([newKey()], random);
    const [one, two] = [await sealer.seal("planted", place), await sealer.seal("planted", place)];
    expect(one).toMatch(/^v1\.[\w-]{8}\.[\w-]{16}\.[\w-]+$/);
    expect(one).not.toContain(Buffer.from("planted").toString("base64url"));
    expect(one).not.toBe(two);
  });

  test.each([
    { ...place, row: "a2" },
    { ...place, column: "refresh_token" },
    { ...place, table: "api_keys" },
    { table: "provider_accounts", row: 'a1","access_token', column: "" },
  ])("does not open when it is moved to %j", async (elsewhere) => {
    const sealer = createSealer([newKey()], random);
    const sealed = await sealer.seal("secret", place);
    await expect(sealer.open(sealed, elsewhere)).rejects.toThrow(SealError);
  });

  test("of a version opens as that version only: not as an earlier or later one, and not as none", async () => {
    const sealer = createSealer([newKey()], random);
    const at = (version: number) => ({ ...place, version });
    const sealed = await sealer.seal("secret", at(3));
    expect(await sealer.open(sealed, at(3))).toBe("secret");
    for (const elsewhere of [at(2), at(4), at(0), place]) {
      await expect(sealer.open(sealed, elsewhere)).rejects.toThrow(SealError);
    }
    await expect(sealer.open(await sealer.seal("secret", place), at(0))).rejects.toThrow(SealError);
  });

  test("does not open when any character of it was changed", async () => {
    const sealer = createSealer([newKey()], random);
    const sealed = await sealer.seal("a secret of some length", place);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(sealed.length - 1).filter((at) => at > 2 && sealed[at] !== "."),
        fc.integer({ min: 1, max: 63 }),
        async (at, by) => {
          await expect(sealer.open(flip(sealed, at, by), place)).rejects.toThrow(SealError);
        },
      ),
    );
  });

  test("does not open with another spelling of the same bytes", async () => {
    const sealer = createSealer([newKey()], random);
    // 16 bytes of tag alone leave four bits of the last character unused.
    const sealed = await sealer.seal("", place);
    for (let by = 1; by < 64; by++) {
      await expect(sealer.open(flip(sealed, sealed.length - 1, by), place)).rejects.toThrow(SealError);
    }
  });

  test("does not open when it was cut short, anywhere", async () => {
    const sealer = createSealer([newKey()], random);
    const sealed = await sealer.seal("secret", place);
    for (let length = 0; length < sealed.length; length++) {
      await expect(sealer.open(sealed.slice(0, length), place)).rejects.toThrow(SealError);
    }
  });

  test("does not open under another version's name", async () => {
    const sealer = createSealer([newKey()], random);
    const sealed = await sealer.seal("secret", place);
    await expect(sealer.open(sealed.replace("v1.", "v2."), place)).rejects.toThrow(SealError);
  });
});

describe("the key ring", () => {
  test("reads with every key and writes with the first", async () => {
    const [old, fresh] = [newKey(), newKey()];
    const sealedBefore = await createSealer([old], random).seal("secret", place);
    const rotated = createSealer([fresh, old], random);
    expect(await rotated.open(sealedBefore, place)).toBe("secret");

    const sealedAfter = await rotated.seal("secret", place);
    expect(await createSealer([fresh], random).open(sealedAfter, place)).toBe("secret");
    await expect(createSealer([old], random).open(sealedAfter, place)).rejects.toThrow(
      "not in ENCRYPTION_KEY",
    );
  });

  test("takes a key as base64 or base64url, with and without padding", async () => {
    const key = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => 255 - i * 3));
    const sealed = await createSealer([key.toString("base64")], random).seal("secret", place);
    for (const spelling of [
      key.toString("base64").replace("=", ""),
      key.toString("base64url"),
      `${key.toString("base64url")}=`,
    ]) {
      expect(await createSealer([spelling], random).open(sealed, place)).toBe("secret");
    }
  });

  test("refuses an empty ring and keys of a wrong size, without repeating them", () => {
    expect(() => createSealer([], random)).toThrow("empty");
    const short = Buffer.from("too short a key").toString("base64");
    expect(() => createSealer([newKey(), short], random)).toThrow(
      /^key 2 of the ring is not 32 bytes in base64$/,
    );
    expect(() => createSealer([`${newKey().slice(0, 42)}!=`], random)).toThrow("key 1");
  });
});

describe("a SealError", () => {
  test("names the place and holds neither text nor key", async () => {
    const key = newKey();
    const sealer = createSealer([key], random);
    const sealed = await sealer.seal("secret", place);
    const error = await sealer.open(sealed, { ...place, row: "a2" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SealError);
    const message = String(error);
    expect(message).toContain("provider_accounts.access_token of row a2");
    for (const part of [...sealed.split(".").slice(1), key, "secret"]) expect(message).not.toContain(part);
  });

  test("shows only the beginning of a row that is a token itself", async () => {
    const sealer = createSealer([newKey()], random);
    const row = "s".repeat(8) + "t".repeat(35);
    await expect(sealer.open("v1", { ...place, row })).rejects.toThrow(/row ssssssss… /);
  });
});
