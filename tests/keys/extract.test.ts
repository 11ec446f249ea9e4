/** The credentials that a request brings, and what may go on of it: over every way in which clients write them. */
import { describe, expect, test } from "vitest";
import { sentCredentials, withoutCredentials } from "../../src/keys/extract.ts";

const KEY = `kleis_${"AbC-d_1234".repeat(4)}xyz`;
const OTHER = `kleis_${"b".repeat(43)}`;
const PROVIDER_KEY = "sk-ant-api03-planted-by-the-client";

/** Ways to write the key into `Authorization`. */
const BEARERS = [
  `Bearer ${KEY}`,
  `bearer  ${KEY} `,
  `BEARER\t${KEY}`,
  `Bearer Bearer ${KEY}`,
  KEY,
  `Bearer ${KEY}, Bearer ${KEY}`,
];
/** Ways to write it into `x-api-key`. */
const API_KEYS = [KEY, ` ${KEY}\t`, `Bearer ${KEY}`, `${KEY}, ${KEY}`];
/** What may stand in the other header, or in another line of the same one. */
const FOREIGN = [PROVIDER_KEY, `Bearer ${PROVIDER_KEY}`, "Basic a2xlaXM6a2xlaXM=", "dummy", "kleis_short"];
const NOTHING = ["", " ", "Bearer", "bearer "];

describe("one key, whatever stands beside it", () => {
  const written = [
    ...BEARERS.map((value) => ["authorization", "x-api-key", value] as const),
    ...API_KEYS.map((value) => ["x-api-key", "authorization", value] as const),
  ];
  test.each(written)("%s beside %s: %j", (name, beside, value) => {
    expect(sentCredentials(new Headers({ [name]: value }))).toEqual({ keys: [KEY], foreign: [] });
    for (const nothing of NOTHING) {
      const headers = new Headers({ [name]: value, [beside]: nothing });
      expect(sentCredentials(headers), nothing).toEqual({ keys: [KEY], foreign: [] });
    }
    for (const foreign of FOREIGN) {
      expect(sentCredentials(new Headers({ [name]: value, [beside]: foreign })).keys, foreign).toEqual([KEY]);
      for (const lines of [
        [foreign, value],
        [value, foreign],
      ]) {
        const doubled = new Headers();
        for (const line of lines) doubled.append(name, line);
        expect(sentCredentials(doubled).keys, lines.join(" | ")).toEqual([KEY]);
      }
    }
    expect(sentCredentials(new Headers({ [name]: value, [beside]: KEY })).keys).toEqual([KEY]);
    expect(sentCredentials(new Headers({ [name]: value, [beside]: OTHER })).keys).toHaveLength(2);
  });
});

test("nothing at all is told from what is no Kleis key", () => {
  for (const authorization of NOTHING) {
    for (const apiKey of NOTHING) {
      const headers = new Headers({ authorization, "x-api-key": apiKey });
      expect(sentCredentials(headers)).toEqual({ keys: [], foreign: [] });
    }
  }
  for (const foreign of FOREIGN) {
    for (const name of ["authorization", "x-api-key"]) {
      const sent = sentCredentials(new Headers({ [name]: foreign }));
      expect(sent.keys, foreign).toEqual([]);
      expect(sent.foreign, foreign).not.toEqual([]);
    }
  }
});

test("no credential goes on, and the other headers do as they came", () => {
  const headers = new Headers({
    "x-api-key": KEY,
    authorization: `Bearer ${PROVIDER_KEY}`,
    accept: `text/${KEY}`,
    "anthropic-other": OTHER,
    "anthropic-api-key": PROVIDER_KEY,
    "anthropic-version": "2023-06-01",
  });
  expect([...withoutCredentials(headers, "").headers]).toEqual([["anthropic-version", "2023-06-01"]]);
  const dummy = new Headers({ "x-api-key": "dummy", authorization: KEY, accept: "text/dummy" });
  expect([...withoutCredentials(dummy, "").headers]).toEqual([["accept", "text/dummy"]]);
});

test("no field of the query that holds one goes on, however it is spelt; the others keep their bytes", () => {
  const headers = new Headers({ "x-api-key": KEY, authorization: PROVIDER_KEY });
  const passed = (query: string) => withoutCredentials(headers, query).query;
  expect(passed(`a=%41&api_key=${KEY}&b=c+d&b`)).toBe("a=%41&b=c+d&b");
  expect(passed(`api_key=${KEY.replace("k", "%6B")}`)).toBe("");
  expect(passed(`x=1&${KEY}&key=${PROVIDER_KEY}`)).toBe("x=1");
  expect(passed("%zz=%&beta=true")).toBe("%zz=%&beta=true");
  expect(passed("")).toBe("");
});
