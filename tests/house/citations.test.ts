/**
 * Every citation of our own pages in comments names a page and a section that exist. The one form is
 * `providers/claude.md §2.5`, `registry.md §3`: a path below docs/ (or from the root: `docs/`, `bench/`, a page beside
 * README.md) and a numbered heading. A bare `§2.5` means the page that was named before it in the same comment, else the
 * page that the file's first comment names. Sections of standards (`RFC 9110 §7.6.1`) are left alone.
 */
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { files, headingsOf, proseOf, textOf } from "./pages.ts";

const SOURCES =
  /^(?:src|adapters|scripts|tests|bench|[\w-]+\.(?:ts|toml)$).*\.(?:tsx?|mjs|css|toml)$|\.toml$/;
const sources = files.filter(
  (file) => SOURCES.test(file) && !/\.gen\.ts$|\/fixtures\//.test(file) && !file.startsWith("tests/house/"),
);

/** The comments of a source file: blocks, and runs of line comments. */
function commentsOf(source: string): string[] {
  return [...source.matchAll(/\/\*.*?\*\/|(?:^[ \t]*(?:\/\/|#)[^\n]*\n)+|[^:"'`]\/\/ [^\n]*/gms)].map(
    ([comment]) => comment.replace(/\n[ \t]*(?:\*|\/\/|#)?[ \t]*/g, " "),
  );
}

/** A page, a standard, or a section, in the order in which they stand. */
const TOKEN =
  /(?<page>[\w./-]*\w\.md\b)|(?<standard>\b(?:RFC|NIST SP)\s[\w-]+)|§\s?(?<from>\d+(?:\.\d+)*)(?:\s*(?:–|to)\s*§?(?<until>\d+(?:\.\d+)+)(?!\.))?/g;

/** A link to a page as that page's path, before what the link is called. */
function linksAsPages(page: string, text: string): string {
  return text.replace(/\[([^\]]*)\]\(([^)#:]+\.md)?[^)]*\)/g, (_, said: string, target?: string) =>
    target === undefined ? said : `${join(dirname(page), target)} ${said}`,
  );
}

interface Citation {
  readonly file: string;
  /** Null: a section of nothing that was named. */
  readonly page: string | null;
  readonly section: string | undefined;
}

function citationsOf(file: string, text: string, home?: string): Citation[] {
  const comments = home === undefined ? commentsOf(text) : text.split(/\n{2,}|\n(?=[-|#])/);
  const found: Citation[] = [];
  let first = home;
  comments.forEach((comment, index) => {
    let named: string | null = first ?? null;
    let isOurs = true;
    for (const { groups = {} } of comment.matchAll(TOKEN)) {
      const { page, standard, from, until } = groups;
      if (standard !== undefined) isOurs = false;
      if (page !== undefined) {
        isOurs = true;
        named = page;
        if (index === 0) first ??= page;
        found.push({ file, page, section: undefined });
      }
      if (from !== undefined && isOurs)
        for (const section of [from, until])
          if (section !== undefined) found.push({ file, page: named, section });
    }
  });
  return found;
}

const pathOf = (page: string): string =>
  /^(?:docs|bench)\//.test(page) || /^(?:README|SECURITY|CONTRIBUTING|CHANGELOG)\.md$/.test(page)
    ? page
    : `docs/${page}`;

function flawOf({ file, page, section }: Citation): string | null {
  if (page === null) return `${file}: §${section} of which page?`;
  const path = pathOf(page);
  if (!files.includes(path)) return `${file}: there is no ${path}`;
  if (section === undefined) return null;
  const sections = headingsOf(textOf(path)).map((heading) => heading.section);
  return sections.includes(section) ? null : `${file}: ${path} has no §${section}`;
}

describe("citations", () => {
  test("in comments name a page and a section that exist", () => {
    const citations = sources.flatMap((file) => citationsOf(file, textOf(file)));
    expect(citations.filter(({ section }) => section !== undefined).length).toBeGreaterThan(150);
    expect([...new Set(citations.flatMap((each) => flawOf(each) ?? []))]).toEqual([]);
  });

  test("in the pages of docs/ do, too; there a bare section is the page's own", () => {
    const pages = files.filter((file) => file.startsWith("docs/") && file.endsWith(".md"));
    const citations = pages.flatMap((file) =>
      citationsOf(file, linksAsPages(file, proseOf(textOf(file))), file),
    );
    expect([
      ...new Set(
        citations.filter(({ section }) => section !== undefined).flatMap((each) => flawOf(each) ?? []),
      ),
    ]).toEqual([]);
  });

  test.each([
    ["/** Said (providers/none.md §1). */", "there is no docs/providers/none.md"],
    ["/** Said (providers/claude.md §99.1). */", "has no §99.1"],
    ["/** Said (§1). */", "§1 of which page?"],
    ["/** RFC 9110 §7.6.1. */\n// And (§2).\n", "§2 of which page?"],
    ["/** Of providers/claude.md. */\nconst a = 1; // (§99)\n", "has no §99"],
  ])("a wrong one is found: %s", (source, flaw) => {
    expect([...new Set(citationsOf("a.ts", source).flatMap((each) => flawOf(each) ?? []))]).toEqual([
      expect.stringContaining(flaw),
    ]);
  });

  test.each([
    "/** Said (providers/claude.md §1.1 to §1.3). */",
    "/** RFC 9110 §7.6.1, and providers/codex.md §2.8, §6.1. */",
    "/** Of providers/claude.md. */\n\n/** As §2.1 has it; registry.md §3. */\nconst a = 1; // §2.2\n",
  ])("a right one passes: %s", (source) => {
    expect(citationsOf("a.ts", source).flatMap((each) => flawOf(each) ?? [])).toEqual([]);
  });
});
