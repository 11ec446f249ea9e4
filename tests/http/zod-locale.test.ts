/** What zod says in its own words, where no schema of ours has words for it. Imports nothing that reads the environment. */
import { Hono } from "hono";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { jsonBody, requireJson } from "../../src/http/json-body.ts";

const schema = z.strictObject({
  name: z.string(),
  size: z.int().check(z.positive()),
  names: z.optional(z.array(z.string()).check(z.maxLength(1))),
});

const app = new Hono();
app.post("/", requireJson, jsonBody(schema), (c) => c.text("taken"));
app.onError((error, c) => c.text(error.message, 400));

async function said(body: object): Promise<string> {
  const headers = { "content-type": "application/json" };
  return (await app.request("/", { method: "POST", headers, body: JSON.stringify(body) })).text();
}

test.each([
  [{ name: 7, size: 1 }, "name: Invalid input: expected string, received number."],
  [{ name: "a" }, "size: Invalid input: expected number, received undefined."],
  [{ name: "a", size: 0 }, "size: Too small: expected number to be >0."],
  [{ name: "a", size: 1, names: ["b", "c"] }, "names: Too big: expected array to have <=1 items."],
  [{ name: "a", size: 1, nmae: "b" }, "Unknown field nmae. Known fields: name, size, names."],
  [{ name: "a", size: 1 }, "taken"],
])("%j is answered in plain words", async (body, words) => {
  expect(await said(body)).toBe(words);
});
