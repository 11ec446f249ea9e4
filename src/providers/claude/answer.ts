/**
 * Gives an answer its client's tool names back: in the blocks of a JSON answer and in the events that begin a block
 * (providers/claude.md §2.5). Text, arguments and every other event keep their very bytes.
 */
import { isObject, type Json, type JsonObject, parseJson } from "../../json.ts";
import type { Edit, Path } from "../../protocols/body.ts";
import { applyEdits } from "../../protocols/json-edit.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withData,
} from "../../protocols/sse/event.ts";
import type { AnswerPlan } from "../provider.ts";
import { blockSites } from "./tool-name-sites.ts";

const BLOCK_START = needleOf("content_block_start");
const TOOL_USE = needleOf('"tool_use"');
const TOOL_REFERENCE = needleOf('"tool_reference"');

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function restoreToolNames(inverse: ReadonlyMap<string, string>): AnswerPlan {
  return {
    json: (value) => restoreJson(value, inverse),
    stream: () => streamRewriter(inverse),
  };
}

function restoreJson(value: JsonObject, inverse: ReadonlyMap<string, string>): boolean {
  if (!Array.isArray(value.content)) return false;
  const edits = value.content.flatMap((block, index) => restoring(block, ["content", index], inverse));
  for (const edit of edits) assign(value, edit.path, edit.name);
  return edits.length > 0;
}

function streamRewriter(inverse: ReadonlyMap<string, string>): EventRewriter {
  return {
    rewrite(event) {
      if (!includesText(event, BLOCK_START)) return event;
      if (!includesText(event, TOOL_USE) && !includesText(event, TOOL_REFERENCE)) return event;
      const data = eventData(event);
      const value = data === null ? undefined : parseJson(data);
      if (data === null || !isObject(value) || value.type !== "content_block_start") return event;
      const edits = restoring(value.content_block, ["content_block"], inverse).map(
        ({ path, name }): Edit => ({ change: "claude-tool-names", op: "set", path, value: name }),
      );
      if (edits.length === 0) return event;
      return withData(event, decoder.decode(applyEdits(encoder.encode(data), edits)));
    },
  };
}

interface Restored {
  readonly path: Path;
  /** The client's name. */
  readonly name: string;
}

function restoring(block: Json | undefined, path: Path, inverse: ReadonlyMap<string, string>): Restored[] {
  return blockSites(block, path).flatMap((site) => {
    const name = inverse.get(site.name);
    return name === undefined || name === site.name ? [] : [{ path: site.path, name }];
  });
}

function assign(root: JsonObject, path: Path, name: string): void {
  let holder: Json | undefined = root;
  for (const step of path.slice(0, -1)) {
    if (Array.isArray(holder)) holder = holder[Number(step)];
    else if (isObject(holder)) holder = holder[step];
  }
  const key = path.at(-1);
  if (isObject(holder) && key !== undefined) holder[key] = name;
}
