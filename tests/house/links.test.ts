/** Every relative link of the pages leads somewhere, fragments included; the README stays short. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { files, headingsOf, proseOf, ROOT, textOf } from "./pages.ts";

const pages = files.filter((file) => file.endsWith(".md") && !file.includes("/fixtures/"));

/** The targets of links and images, in Markdown and in HTML. */
function targetsOf(page: string): string[] {
  const prose = proseOf(page);
  return [...prose.matchAll(/\]\(([^()\s]+)\)|\b(?:src|href)="([^"]+)"/g)].map(
    ([, markdown, html]) => markdown ?? html ?? "",
  );
}

/** What is wrong with a link; null when nothing is. */
function flawOf(page: string, target: string): string | null {
  const [path = "", fragment] = target.split("#");
  const file = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
  if (!existsSync(join(ROOT, file))) return `${page}: ${target}: there is no ${file}`;
  if (!files.includes(file) && !statSync(join(ROOT, file)).isDirectory())
    return `${page}: ${target}: ${file} is not part of the repository`;
  if (fragment === undefined) return null;
  const anchors = headingsOf(textOf(file)).map(({ anchor }) => anchor);
  return anchors.includes(fragment) ? null : `${page}: ${target}: no heading of ${file} makes #${fragment}`;
}

test("every relative link leads to a file and a heading that exist", () => {
  const links = pages.flatMap((page) => targetsOf(textOf(page)).map((target) => ({ page, target })));
  const own = links.filter(({ target }) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
  expect(own.length).toBeGreaterThan(60);
  expect(own.flatMap(({ page, target }) => flawOf(page, target) ?? [])).toEqual([]);
});

test("every file and folder of the repository that a page names is there", () => {
  const named = pages.flatMap((page) =>
    [...textOf(page).matchAll(/`((?:src|adapters|scripts|tests|bench|docs|migrations)\/[\w./-]+)`/g)].map(
      ([, path = ""]) => ({ page, path }),
    ),
  );
  expect(named.length).toBeGreaterThan(40);
  const missing = named.filter(({ path }) => !existsSync(join(ROOT, path)));
  expect(missing.map(({ page, path }) => `${page}: ${path}`)).toEqual([]);
});

test("every page of docs/ is reached from its index", () => {
  const reached = new Set(
    targetsOf(textOf("docs/README.md")).map((target) =>
      relative(ROOT, join(ROOT, "docs", target.split("#")[0] ?? "")),
    ),
  );
  const listed = (page: string) =>
    reached.has(page) || (page !== `${dirname(page)}/README.md` && reached.has(`${dirname(page)}/README.md`));
  const inDocs = pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md");
  expect(inDocs.filter((page) => !listed(page))).toEqual([]);
});

test("the README is at most 8 kB", () => {
  expect(new TextEncoder().encode(textOf("README.md")).length).toBeLessThanOrEqual(8_000);
});
