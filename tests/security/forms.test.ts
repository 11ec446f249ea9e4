/** A form that is not what it says it is: answered in words by every page that reads one, and nothing is changed. */
import { describe, expect, test } from "vitest";
import { BASE } from "../support/kleis.ts";
import { AUTHORITY } from "./authority.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

const BROKEN: readonly [string, string, string][] = [
  ["multipart without a boundary", "multipart/form-data", '{"file":[]}'],
  ["multipart with another boundary", "multipart/form-data; boundary=cut", "--other\r\n\r\n"],
  [
    "multipart that stops in the middle",
    "multipart/form-data; boundary=cut",
    '--cut\r\ncontent-disposition: form-data; name="label"\r\n\r\nhalf',
  ],
];

/** Every page that takes a form, with ids that exist; logging out takes none. */
const PAGES = [...AUTHORITY.keys()]
  .filter((route) => /^POST \/admin\/(login|page\/)/.test(route))
  .map((route) => route.slice("POST ".length).replace(":provider", "claude").replace(":id", "acc_claude"));

/** These do what they are asked without looking at what the form holds. */
const READS_NOTHING = /\/acc_claude\/(?!rename$)|\/models\/refresh$/;

async function send(kleis: SeededKleis, path: string, type: string, body: BodyInit): Promise<Response> {
  const headers = { cookie: await kleis.login(), origin: BASE, "content-type": type };
  return kleis.request(path, { method: "POST", headers, body });
}

describe.each(BROKEN)("a form that came as %s", (_, type, body) => {
  test.each(PAGES)("is answered by %s in words", async (path) => {
    const kleis = await startSeededKleis();
    const answer = await send(kleis, path, type, body);
    const page = await answer.text();
    expect(kleis.log()).not.toContain("admin_page_error");
    if (READS_NOTHING.test(path)) return void expect(answer.status).toBeLessThan(500);
    expect(answer.status).toBe(400);
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain("The form came in a shape that Kleis cannot read.");
  });
});

test("a form that grows past its limit while it comes is too large, not unreadable", async () => {
  const kleis = await startSeededKleis();
  const piece = new TextEncoder().encode(`label=${"x".repeat(256 * 1024)}`);
  let left = 8;
  const endless = new ReadableStream<Uint8Array>({
    pull: (stream) => (left-- > 0 ? stream.enqueue(piece) : stream.close()),
  });
  const headers = {
    cookie: await kleis.login(),
    origin: BASE,
    "content-type": "application/x-www-form-urlencoded",
  };
  const init: RequestInit & { duplex: "half" } = { method: "POST", headers, body: endless, duplex: "half" };
  const answer = await kleis.request("/admin/page/keys", init);
  expect(answer.status).toBe(413);
  expect(await answer.text()).toContain("This is too large");
});
