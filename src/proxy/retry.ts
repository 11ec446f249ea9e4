/**
 * Sends a prepared request, with a limit on the wait for headers. Sends it once more where a fresh credential can meet a 401
 * or the account's right host a 421, and once more without sealed reasoning that the provider could not read. Never around
 * a decision about the client or the owner (identity, policy).
 */
import { readBytes } from "../bytes.ts";
import { withDeadline, withTimeout } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import { isFinal, type Refusal } from "../providers/refusal.ts";
import type { Runtime } from "../runtime.ts";
import { send } from "../send.ts";
import type { ReadyRequest } from "./context.ts";
import { classifyErrorText } from "./response/classify-refusal.ts";
import { decodeContent } from "./response/content-coding.ts";
import { bodySource } from "./stream/body-source.ts";

export interface Retries {
  /** The request with another credential after a 401; null when there is none. */
  readonly renew: () => Promise<ReadyRequest | null>;
  /** The request at the account's right host after a 421; null when that is not known to be another. */
  readonly relocate: () => Promise<ReadyRequest | null>;
  /** The request that was sent last, without sealed reasoning. */
  readonly unseal: () => Promise<ReadyRequest>;
}

/** How much of a refusal is read for its reason, bytes. */
const MAX_REFUSAL_BYTES = 256 * 1024;
/** How long its body may take to come, ms. */
const REFUSAL_WAIT_MS = 10_000;
/** The longest refusal that is quoted beside Kleis's own message, characters. */
const MAX_QUOTED = 200;

/** The provider's response, whatever its status. Rejects with `upstream_unreachable` or `upstream_timeout`. */
export async function sendWithRetry(
  runtime: Runtime,
  first: ReadyRequest,
  retries: Retries,
  signal: AbortSignal,
): Promise<Response> {
  const { response, sent } = await sendAsAccount(runtime, first, retries, signal);
  if (response.status === 421 && sent.servedNowhere !== undefined) {
    return misdirected(runtime, response, sent.servedNowhere);
  }
  if (sent.sealRefused === undefined || response.status !== 400) return response;
  const text = await peekRefusal(runtime, response);
  if (!sent.sealRefused(text) || isFinal(classify(runtime, sent, response, text))) return response;
  // Without its reasoning nothing may be left of the request: then the provider's own error is the better response.
  const unsealed = await retries.unseal().catch(() => null);
  if (unsealed === null) return response;
  await response.body?.cancel();
  return sendOnce(runtime, unsealed, signal);
}

async function sendAsAccount(
  runtime: Runtime,
  first: ReadyRequest,
  { renew, relocate }: Retries,
  signal: AbortSignal,
): Promise<{ response: Response; sent: ReadyRequest }> {
  const response = await sendOnce(runtime, first, signal);
  const again = { 401: renew, 421: relocate }[response.status];
  if (again === undefined || (await isFinalRefusal(runtime, first, response)))
    return { response, sent: first };
  const second = await again().catch(async (error: unknown) => {
    await response.body?.cancel();
    throw error;
  });
  if (second === null) return { response, sent: first };
  await response.body?.cancel();
  return { response: await sendOnce(runtime, second, signal), sent: second };
}

/** True for a decision about this client or owner, which no other credential and no other host may get around. */
async function isFinalRefusal(runtime: Runtime, sent: ReadyRequest, response: Response): Promise<boolean> {
  return isFinal(classify(runtime, sent, response, await peekRefusal(runtime, response)));
}

function classify({ clock }: Runtime, sent: ReadyRequest, response: Response, text: string): Refusal {
  return classifyErrorText(sent.classify, response, text, clock.now());
}

/** The refusal of the last host, with what the owner can do. */
async function misdirected(runtime: Runtime, response: Response, advice: string): Promise<Response> {
  const text = (await peekRefusal(runtime, response)).trim();
  await response.body?.cancel();
  const headers = new Headers(response.headers);
  headers.set("content-type", "application/json");
  const message = text === "" || text.length > MAX_QUOTED ? advice : `${advice} The provider said: ${text}`;
  return new Response(JSON.stringify({ error: { message, code: "misdirected" } }), { status: 421, headers });
}

/** The text of a refusal, whose own body stays unread; empty where it does not come. */
async function peekRefusal({ clock }: Runtime, response: Response): Promise<string> {
  const source = bodySource(response.clone().body, clock);
  const reading = readBytes(source, MAX_REFUSAL_BYTES).catch(() => null);
  const read = await withTimeout(clock, REFUSAL_WAIT_MS, reading, () => null);
  void source.cancel().catch(() => {});
  return read === null ? "" : new TextDecoder().decode(read.bytes);
}

async function sendOnce(runtime: Runtime, ready: ReadyRequest, signal: AbortSignal): Promise<Response> {
  const { clock, config, fetch } = runtime;
  const { url, headers, body, origins } = ready;
  const ms = config.KLEIS_HEADER_TIMEOUT_MS;
  const seconds = Math.round(ms / 1000);
  const reason = () =>
    new KleisError(
      "upstream_timeout",
      `The provider did not begin to respond within ${seconds} seconds. Try again.`,
    );
  return withDeadline({ clock, ms, reason, signal }, async (limit) => {
    const response = await send(fetch, { url, method: "POST", headers, body, origins, signal: limit });
    return decodeContent(runtime, response);
  });
}
