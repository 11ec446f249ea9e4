/** A product's name is replaced where prose speaks of the product, and in no path, identifier or piece of code. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { replaceProductName } from "../../src/providers/claude/product-names.ts";
import { PROFILE } from "../../src/providers/claude/profile.ts";

const replaced = (text: string) => replaceProductName(text, PROFILE.productName);

const NAMES = ["OpenCode", "opencode", "OPENCODE", "Opencode"] as const;
const name = fc.constantFrom(...NAMES);
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/);
const caps = word.map((text) => text.toUpperCase());

/** The ways in which a name becomes part of something longer. */
const TOKENS: Record<string, fc.Arbitrary<string>> = {
  "a path": fc
    .tuple(
      fc.array(word, { minLength: 1, maxLength: 3 }),
      name,
      fc.array(word, { maxLength: 2 }),
      fc.constantFrom("/", "\\"),
    )
    .map(([above, own, below, slash]) => [...above, own, ...below].join(slash)),
  "an absolute path": fc
    .tuple(
      fc.constantFrom("/", "~/", "./", "../", "C:\\", "\\\\host\\", "/home/me/.", "D:/"),
      name,
      fc.constantFrom("", "/", "/a.ts", "\\b"),
    )
    .map((parts) => parts.join("")),
  "a dot folder": name.map((own) => `.${own}`),
  "a file": fc
    .tuple(name, fc.constantFrom(".md", ".json", ".config.ts", ".tar.gz"))
    .map((parts) => parts.join("")),
  "a hyphenated name": fc
    .tuple(fc.option(word), name, fc.option(word))
    .filter(([before, , after]) => before !== null || after !== null)
    .map(([before, own, after]) => [before, own, after].filter((part) => part !== null).join("-")),
  "a package": fc
    .tuple(fc.constantFrom("@", "npm:", "@scope/"), name, fc.constantFrom("/sdk", "@1.2.3", "-ai"))
    .map((parts) => parts.join("")),
  "a host": fc
    .tuple(
      fc.constantFrom("", "www.", "api."),
      name,
      fc.constantFrom(".ai", ".example.com", ":8080", ".ai/docs"),
    )
    .map((parts) => parts.join("")),
  "a URL": fc
    .tuple(
      fc.constantFrom("https://", "ssh://git@", "file:///"),
      fc.constantFrom("", "host/"),
      name,
      fc.constantFrom("", "?a=1", "#b", "/c"),
    )
    .map((parts) => parts.join("")),
  "an address for mail": fc.tuple(word, name).map(([user, own]) => `${user}@${own}.ai`),
  "a user": fc.tuple(name, word).map(([own, host]) => `${own}@${host}`),
  "an environment variable": fc
    .tuple(fc.constantFrom("", "$", "MY_", "%", "${"), name, caps, fc.constantFrom("_X", "=1", "_HOME}", "%"))
    .map(([before, own, tail, after]) => `${before}${own}_${tail}${after}`),
  "an assignment": fc.tuple(name, word).map(([own, value]) => `${own}=${value}`),
  "a camel name": fc
    .tuple(word, fc.constantFrom("OpenCode", "Opencode"), fc.constantFrom("", "Plugin", "s", "2"))
    .map((parts) => parts.join("")),
  "a name that goes on": fc
    .tuple(name, fc.constantFrom("Plugin", "ignore", "_dir", "2", "s"))
    .map((parts) => parts.join("")),
  "a member": fc
    .tuple(word, fc.constantFrom(".", "::", "->", "#", "?."), name)
    .map((parts) => parts.join("")),
  "a call": fc
    .tuple(name, fc.constantFrom("()", "(x)", "[0]", "<T>", "::new", ".run()"))
    .map((parts) => parts.join("")),
  "an argument": fc.tuple(word, fc.constantFrom("(", "[", "<", "{"), name).map((parts) => parts.join("")),
  "a switch": name.map((own) => `--${own}`),
  "an identifier by itself": fc.constant("openCode"),
  "a tag": name.map((own) => `<${own}>`),
  "a placeholder": name.map((own) => `{${own}}`),
  "a literal": fc.tuple(fc.constantFrom('"', "'", "`"), name).map(([quote, own]) => quote + own + quote),
  "a command in quotes": fc
    .tuple(fc.constantFrom('"', "'"), word)
    .map(([quote, verb]) => `${quote}opencode ${verb}${quote}`),
  "a span of code": fc
    .tuple(fc.constantFrom("`", "``"), word, name, word)
    .map(([tick, a, own, b]) => `${tick}${a} ${own} ${b}${tick}`),
  "a path with spaces in quotes": fc
    .tuple(fc.constantFrom('"', "'"), fc.constantFrom("/home/me", "C:\\me", "~/x"), name, word)
    .map(([quote, root, own, tail]) => `${quote}${root}/My ${own} ${tail}/a.ts${quote}`),
  "a path in another script": name.map((own) => `文档/我的${own}目录`),
};

describe("a name that is part of something longer stays:", () => {
  const lead = fc.constantFrom("", "Read ", "See (", "use: ", "\n- ", "he said — ", "Also, ");
  const tail = fc.constantFrom("", " now", ", then go on", ".", "\nnext", "; done", "!", " and OK?");
  test.each(Object.entries(TOKENS))("%s", (_kind, token) => {
    fc.assert(
      fc.property(lead, token, tail, (before, own, after) => {
        expect(replaced(before + own + after)).toBe(before + own + after);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    "```sh\nopencode serve\n```",
    "~~~\r\nopencode serve\r\n~~~\r\n",
    "```\nnever closed, opencode",
    "$ opencode serve",
    "Working directory: /home/me/My OpenCode Files",
    "  <cwd>/Users/me/My OpenCode Files</cwd>",
    "- Root: C:\\My OpenCode Files",
    "opencode: true",
  ])("in %j", (text) => expect(replaced(text)).toBe(text));
});

describe("a name that stands by itself is the product:", () => {
  it.each([
    ["You are OpenCode, the best agent.", "You are Claude Code, the best agent."],
    ["You are opencode.", "You are Claude."],
    ["OpenCode's tools, OpenCode’s docs", "Claude Code's tools, Claude Code’s docs"],
    [
      'when asked (eg. "can OpenCode do…") or "OpenCode is…"',
      'when asked (eg. "can Claude Code do…") or "Claude Code is…"',
    ],
    ["**OpenCode** (OpenCode): OpenCode—the agent", "**Claude Code** (Claude Code): Claude Code—the agent"],
    ["[OpenCode](https://opencode.ai/OpenCode)", "[Claude Code](https://opencode.ai/OpenCode)"],
    ["# OpenCode\n\nOPENCODE! Opencode? “OpenCode”", "# Claude Code\n\nClaude! Claude? “Claude Code”"],
    ["- /help: Get help with using opencode", "- /help: Get help with using Claude"],
    ["使用OpenCode编辑。OpenCode는 좋다", "使用Claude Code编辑。Claude Code는 좋다"],
    ["```\nopencode\n```\nopencode `opencode` opencode", "```\nopencode\n```\nClaude `opencode` Claude"],
  ])("%j", (text, expected) => expect(replaced(text)).toBe(expected));

  const before = fc.constantFrom("", "(", "“", "**", "¿", "— ", "use ", "\n", '"');
  const after = fc.constantFrom(".", ",", "!", "?", ":", ";", ")", "”", "**", "'s", " is", "\n", "…", "—and");
  test("whatever punctuation touches it", () => {
    fc.assert(
      fc.property(before, fc.constantFrom("OpenCode", "Opencode"), after, (lead, own, tail) => {
        const expected = own === "OpenCode" ? "Claude Code" : "Claude";
        expect(replaced(lead + own + tail)).toBe(lead + expected + tail);
      }),
    );
  });
});

test.each([
  ["a path upon a path", '"/a/b (/a/b '],
  ["name upon name", "opencode"],
  ["names in one line", "OpenCode "],
  ["spans", "` opencode "],
  ["ticks that close nothing", "`a``b```c````d"],
  ["links", "[OpenCode]("],
  ["lines", "OpenCode\n"],
  ["marks", "**(["],
])("megabytes take linear time: %s", (_kind, piece) => {
  const text = `${piece.repeat(Math.ceil(800_000 / piece.length))} opencode`;
  const began = performance.now();
  replaced(text);
  // Takes well under a second. A step for every pair of places would be 10^11 of them, and take more than half a minute.
  expect(performance.now() - began).toBeLessThan(15_000);
});
