/**
 * Copilot's error bodies in the caller's protocol: they may be plain text or OpenAI-shaped on every endpoint, and
 * their content type does not say which (providers/copilot.md §4.5). The words stay as they came: clients act on them.
 */
import { isObject, type Json, type JsonObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../../protocols/errors.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { ErrorAnswer } from "../provider.ts";

/** The code where upstream gives none. */
const NO_CODE = "upstream_error";

/** The answer to give instead; null when the one that came already has the caller's shape. */
export function errorAnswer(protocol: Protocol, status: number, source: string): ErrorAnswer | null {
  const value = parseJson(source);
  if (isObject(value) && hasShape(protocol, value)) return null;
  const code = codeOf(value);
  const message =
    wordsOf(value) ?? code ?? text(source.trim()) ?? `GitHub Copilot answered ${status} without words.`;
  return { body: errorBody(protocol, { code: code ?? NO_CODE, message, status }) };
}

function hasShape(protocol: Protocol, value: JsonObject): boolean {
  if (!isObject(value.error) || typeof value.error.message !== "string") return false;
  return protocol !== "messages" || (value.type === "error" && typeof value.error.type === "string");
}

/** The message in the forms seen: `{error:{message}}`, `{error:"…"}`, `{message}` and a bare JSON string. */
function wordsOf(value: Json | undefined): string | undefined {
  if (typeof value === "string") return text(value);
  if (!isObject(value)) return undefined;
  return text(memberOf(value, "message")) ?? text(value.error) ?? text(value.message);
}

function codeOf(value: Json | undefined): string | undefined {
  return isObject(value) ? (text(memberOf(value, "code")) ?? text(value.code)) : undefined;
}

function memberOf(value: JsonObject, name: string): Json | undefined {
  return isObject(value.error) ? value.error[name] : undefined;
}
