/**
 * A provider, or a server in its place, may repeat the account's credential in an error. The holder of an issued key must
 * not learn it: it is redacted in error responses, in the headers that pass, and in a stream's error events. Bytes without
 * it pass as they came.
 */

import type { ByteSource } from "../../bytes.ts";
import { joinBytes } from "../../bytes.ts";
import { type EventRewriter, includesText, needleOf } from "../../protocols/sse/event.ts";

const HIDDEN = "[hidden]";
const encoder = new TextEncoder();
const HIDDEN_BYTES = encoder.encode(HIDDEN);
const NOTHING = new Uint8Array(0);

/** What every error event holds, as its name or as a member. */
const ERROR = needleOf("error");
/** What the last event of a failed Responses stream holds. */
const FAILED = needleOf("failed");

/** The response with the tokens redacted in its headers; the same object where none is in them. */
export function hideInHeaders(response: Response, tokens: readonly string[]): Response {
  const found: [string, string][] = [];
  response.headers.forEach((value, name) => {
    const shown = hideInText(value, tokens);
    if (shown !== value) found.push([name, shown]);
  });
  if (found.length === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of found) headers.set(name, value);
  return new Response(response.body, { status: response.status, headers });
}

/** The body of an error with the tokens redacted. Holds back no more than what may be the beginning of one. */
export function hideInBody(source: ByteSource, tokens: readonly string[]): ByteSource {
  const secrets = tokens.map((token) => encoder.encode(token));
  let held: Uint8Array<ArrayBuffer> = NOTHING;
  return {
    async read() {
      const { done, value } = await source.read();
      if (value === undefined) {
        const rest = held;
        held = NOTHING;
        return done && rest.length > 0 ? { done: false, value: rest } : { done, value };
      }
      const { out, rest } = hideInBytes(held.length === 0 ? value : joinBytes([held, value]), secrets);
      held = rest;
      return { done, value: out };
    },
    cancel: () => source.cancel(),
  };
}

/** The same for the error events of one stream. */
export function hideInEvents(tokens: readonly string[]): EventRewriter {
  return {
    rewrite(event) {
      if (!includesText(event, ERROR) && !includesText(event, FAILED)) return event;
      const text = new TextDecoder().decode(event);
      const shown = hideInText(text, tokens);
      return shown === text ? event : encoder.encode(shown);
    },
  };
}

function hideInText(text: string, tokens: readonly string[]): string {
  return tokens.reduce((shown, token) => shown.replaceAll(token, HIDDEN), text);
}

/** The bytes without the secrets; `rest` may be the beginning of one that goes on after them. */
function hideInBytes(bytes: Uint8Array<ArrayBuffer>, secrets: readonly Uint8Array[]) {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at < bytes.length; at++) {
    const secret = secrets.find((each) => begins(bytes, at, each));
    if (secret === undefined) continue;
    parts.push(bytes.subarray(from, at));
    if (at + secret.length > bytes.length) return { out: joinBytes(parts), rest: bytes.slice(at) };
    parts.push(HIDDEN_BYTES);
    from = at + secret.length;
    at = from - 1;
  }
  if (from === 0) return { out: bytes, rest: NOTHING };
  return { out: joinBytes([...parts, bytes.subarray(from)]), rest: NOTHING };
}

/** True where the secret starts at this index, as far as there are bytes. */
function begins(bytes: Uint8Array, at: number, secret: Uint8Array): boolean {
  const end = Math.min(secret.length, bytes.length - at);
  for (let index = 0; index < end; index++) if (bytes[at + index] !== secret[index]) return false;
  return end > 0;
}
