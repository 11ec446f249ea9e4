/** The pages of the repository and their headings, for the tests of links and citations. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

/** What is not part of the repository, wherever it stands; as .gitignore has it. */
const LEFT_OUT = new Set([".git", ".kleis", ".vercel", ".wrangler", "dist", "node_modules"]);

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (LEFT_OUT.has(entry.name)) return [];
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

/** Every file of the repository, relative to the root. */
export const files: readonly string[] = filesIn("");

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
