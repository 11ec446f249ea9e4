/**
 * The edits that fit a Responses body to the ChatGPT backend (providers/codex.md §2.2): its top-level fields and tools.
 * What already fits is named by no edit and keeps its bytes; `input.ts` does the same for the input items.
 */
import { KleisError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit } from "../../protocols/body.ts";
import { type HostedTools, hostedToolEdits, keptIncludes } from "../../protocols/responses/hosted-tools.ts";
import { unsealingEdits } from "../../protocols/sealed.ts";
import type { PrepareInput } from "../provider.ts";
import { inputEdits } from "./input.ts";
import { instructionsOf } from "./instructions.ts";
import {
  CACHE_BREAKPOINT,
  ENCRYPTED_REASONING,
  FIELDS,
  HOSTED_TOOLS,
  LITE_HEADER,
  SERVICE_TIERS,
  SPARK,
  STREAM_OPTION,
  WEB_SEARCH,
} from "./profile.ts";

export interface PlanRequest {
  readonly body: JsonObject;
  /** The model's id as it goes upstream. */
  readonly model: string;
  /** The client's headers. */
  readonly headers: Headers;
  /** The derived session id, which is the cache key. */
  readonly session: string;
  readonly unsealed: PrepareInput["unsealed"];
}

/** The edits for one request. Throws `KleisError("invalid_request")` for what the backend cannot be asked for. */
export function planEdits({ body, model, headers, session, unsealed }: PlanRequest): Edit[] {
  const lite = isLite(body, headers);
  const spark = SPARK.model.test(model);
  const hosted = spark ? HOSTED_TOOLS.spark : HOSTED_TOOLS.all;
  const change = unsealed === "foreign" ? "foreign-reasoning" : "codex-sealed";
  const unsealing = unsealed === undefined ? [] : unsealingEdits("responses", body, change);
  return [
    ...fieldEdits(body),
    ...(lite ? [] : parallelEdits(body, spark)),
    ...(spark ? sparkEdits(body) : []),
    ...toolEdits(body),
    ...hostedToolEdits(body, hosted, "codex-fields"),
    ...modeEdits(body),
    ...includeEdits(body.include, hosted),
    { change: "codex-cache-key", op: "set", path: ["prompt_cache_key"], value: session },
    ...inputEdits(body, lite, unsealing),
  ];
}

/** The newer Codex body carries tools and instructions inside its input, and its header says so (clients.md §4). */
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
  for (const [name, value] of Object.entries(body)) {
    if (FIELDS.accepted.has(name)) continue;
    if (FIELDS.tuning.has(name) || asksNothing(name, value)) edits.push(without(name));
    else refuseState(name);
  }
  if (body.service_tier !== undefined) edits.push(...tierEdits(body.service_tier));
  if (body.stream_options !== undefined) edits.push(...streamOptionEdits(body.stream_options));
  return edits;
}

/** Absent, null and empty are the same: the client's library wrote the member, the client asks for nothing by it. */
function asksNothing(name: string, value: Json | undefined): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.every((member) => asksNothing("", member));
  if (isObject(value)) return Object.values(value).every((member) => asksNothing("", member));
  return FIELDS.plain.has(name) && FIELDS.plain.get(name) === value;
}

function refuseState(name: string): void {
  const wayOut = FIELDS.state.get(name);
  if (wayOut === undefined) return;
  throw new KleisError("invalid_request", `\`${name}\` cannot be used here. ${wayOut}`, { param: name });
}

function tierEdits(tier: Json): Edit[] {
  const value = SERVICE_TIERS.get(tier);
  if (value === undefined) return [without("service_tier")];
  return value === tier ? [] : [{ change: "codex-fields", op: "set", path: ["service_tier"], value }];
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
  const choice = body.tool_choice;
  if (!isObject(choice)) return edits;
  if (isOldWebSearch(choice.type)) edits.push(renamedWebSearch("tool_choice", "type"));
  const allowed = Array.isArray(choice.tools) ? choice.tools : [];
  allowed.forEach((tool, index) => {
    if (isObject(tool) && isOldWebSearch(tool.type)) {
      edits.push(renamedWebSearch("tool_choice", "tools", index, "type"));
    }
  });
  return edits;
}

function isOldWebSearch(type: unknown): boolean {
  return typeof type === "string" && type.startsWith(WEB_SEARCH.older);
}

/** The backend keeps nothing and only streams. */
function modeEdits(body: JsonObject): Edit[] {
  const edits: Edit[] = [];
  if (body.store !== false) edits.push({ change: "codex-store", op: "set", path: ["store"], value: false });
  if (body.stream !== true) edits.push({ change: "codex-stream", op: "set", path: ["stream"], value: true });
  return edits;
}

/** Without encrypted reasoning the next turn would forget this one's; what no tool here could answer is not asked for. */
function includeEdits(include: Json | undefined, hosted: HostedTools): Edit[] {
  if (include !== undefined && include !== null && !Array.isArray(include)) return [];
  const asked = include ?? [];
  const kept = keptIncludes(asked, hosted);
  if (kept.length === asked.length && asked.includes(ENCRYPTED_REASONING)) return [];
  const value = kept.includes(ENCRYPTED_REASONING) ? kept : [...kept, ENCRYPTED_REASONING];
  return [{ change: "codex-include", op: "set", path: ["include"], value }];
}

function without(...path: (string | number)[]): Edit {
  return { change: "codex-fields", op: "remove", path };
}

function renamedWebSearch(...path: (string | number)[]): Edit {
  return { change: "codex-fields", op: "set", path, value: WEB_SEARCH.name };
}
