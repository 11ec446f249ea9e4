/** A provider's error body: its details, whatever its shape, and the same in the shape of the route that was called. */
import { isObject, type Json, type JsonObject, parseJson, text } from "../json.ts";
import { errorBody } from "./errors.ts";
import type { Protocol } from "./protocol.ts";

/** What an error body states. */
export interface ErrorDetails {
  /** The provider's message; undefined where it sent none, or markup. */
  readonly message: string | undefined;
  readonly code: string | undefined;
  readonly type: string | undefined;
  readonly param: string | undefined;
  /** The object that holds these, with further members (such as when a limit resets). */
  readonly facts: JsonObject;
}

/** What an error body is, whatever its label. */
export function formOf(source: string): "json" | "page" | "text" | "empty" {
  if (source.trim() === "") return "empty";
  if (parseJson(source) !== undefined) return "json";
  return MARKUP.test(source.trim()) ? "page" : "text";
}

/** True for a body that the protocol's clients read as its error. */
export function holdsError(protocol: Protocol, value: Json | undefined): boolean {
  if (!isObject(value) || !isObject(value.error) || typeof value.error.message !== "string") return false;
  return protocol !== "messages" || value.type === "error";
}

/** Reads an error body: JSON in any of the shapes seen, or plain text. */
export function readErrorDetails(source: string): ErrorDetails {
  const value = parseJson(source);
  const facts = factsOf(value);
  const named = (name: string) => text(facts[name]) ?? (isObject(value) ? text(value[name]) : undefined);
  return {
    message: value === undefined ? readable(source) : messageIn(value, 0),
    code: named("code") ?? (typeof facts.code === "number" ? String(facts.code) : undefined),
    type: facts === value ? undefined : named("type"),
    param: named("param"),
    facts,
  };
}

/** The same error in the shape of the route, for a body that does not have it. */
export function shapedError(
  protocol: Protocol,
  status: number,
  statusText: string,
  source: string,
): JsonObject {
  const { message, code, type, param } = readErrorDetails(source);
  return errorBody(protocol, {
    status,
    code: code ?? "upstream_error",
    message: message ?? statusMessage(status, statusText, code),
    type,
    param,
  });
}

/** The message for an error that came without one. */
export function statusMessage(status: number, statusText: string, code?: string): string {
  const name = [String(status), text(statusText.trim()) ?? PHRASES[status]].filter(Boolean).join(" ");
  return `The provider answered ${name}${code === undefined ? " without words" : `: ${code}`}.`;
}

function factsOf(value: Json | undefined): JsonObject {
  if (!isObject(value)) return {};
  if (isObject(value.error)) return value.error;
  return isObject(value.detail) ? value.detail : value;
}

/** Members that hold a message, best first. FastAPI lists them (`detail: [{msg}]`), RFC 9457 has `detail` and `title`. */
const MESSAGE_MEMBERS = ["message", "detail", "msg", "error", "error_description", "errors", "title"];

/** How deep a message is searched for. */
const MAX_DEPTH = 4;

function messageIn(value: Json | undefined, depth: number): string | undefined {
  if (typeof value === "string") return readable(value);
  if (depth === MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return text(value.flatMap((each) => messageIn(each, depth + 1) ?? []).join("; "));
  if (!isObject(value)) return undefined;
  // An error object is more specific than the members beside it.
  const names = isObject(value.error) ? ["error", ...MESSAGE_MEMBERS] : MESSAGE_MEMBERS;
  for (const name of names) {
    const said = messageIn(value[name], depth + 1);
    if (said !== undefined) return said;
  }
  return undefined;
}

const MAX_MESSAGE = 4_000;

/** A member that holds a message or a name, as much of it as came. */
const MEMBER =
  /"(message|detail|msg|error|error_description|title|code|type)"\s*:\s*"((?:[^"\\]|\\[^u]|\\u[\da-fA-F]{4}){1,4000})/g;

/** How far into a body those are searched for, characters. */
const SEARCHED = 64 * 1024;

/**
 * The beginning of an error body whose end is missing, as JSON with the same members in an error object; other text as it
 * came.
 */
export function readCutError(source: string): string {
  if (!/^\uFEFF?\s*[[{]/.test(source)) return source;
  const said: JsonObject = {};
  for (const [, name = "", value = ""] of source.slice(0, SEARCHED).matchAll(MEMBER)) {
    // The type of the whole body is not the error's.
    if (name === "type" && value === "error") continue;
    said[name] ??= parseJson(`"${value}"`) ?? null;
  }
  return JSON.stringify({ error: said });
}

const MARKUP = /^\uFEFF?\s*<|<!doctype|<\/?(?:html|head|body)\b/i;

/** Text that a person can read; undefined for nothing, for markup and for binary. */
function readable(source: string): string | undefined {
  const words = source.trim();
  if (MARKUP.test(words)) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they tell bytes from text
  if (/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(words)) return undefined;
  return text(words.slice(0, MAX_MESSAGE));
}

/** For runtimes that do not provide the provider's own phrase (HTTP/2 has none). */
const PHRASES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};
