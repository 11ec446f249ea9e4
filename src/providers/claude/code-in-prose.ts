/**
 * Tells which places of a text in Markdown are code or paths rather than prose: fenced blocks, spans in backticks,
 * prompts of a shell, lines that name a path with spaces, such paths in quotes.
 */

/**
 * An opening or a closing line of a fenced block. Only a line feed begins a line: with `^` every one of many carriage returns
 * would, and each would be read to the last.
 */
const FENCE = /(?<![^\n])[^\S\n]*(`{3,}|~{3,})([^\n]*)/g;
/** Where a path begins: the root, a home, a drive, a share, the folder itself. */
const ROOT = String.raw`(?:~?\/[^\s/]+\/|~\/|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\\\\|file:\/\/)`;
/** A line that holds a path and nothing else, as environment blocks write it: `Working directory: /home/me/My Files`. */
const PATH_LINE = new RegExp(
  String.raw`^[\s>*-]*(?:<[\w-]{1,60}>\s*)?(?:\p{L}[\p{L}\s_*-]{0,60}[:=][\s*]*)?${ROOT}`,
  "u",
);
const SHELL_LINE = /^\s*[$%] /;
const QUOTED_PATH = new RegExp(String.raw`"${ROOT}[^"]*"|'${ROOT}[^']*'|\(${ROOT}[^()]*\)`, "g");

/** Half-open, in ascending order. */
type Range = readonly [start: number, end: number];

/** A test for ascending places of one text; asked for in order, all of them together take linear time. */
export function createCodeFinder(source: string): (index: number) => boolean {
  const isFenced = ascending(fencesOf(source));
  let lineStart = 0;
  let lineEnd = -1;
  let inLine: (index: number) => boolean = () => false;
  return (index) => {
    if (isFenced(index)) return true;
    if (index >= lineEnd) {
      lineStart = source.lastIndexOf("\n", index) + 1;
      const next = source.indexOf("\n", index);
      lineEnd = next === -1 ? source.length : next;
      inLine = ascending(rangesOf(source.slice(lineStart, lineEnd)));
    }
    return inLine(index - lineStart);
  };
}

function ascending(ranges: readonly Range[]): (index: number) => boolean {
  let at = 0;
  return (index) => {
    while (at < ranges.length && (ranges[at]?.[1] ?? 0) <= index) at++;
    return (ranges[at]?.[0] ?? Number.POSITIVE_INFINITY) <= index;
  };
}

/** The fenced blocks; one that is never closed goes on to the end. */
function fencesOf(source: string): Range[] {
  const ranges: Range[] = [];
  let open: { mark: string; start: number } | null = null;
  for (const { index, 0: line, 1: mark = "", 2: rest = "" } of source.matchAll(FENCE)) {
    if (open === null) {
      // The words after an opening of backticks hold none: otherwise it is a span.
      if (!(mark.startsWith("`") && rest.includes("`"))) open = { mark, start: index };
    } else if (mark.startsWith(open.mark) && rest.trim() === "") {
      ranges.push([open.start, index + line.length]);
      open = null;
    }
  }
  if (open !== null) ranges.push([open.start, source.length]);
  return ranges;
}

function rangesOf(line: string): Range[] {
  if (!/[`/\\$%]/.test(line)) return [];
  if (SHELL_LINE.test(line) || PATH_LINE.test(line)) return [[0, line.length]];
  const quoted = [...line.matchAll(QUOTED_PATH)].map(
    ({ index, 0: text }): Range => [index, index + text.length],
  );
  return merged([...spansOf(line), ...quoted]);
}

/** Spans in backticks: closed by as many as opened them. */
function spansOf(line: string): Range[] {
  const runs = [...line.matchAll(/`+/g)].map(({ index, 0: run }) => ({ index, length: run.length }));
  const closedBy = new Map<number, number>();
  const later = new Map<number, number>();
  for (let order = runs.length - 1; order >= 0; order--) {
    const length = runs[order]?.length ?? 0;
    const closing = later.get(length);
    if (closing !== undefined) closedBy.set(order, closing);
    later.set(length, order);
  }
  const ranges: Range[] = [];
  for (let order = 0; order < runs.length; order++) {
    const closing = closedBy.get(order);
    const [opened, closed] = [runs[order], runs[closing ?? -1]];
    if (closing === undefined || opened === undefined || closed === undefined) continue;
    ranges.push([opened.index, closed.index + closed.length]);
    order = closing;
  }
  return ranges;
}

function merged(ranges: readonly Range[]): Range[] {
  const all: Range[] = [];
  for (const range of ranges.toSorted(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last === undefined || last[1] < range[0]) all.push(range);
    else all[all.length - 1] = [last[0], Math.max(last[1], range[1])];
  }
  return all;
}
