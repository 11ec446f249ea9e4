/**
 * Which of a client's Anthropic betas go to Copilot, and the edits that take out the fields of those that do not
 * (providers/copilot.md §3.2): the API refuses a field without its beta.
 */
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit, Path } from "../../protocols/body.ts";
import { bodyBetas, splitBetas } from "../../protocols/messages/body-betas.ts";
import { BETAS, type BetaField, INTERLEAVED_THINKING } from "./profile.ts";

/** The betas to send, interleaved thinking first. The body's own list counts as the header's. */
export function sentBetas(body: JsonObject, header: string | null): string[] {
  const asked = [header ?? "", ...(bodyBetas(body) ?? [])].flatMap(splitBetas);
  const taken = asked.filter((beta) => BETAS.some(({ family, taken }) => taken && isOf(beta, family)));
  return [...new Set([INTERLEAVED_THINKING, ...taken])];
}

/** The edits of a body that goes with these betas. */
export function betaEdits(body: JsonObject, sent: readonly string[]): Edit[] {
  const moved: Edit[] =
    bodyBetas(body) === null ? [] : [{ change: "copilot-betas", op: "remove", path: ["betas"] }];
  const dropped = BETAS.filter(({ family }) => !sent.some((beta) => isOf(beta, family)));
  return [...moved, ...dropped.flatMap(({ fields }) => fields.flatMap((field) => fieldEdits(body, field)))];
}

function isOf(beta: string, family: string): boolean {
  return beta === family || beta.startsWith(`${family}-`);
}

function fieldEdits(body: JsonObject, field: BetaField): Edit[] {
  const [first, ...rest] = field.path;
  const found =
    first === "cache_control"
      ? cacheControls(body).flatMap(([control, path]) => placesOf(control, rest, path))
      : placesOf(body, field.path, []);
  return found
    .filter(([value]) => field.only === undefined || value === field.only)
    .map(([, path]) => ({ change: "copilot-fields", op: "remove", path }));
}

type Place = [value: Json, path: Path];

/** The values at a path, of which `*` stands for each element of a list. */
function placesOf(value: Json, [step, ...rest]: readonly string[], path: Path): Place[] {
  if (step === undefined) return [[value, path]];
  if (step === "*") {
    return listOf(value).flatMap((entry, at) => placesOf(entry, rest, [...path, at]));
  }
  const member = isObject(value) ? value[step] : undefined;
  return member === undefined ? [] : placesOf(member, rest, [...path, step]);
}

/** Every `cache_control` of a request: on itself, on tools, and on blocks of the prompt, of messages and tool results. */
function cacheControls(body: JsonObject): Place[] {
  return [
    [],
    ["tools", "*"],
    ["system", "*"],
    ["messages", "*", "content", "*"],
    ["messages", "*", "content", "*", "content", "*"],
  ].flatMap((holder) => placesOf(body, [...holder, "cache_control"], []));
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
