/** The keys that a request brings, and what may go on of it. */
import { expect, test } from "vitest";
import { sentKeys, withoutKeys } from "../../src/keys/sent.ts";

const KEY = "kleis_AbC-d_1234567890";

test("a key stands in either header, or in both", () => {
  expect(sentKeys(new Headers({ authorization: `Bearer ${KEY}` }))).toEqual([KEY]);
  expect(sentKeys(new Headers({ "x-api-key": KEY }))).toEqual([KEY]);
  expect(sentKeys(new Headers({ authorization: `bearer  ${KEY} `, "x-api-key": KEY }))).toEqual([KEY]);
  expect(sentKeys(new Headers({ authorization: "Bearer one", "x-api-key": "two" }))).toEqual(["one", "two"]);
  expect(sentKeys(new Headers({ authorization: "Basic b25lOnR3bw==", "x-api-key": "" }))).toEqual([]);
});

test("no header that holds the key goes on, and the others do as they came", () => {
  const headers = new Headers({
    "x-api-key": KEY,
    authorization: "Basic b25l",
    accept: `text/${KEY}`,
    "anthropic-api-key": KEY,
    "anthropic-version": "2023-06-01",
  });
  expect([...withoutKeys(headers, "").headers]).toEqual([
    ["anthropic-version", "2023-06-01"],
    ["authorization", "Basic b25l"],
  ]);
});

test("no field of the query that holds the key goes on, however it is spelt; the others keep their bytes", () => {
  const headers = new Headers({ "x-api-key": KEY });
  const passed = (query: string) => withoutKeys(headers, query).query;
  expect(passed(`a=%41&api_key=${KEY}&b=c+d&b`)).toBe("a=%41&b=c+d&b");
  expect(passed(`api_key=${KEY.replace("k", "%6B")}`)).toBe("");
  expect(passed(`x=1&${KEY}`)).toBe("x=1");
  expect(passed("%zz=%&beta=true")).toBe("%zz=%&beta=true");
  expect(passed("")).toBe("");
});
