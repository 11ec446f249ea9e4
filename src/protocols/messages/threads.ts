/**
 * Message threads: Anthropic keeps the conversation, and a later turn sends only its new messages (beta
 * `message-threads-2026-08-12`). Not every backend can do that; this is the error that clients understand.
 */
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";

/**
 * Refuses a request that begins or continues a thread. The code in `details` is Anthropic's own for this: on it
 * `toolRunner` of Anthropic's SDK goes on by itself with the whole conversation (SDK 1.12, ThreadState.ts).
 */
export function refuseThread(body: JsonObject, where: string): void {
  if ((body.thread ?? null) === null) return;
  throw new KleisError(
    "invalid_request",
    `Message threads do not work with ${where}. Leave \`thread\` out and send the whole conversation in \`messages\`, with \`system\` and \`tools\`.`,
    { param: "thread", details: { error_code: "thread_unsupported_request", unsupported: ["thread"] } },
  );
}
