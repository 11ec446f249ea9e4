/** Credentials as terminals, shells, keychains and editors hand them over come out as they were issued. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCredentialFile } from "../../src/accounts/credential-file.ts";
import { readExpiry } from "../../src/providers/expiry.ts";
import { cleanCredential } from "../../src/providers/pasted-credential.ts";

const CREDENTIALS = [
  "sk-ant-api03-AbC_d-9fGh1jKlMnOpQrStUv",
  "sk-ant-oat01-AbC_d-9fGh1jKlMnOpQrStUv",
  "sk-proj-AbC_d-9fGh1jKlMnOpQrStUv",
  "gho_16C7e42F292c6912E7710c838347Ae178B4a",
  "eyJhbGciOiJub25lIn0.eyJleHAiOjE3OTEwMDAwMDB9.c2ln",
  "rt_AbC.dEf-1",
  "tid=abc;exp=1790000000;sku=x:mac",
  "token_that_is_called_so",
];

/** What tools put around a credential, each by itself. */
const AROUND: Record<string, (credential: string) => string> = {
  nothing: (text) => text,
  "blanks and line ends": (text) => `\r\n  ${text}\t\n`,
  "a byte order mark": (text) => `\ufeff${text}`,
  "zero-width characters": (text) => `\u200b${text.slice(0, 5)}\u200d${text.slice(5)}\u2060`,
  "soft hyphens": (text) => `${text.slice(0, 9)}\u00ad${text.slice(9)}`,
  "a no-break space": (text) => `\u00a0${text}\u00a0`,
  "straight quotes": (text) => `"${text}"`,
  "single quotes": (text) => `'${text}'`,
  "curly quotes": (text) => `“${text}”`,
  backticks: (text) => `\`${text}\``,
  "a wrap": (text) => `${text.slice(0, 12)}\n${text.slice(12)}`,
  "a wrap with CRLF": (text) => `${text.slice(0, 12)}\r\n${text.slice(12)}`,
  "wraps with indentation": (text) =>
    `${text.slice(0, 4)}  \n    ${text.slice(4, 15)}\n    ${text.slice(15)}`,
  "an assignment": (text) => `ANTHROPIC_API_KEY=${text}`,
  "an export": (text) => `export OPENAI_API_KEY="${text}"`,
  "an export with a comment sign's neighbour": (text) => `export  CLAUDE_CODE_OAUTH_TOKEN='${text}';`,
  "a set of cmd": (text) => `set OPENAI_API_KEY=${text}`,
  PowerShell: (text) => `$env:GH_TOKEN = "${text}"`,
  YAML: (text) => `api_key: ${text}`,
  "a JSON member": (text) => `"access_token": "${text}",`,
  "a camel JSON member": (text) => `"accessToken":"${text}"`,
  "a header": (text) => `Authorization: Bearer ${text}`,
  "a header of Anthropic's": (text) => `x-api-key: ${text}`,
};

describe.each(Object.entries(AROUND))("with %s", (_name, around) => {
  test.each(CREDENTIALS)("%s", (credential) => {
    expect(cleanCredential(around(credential))).toBe(credential);
  });
});

test("any two of them at once come off as well, and a second time changes nothing", () => {
  const wraps = Object.values(AROUND);
  fc.assert(
    fc.property(
      fc.constantFrom(...CREDENTIALS),
      fc.constantFrom(...wraps),
      fc.constantFrom(
        "blanks and line ends",
        "a byte order mark",
        "straight quotes",
        "zero-width characters",
      ),
      (credential, inner, outer) => {
        const once = cleanCredential(AROUND[outer]!(inner(credential)));
        expect(once).toBe(credential);
        expect(cleanCredential(once)).toBe(once);
      },
    ),
  );
});

test("whatever a credential is made of, it is left alone", () => {
  const visible = fc.string({ unit: fc.constantFrom(..."abcXYZ019._~+/=-"), minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(
      visible.map((text) => `sk-${text}`),
      (credential) => {
        expect(cleanCredential(credential)).toBe(credential);
      },
    ),
  );
});

test("white space that is no line break stays, for the import to refuse", () => {
  expect(cleanCredential("not a key")).toBe("not a key");
});

describe("a credential file", () => {
  const FILE = {
    claudeAiOauth: {
      accessToken: "sk-ant-oat01-AbC",
      refreshToken: "sk-ant-ort01-DeF",
      expiresAt: 1_790_000_000_000,
    },
  };
  const TEXT = JSON.stringify(FILE, null, 2);
  const utf16 = (text: string, isBig: boolean, mark: boolean) => {
    const bytes = Buffer.from((mark ? "\ufeff" : "") + text, "utf16le");
    return new Uint8Array(isBig ? bytes.swap16() : bytes);
  };

  test.each<[string, Uint8Array | string]>([
    ["as it lies on the disk", new TextEncoder().encode(TEXT)],
    ["with a UTF-8 mark", new TextEncoder().encode(`\ufeff${TEXT}`)],
    ["in UTF-16 with its mark", utf16(TEXT, false, true)],
    ["in big-endian UTF-16 with its mark", utf16(TEXT, true, true)],
    ["in UTF-16 without a mark", utf16(TEXT, false, false)],
    ["in big-endian UTF-16 without a mark", utf16(TEXT, true, false)],
    ["pasted with CRLF", TEXT.replaceAll("\n", "\r\n")],
    ["pasted with a mark", `\ufeff${TEXT}`],
    ["in hexadecimal, as macOS prints it", Buffer.from(TEXT).toString("hex")],
    ["in capital hexadecimal with a line end", `0x${Buffer.from(TEXT).toString("hex").toUpperCase()}\n`],
    ["in quotes of a shell", `'${TEXT}'`],
    ["as a string of JSON", JSON.stringify(TEXT)],
    ["behind a command and before a prompt", `$ cat .credentials.json\n${TEXT}\nme@host:~$`],
    ["in a code block", `\`\`\`json\n${TEXT}\n\`\`\``],
    ["with curly quotes", TEXT.replaceAll('"', "”")],
    ["with no-break spaces", TEXT.replaceAll("  ", "\u00a0\u00a0")],
    ["wrapped inside of its tokens", TEXT.replace("AbC", "A\nbC").replace("DeF", "D\r\neF")],
    ["wrapped with indentation", TEXT.replace("AbC", "A\n    bC")],
  ])("is read %s", (_form, source) => {
    expect(readCredentialFile(source)).toEqual(FILE);
  });

  test.each(["", "{", "[]", "null", "sk-ant-oat01-AbC", '"text"', "7b", '{"a":1', "\u0000\u0000"])(
    "is not found in %j",
    (source) => {
      expect(readCredentialFile(source)).toBeNull();
      expect(readCredentialFile(new TextEncoder().encode(source))).toBeNull();
    },
  );
});

describe("when a token ends", () => {
  const AT = Date.UTC(2026, 11, 31, 23, 59, 59);

  test.each<[string, unknown]>([
    ["epoch milliseconds", AT],
    ["epoch seconds", AT / 1000],
    ["milliseconds as digits", String(AT)],
    ["seconds as digits", ` ${AT / 1000} `],
    ["seconds with a fraction", AT / 1000 + 0.0004],
    ["ISO in UTC", "2026-12-31T23:59:59Z"],
    ["ISO with milliseconds", "2026-12-31T23:59:59.000Z"],
    ["ISO with an offset", "2027-01-01T01:59:59+02:00"],
  ])("is read from %s", (_form, value) => {
    expect(readExpiry(value)).toBe(AT);
  });

  test.each([
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e15,
    "",
    "0",
    "soon",
    "-5",
    "1e3",
    "31.12.2026",
    "12/31/2026",
    null,
    undefined,
    true,
    {},
    [],
  ])("is not known from %j", (value) => {
    expect(readExpiry(value)).toBeUndefined();
  });
});
