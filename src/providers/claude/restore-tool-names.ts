/**
 * Restores the client's tool names in a response: in the blocks of a JSON response and in the events that begin a block
 * (providers/claude.md §2.5). The bytes of text, arguments and all other events do not change.
 */
import { isObject, type Json, parseJson } from "../../json.ts";
import type { Path } from "../../protocols/body.ts";
import type { Splice } from "../../protocols/json-edit.ts";
import {
  type EventRewriter,
  eventData,
  includesText,
  needleOf,
  withEdits,
} from "../../protocols/sse/event.ts";
import type { ResponsePlan } from "../provider.ts";
import { blockSites } from "./tool-name-sites.ts";

const BLOCK_START = needleOf("content_block_start");
const TOOL_USE = needleOf('"tool_use"');
const TOOL_REFERENCE = needleOf('"tool_reference"');

/** What an entry of the table takes in memory, bytes: two names of up to 64 characters and their place. */
const ENTRY_BYTES = 256;

/** `inverse`: the upstream name to the client's. */
export function restoreToolNames(inverse: ReadonlyMap<string, string>): ResponsePlan {
  // Unchanged names, which may have any length, need not be kept while the response streams.
  const changed = new Map([...inverse].filter(([upstream, name]) => upstream !== name));
  return {
    keptBytes: changed.size * ENTRY_BYTES,
    json: ({ content }) =>
      Array.isArray(content)
        ? content.flatMap((block, index) => restoring(block, ["content", index], changed))
        : [],
    stream: () => streamRewriter(changed),
  };
}

function streamRewriter(inverse: ReadonlyMap<string, string>): EventRewriter {
  return {
    rewrite(event) {
      if (!includesText(event, BLOCK_START)) return event;
      if (!includesText(event, TOOL_USE) && !includesText(event, TOOL_REFERENCE)) return event;
      const data = eventData(event);
      const value = data === null ? undefined : parseJson(data);
      if (data === null || !isObject(value) || value.type !== "content_block_start") return event;
      return withEdits(event, data, restoring(value.content_block, ["content_block"], inverse));
    },
  };
}

/** Where the block names a tool of the client's, and the client's name for it. */
function restoring(block: Json | undefined, path: Path, inverse: ReadonlyMap<string, string>): Splice[] {
  return blockSites(block, path).flatMap((site) => {
    const name = inverse.get(site.name);
    return name === undefined || name === site.name ? [] : [{ op: "set", path: site.path, value: name }];
  });
}
