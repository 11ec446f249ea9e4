/** The pages of the repository and their headings, for the tests of links and citations. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

/** Every file that git knows or would take up, relative to the root. */
export const files: readonly string[] = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"],
  { cwd: ROOT, encoding: "utf8" },
)
  .split("\n")
  .filter((file) => file !== "");

export const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** A page without its code blocks and code spans. */
export function proseOf(page: string): string {
  return page.replace(/^( *)(`{3,}|~{3,}).*?^\1\2\s*$/gms, "").replace(/(`+)[^\n]*?\1/g, "");
}

export interface Heading {
  readonly text: string;
  /** What a link's fragment must be, as GitHub makes it. */
  readonly anchor: string;
  /** `1.2` of `### 1.2 Constants`. */
  readonly section: string | undefined;
}

export function headingsOf(page: string): Heading[] {
  const lines = page.replace(/^( *)(`{3,}|~{3,}).*?^\1\2\s*$/gms, "").matchAll(/^#{1,6} (.+?)\s*$/gm);
  const taken = new Map<string, number>();
  return [...lines].map(([, text = ""]) => {
    const shown = text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const slug = shown
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    const times = taken.get(slug) ?? 0;
    taken.set(slug, times + 1);
    const section = /^(\d+(?:\.\d+)*)\.?\s/.exec(shown)?.[1];
    return { text: shown, anchor: times === 0 ? slug : `${slug}-${times}`, section };
  });
}
