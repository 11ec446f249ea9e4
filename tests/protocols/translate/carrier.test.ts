/** Reasoning carriers: what was put in comes out, and nothing else is taken for one. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBase64url, toBase64url } from "../../../src/protocols/translate/carriers/base64url.ts";
import {
  accountTag,
  type CarrierOwner,
  type CarrierPayload,
  MAX_CARRIER,
  readCarrier,
  restoreCarrier,
  writeCarrier,
} from "../../../src/protocols/translate/carriers/carrier.ts";
import { hexDigest } from "../../../src/protocols/translate/carriers/digest.ts";
import { derivedId, portableId } from "../../../src/protocols/translate/tools/ids.ts";

/** Lone surrogates become U+FFFD, as in every encoding to bytes. */
const asUtf8 = (text: string) => Buffer.from(text).toString();

const words = fc.string({ unit: "binary", maxLength: 200 });
const said = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 });

const payloads: fc.Arbitrary<CarrierPayload> = fc.oneof(
  fc.record({
    from: fc.constant("responses" as const),
    encrypted: said,
    summary: fc.array(said, { maxLength: 3 }),
  }),
  fc.record({ from: fc.constant("messages" as const), signature: said, text: words }),
  fc.record({ from: fc.constant("messages" as const), redacted: said }),
  fc.record({ from: fc.constant("chat" as const), opaque: said, text: words }),
);

const owners: fc.Arbitrary<CarrierOwner> = fc.record({
  provider: fc.constantFrom("claude", "codex", "copilot"),
  tag: said.map(accountTag),
  scope: fc.constantFrom("gpt-5.5", "opus", "", "a.b/c"),
});

describe("digest", () => {
  test("is SHA-256 for texts of every length around a block", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
        const expected = createHash("sha256").update(asUtf8(text)).digest("hex");
        expect(hexDigest(text, 64)).toBe(expected);
      }),
    );
    for (let length = 50; length < 140; length++) {
      const text = "x".repeat(length);
      expect(hexDigest(text, 64)).toBe(createHash("sha256").update(text).digest("hex"));
    }
  });

  test("base64url is Node's, both ways, also of long texts", () => {
    const samples = fc.oneof(words, fc.constant("é".repeat(30_000)));
    fc.assert(
      fc.property(samples, (text) => {
        const encoded = toBase64url(text);
        expect(encoded).toBe(Buffer.from(text).toString("base64url"));
        expect(fromBase64url(encoded)).toBe(asUtf8(text));
      }),
    );
    for (const wrong of ["a", "a=", "a+b/", "_w", "ä"]) expect(fromBase64url(wrong)).toBeUndefined();
  });
});

describe("carriers", () => {
  test("come back as they were put in", () => {
    fc.assert(
      fc.property(owners, payloads, (owner, payload) => {
        const carrier = readCarrier(writeCarrier(owner, payload));
        const wellFormed = JSON.parse(JSON.stringify(payload), (_, value) =>
          typeof value === "string" ? asUtf8(value) : value,
        );
        expect(carrier).toEqual({ owner, payload: wellFormed });
        expect(restoreCarrier(carrier, owner, payload.from)).toEqual(wellFormed);
      }),
    );
  });

  test("cut, changed or foreign ones are none, and nothing throws", () => {
    fc.assert(
      fc.property(owners, payloads, fc.nat(), fc.string({ minLength: 1 }), (owner, payload, at, junk) => {
        const whole = writeCarrier(owner, payload);
        const place = at % whole.length;
        const cut = readCarrier(whole.slice(0, place));
        const changed = readCarrier(whole.slice(0, place) + junk + whole.slice(place + 1));
        expect(cut).toBeUndefined();
        if (changed !== undefined) expect(Object.keys(changed)).toEqual(["owner", "payload"]);
        expect(readCarrier(junk)).toBeUndefined();
      }),
    );
    for (const other of ["gAAAAABo…", "EqQBCkgIAR", "", "kls1.", `kls1.codex.00000000.${toBase64url("{}")}`])
      expect(readCarrier(other)).toBeUndefined();
  });

  test("longer than the limit are not read", () => {
    const owner = { provider: "claude", tag: "00000000", scope: "opus" };
    const text = "t".repeat(MAX_CARRIER);
    expect(readCarrier(writeCarrier(owner, { from: "messages", signature: "s", text }))).toBeUndefined();
  });

  test("fit only the account, model and protocol that made them", () => {
    const owner = { provider: "codex", tag: accountTag("one"), scope: "gpt-5.5" };
    const carrier = readCarrier(
      writeCarrier(owner, { from: "responses", encrypted: "gAAAA", summary: ["One"] }),
    );
    expect(restoreCarrier(carrier, owner, "responses")).toBeDefined();
    expect(restoreCarrier(carrier, owner, "messages")).toBeUndefined();
    expect(restoreCarrier(undefined, owner, "responses")).toBeUndefined();
    for (const other of [{ provider: "copilot" }, { tag: accountTag("two") }, { scope: "gpt-5.4" }])
      expect(restoreCarrier(carrier, { ...owner, ...other }, "responses")).toBeUndefined();
  });
});

describe("ids", () => {
  test("portable ones pass, others are derived alike every time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 90 }), (id) => {
        const portable = portableId(id);
        expect(portable).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(portableId(id)).toBe(portable);
        expect(portable === id || portable === derivedId(id)).toBe(true);
        expect(portableId(portable)).toBe(portable);
      }),
    );
    expect(portableId("toolu_01A-b")).toBe("toolu_01A-b");
    expect(portableId("call|fc")).toMatch(/^call_[0-9a-f]{24}$/);
  });
});
