/** The page with more keys than fit on one: every key is reached by links alone, and no page grows with their number. */
import { expect, test } from "vitest";
import { type Kleis, startKleis } from "../support/kleis.ts";
import { newKey } from "../support/storage.ts";

const PAGE = "/admin/page/keys";

/** Keys that work, `key-000` the oldest, and keys that ended. */
async function kleisWith(working: number, ended: number): Promise<{ kleis: Kleis; cookie: string }> {
  const kleis = await startKleis();
  const { keys } = kleis.runtime.storage;
  const insert = (id: string, now: number) => keys.insert(newKey({ id, label: `the ${id}`, now }));
  const nameOf = (kind: string, at: number) => `${kind}-${String(at).padStart(3, "0")}`;
  for (let at = 0; at < working; at++) await insert(nameOf("key", at), 1_000 + at);
  for (let at = 0; at < ended; at++) {
    await insert(nameOf("over", at), 1_000 + at);
    await keys.revoke(nameOf("over", at), kleis.clock.ms);
  }
  return { kleis, cookie: await kleis.login() };
}

interface Shown {
  text: string;
  /** The names on the cards. */
  working: string[];
  ended: string[];
  /** Where a link leads; undefined where there is none. */
  to(words: string): string | undefined;
}

async function look({ kleis, cookie }: Awaited<ReturnType<typeof kleisWith>>, path: string): Promise<Shown> {
  const text = await (await kleis.browse(path.replace(/#.*/, ""), { cookie })).text();
  const names = [...text.matchAll(/<h2 id="name-([^"]+)"/g)].map((match) => match[1] ?? "");
  return {
    text,
    working: names.filter((name) => name.startsWith("key")),
    ended: names.filter((name) => name.startsWith("over")),
    to: (words) =>
      new RegExp(`<a class="button" href="([^"]+)">${words}</a>`).exec(text)?.[1]?.replaceAll("&amp;", "&"),
  };
}

test("an owner of many keys walks to the oldest and back, and sees each once", async () => {
  const place = await kleisWith(120, 0);
  const seen: string[][] = [];
  let page = await look(place, PAGE);
  expect(page.to("Newer keys")).toBeUndefined();
  for (let next: string | undefined = PAGE; next !== undefined; next = page.to("Older keys")) {
    page = await look(place, next);
    seen.push(page.working);
  }
  expect(seen.map(({ length }) => length)).toEqual([50, 50, 20]);
  expect(seen.flat()).toEqual([...new Set(seen.flat())].sort().reverse());
  for (const before of [seen[1], seen[0]]) {
    page = await look(place, page.to("Newer keys") ?? "");
    expect(page.working).toEqual(before);
  }
  expect(page.to("Newer keys")).toBeUndefined();
});

test("the beginning is a whole page also for who comes back to it after a key was made", async () => {
  const place = await kleisWith(60, 0);
  const second = await look(place, (await look(place, PAGE)).to("Older keys") ?? "");
  await place.kleis.runtime.storage.keys.insert(newKey({ id: "key-999", now: 9_000 }));
  const back = await look(place, second.to("Newer keys") ?? "");
  expect(back.working).toHaveLength(50);
  const first = await look(place, back.to("Newer keys") ?? "");
  expect(first.working).toHaveLength(50);
  expect(first.working[0]).toBe("key-999");
});

test("ended keys are counted, folded away, and paged without losing the place among the others", async () => {
  const place = await kleisWith(60, 45);
  const first = await look(place, PAGE);
  expect(first.text).toContain("45 keys that ended");
  expect(first.text).not.toMatch(/<details[^>]* open/);
  expect(first.ended).toHaveLength(20);
  const second = await look(place, first.to("Older keys") ?? "");
  const both = await look(place, second.to("Older ended keys") ?? "");
  expect(both.working).toEqual(second.working);
  expect(both.ended[0]).toBe("over-024");
  expect(both.text).toMatch(/<details[^>]* open/);
  const back = await look(place, both.to("Newer keys") ?? "");
  expect(back.ended).toEqual(both.ended);
  expect(back.working).toEqual(first.working);
});

test("a place that is not there, or not any more, is the beginning", async () => {
  const place = await kleisWith(3, 2);
  for (const query of ["?after=x", "?before=x", "?ended-after=x", "?after=", "?after=%00&before=%00"]) {
    const page = await look(place, PAGE + query);
    expect([query, page.working]).toEqual([query, ["key-002", "key-001", "key-000"]]);
    expect(page.ended).toEqual(["over-001", "over-000"]);
  }
  // Everything older has ended since: not the words for somebody who never had a key.
  const last = await look(place, `${PAGE}?after=key-000`);
  expect(last.working).toEqual([]);
  expect(last.text).not.toContain("No key yet");
  expect((await look(place, last.to("Newer keys") ?? "")).working).toHaveLength(3);
});

test("a list to choose a key from stays short, and still takes any key that works", async () => {
  const place = await kleisWith(130, 5);
  for (const path of ["/admin/page/use", "/admin/page/models"]) {
    const options = async (query: string) => {
      const { text } = await look(place, `${path}?key=${query}`);
      const select = /<select id="key".*?<\/select>/s.exec(text)?.[0] ?? "";
      const values = [...select.matchAll(/<option value="([^"]+)"( selected)?/g)];
      return { all: values.map((each) => each[1]), chosen: values.find((each) => each[2])?.[1] };
    };
    // The page of models has its list only where there is an account.
    if (path.endsWith("models")) {
      const headers = { authorization: `Bearer ${place.kleis.runtime.config.ADMIN_TOKEN}` };
      const json = { provider: "claude", kind: "api_key", api_key: "sk-ant-api03-many" };
      await place.kleis.browse("/admin/accounts/import", { headers, json });
    }
    expect((await options("key-129")).all).toHaveLength(100);
    expect(await options("key-000")).toMatchObject({ chosen: "key-000" });
    expect((await options("key-000")).all).toHaveLength(101);
    expect((await options("over-000")).all).not.toContain("over-000");
  }
});
