/**
 * The edits that fit a Responses body to the ChatGPT backend (codex.md §2.2): its top-level fields and tools.
 * What already fits is named by no edit and keeps its bytes; `input.ts` does the same for the input items.
 */
import { isObject, type JsonObject } from "../../json.ts";
import type { Edit } from "../../protocols/body.ts";
import { inputEdits } from "./input.ts";
import { instructionsOf } from "./instructions.ts";
import {
  ACCEPTED_FIELDS,
  CACHE_BREAKPOINT,
  ENCRYPTED_REASONING,
  LITE_HEADER,
  SERVICE_TIER,
  SPARK,
  STREAM_OPTION,
} from "./profile.ts";

export interface PlanRequest {
  readonly body: JsonObject;
  /** The model's id as it goes upstream. */
  readonly model: string;
  /** The client's headers. */
  readonly headers: Headers;
  /** The derived session id; without one no cache key is put in. */
  readonly session: string | undefined;
}

/** The edits for one request. */
export function planEdits({ body, model, headers, session }: PlanRequest): Edit[] {
  const lite = isLite(body, headers);
  const spark = SPARK.model.test(model);
  return [
    ...fieldEdits(body),
    ...(lite ? [] : parallelEdits(body, spark)),
    ...(spark ? sparkEdits(body) : []),
    ...toolEdits(body),
    ...modeEdits(body),
    ...cacheKeyEdits(body, session),
    ...inputEdits(body, lite),
  ];
}

/** The newer Codex body carries tools and instructions inside its input, and its header says so (clients.md "Codex"). */
function isLite(body: JsonObject, headers: Headers): boolean {
  const first = Array.isArray(body.input) ? body.input[0] : undefined;
  return (
    headers.get(LITE_HEADER) === "true" &&
    isEmpty(body.tools) &&
    instructionsOf(body) === undefined &&
    isObject(first) &&
    first.type === "additional_tools"
  );
}

function isEmpty(list: unknown): boolean {
  return list === undefined || list === null || (Array.isArray(list) && list.length === 0);
}

function fieldEdits(body: JsonObject): Edit[] {
  const edits: Edit[] = [];
  for (const name of Object.keys(body)) {
    if (!ACCEPTED_FIELDS.has(name)) edits.push(without(name));
  }
  if (body.service_tier !== undefined && body.service_tier !== SERVICE_TIER)
    edits.push(without("service_tier"));
  if (body.stream_options !== undefined) edits.push(...streamOptionEdits(body.stream_options));
  return edits;
}

function streamOptionEdits(options: unknown): Edit[] {
  if (!isObject(options) || options[STREAM_OPTION] === undefined) return [without("stream_options")];
  return Object.keys(options)
    .filter((name) => name !== STREAM_OPTION)
    .map((name) => without("stream_options", name));
}

function parallelEdits(body: JsonObject, spark: boolean): Edit[] {
  return body.parallel_tool_calls !== undefined && (spark || isEmpty(body.tools))
    ? [without("parallel_tool_calls")]
    : [];
}

function sparkEdits({ reasoning }: JsonObject): Edit[] {
  if (!isObject(reasoning)) return [];
  return SPARK.reasoning
    .filter((name) => reasoning[name] !== undefined)
    .map((name) => without("reasoning", name));
}

/** Tools under their older names, and cache hints on them. */
function toolEdits(body: JsonObject): Edit[] {
  const edits: Edit[] = [];
  const tools = Array.isArray(body.tools) ? body.tools : [];
  tools.forEach((tool, index) => {
    if (!isObject(tool)) return;
    if (isOldWebSearch(tool.type)) edits.push(renamedWebSearch("tools", index, "type"));
    if (tool[CACHE_BREAKPOINT] !== undefined) edits.push(without("tools", index, CACHE_BREAKPOINT));
  });
  if (isObject(body.tool_choice) && isOldWebSearch(body.tool_choice.type)) {
    edits.push(renamedWebSearch("tool_choice", "type"));
  }
  return edits;
}

function isOldWebSearch(type: unknown): boolean {
  return typeof type === "string" && type.startsWith("web_search_preview");
}

/** The backend keeps nothing and only streams; without encrypted reasoning the next turn would forget this one's. */
function modeEdits(body: JsonObject): Edit[] {
  const edits: Edit[] = [];
  if (body.store !== false) edits.push({ change: "codex-store", op: "set", path: ["store"], value: false });
  if (body.stream !== true) edits.push({ change: "codex-stream", op: "set", path: ["stream"], value: true });
  const { include } = body;
  if (include === undefined || include === null || Array.isArray(include)) {
    const asked = include ?? [];
    if (!asked.includes(ENCRYPTED_REASONING)) {
      const value = [...asked, ENCRYPTED_REASONING];
      edits.push({ change: "codex-include", op: "set", path: ["include"], value });
    }
  }
  return edits;
}

function cacheKeyEdits(body: JsonObject, session: string | undefined): Edit[] {
  if (session === undefined || body.prompt_cache_key === session) return [];
  return [{ change: "codex-cache-key", op: "set", path: ["prompt_cache_key"], value: session }];
}

function without(...path: (string | number)[]): Edit {
  return { change: "codex-fields", op: "remove", path };
}

function renamedWebSearch(...path: (string | number)[]): Edit {
  return { change: "codex-fields", op: "set", path, value: "web_search" };
}
