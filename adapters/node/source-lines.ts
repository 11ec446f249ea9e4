/**
 * Names the lines of the sources in a stack of the bundle, by the source map beside it. The map is read when a stack is
 * logged: with `--enable-source-maps` Node would read it, in about 0.2 s of the event loop, at the first connection that
 * breaks, for Node's streams look at the stack of every error that destroys one.
 */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** Null once it was looked for in vain. */
let map: SourceMap | null | undefined;

/** A place in this file, as frames of a stack name it: line and column, from 1. */
const PLACE = new RegExp(`${import.meta.url.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}:(\\d+):(\\d+)`, "g");

/** The stack with `src/….ts:12:3` for each place in the bundle; as it is where there is no map. */
export function withSourceLines(stack: string): string {
  return stack.replace(PLACE, (place, line: string, column: string) => {
    if (map === undefined) map = readMap();
    const origin = map?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !("fileName" in origin)) return place;
    return `${origin.fileName.replace(/^(\.\.\/)+/, "")}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

/** Null where the sources themselves run, without a bundle. */
function readMap(): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(import.meta.url)}.map`, "utf8")));
  } catch {
    return null;
  }
}
