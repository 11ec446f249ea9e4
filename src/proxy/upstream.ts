/**
 * Sends a prepared request, with a limit on the wait for headers. Sends it once more where a fresh token answers a 401 or
 * the account's right host a 421, and once more without sealed reasoning that the provider could not read. Never around a
 * decision about the client or the owner (identity, policy).
 */
import { readBytes } from "../bytes.ts";
import { withDeadline, withTimeout } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import { isFinal, type Refusal } from "../providers/refusal.ts";
import type { Runtime } from "../runtime.ts";
import { send } from "../send.ts";
import type { ReadyRequest } from "./pipeline.ts";
import { withoutCoding } from "./response/content-coding.ts";
import { nameText } from "./response/name-refusal.ts";
import { bodySource } from "./stream/body-source.ts";

export interface Attempt {
  readonly runtime: Runtime;
  readonly first: ReadyRequest;
  /** The request with another credential after a 401, or null when there is none to try. */
  readonly renew: () => Promise<ReadyRequest | null>;
  /** The request at the account's right host after a 421, or null when that is not known to be another. */
  readonly relocate: () => Promise<ReadyRequest | null>;
  /** The request that was sent last, without sealed reasoning. */
  readonly unseal: () => Promise<ReadyRequest>;
}

/** How much of a refusal is read for its reason, bytes. */
const MAX_REFUSAL_BYTES = 256 * 1024;
/** How long its body may take to come, ms. */
const REFUSAL_WAIT_MS = 10_000;

/** The provider's answer, whatever its status. Rejects with `upstream_unreachable` or `upstream_timeout`. */
export async function sendUpstream(attempt: Attempt, signal: AbortSignal): Promise<Response> {
  const { response, sent } = await sendAsAccount(attempt, signal);
  if (response.status === 421 && sent.servedNowhere !== undefined) {
    return misdirected(attempt.runtime, response, sent.servedNowhere);
  }
  if (sent.sealRefused === undefined || response.status !== 400) return response;
  const refusal = await peekRefusal(attempt.runtime, response);
  if (!sent.sealRefused(refusal) || isFinal(named(attempt, sent, response, refusal))) return response;
  // Nothing may be left without it: then the provider's own words are the better answer.
  const unsealed = await attempt.unseal().catch(() => null);
  if (unsealed === null) return response;
  await response.body?.cancel();
  return sendOnce(attempt, unsealed, signal);
}

/** True for a decision about this client or owner, which no other credential and no other host is to get around. */
async function standsFor(attempt: Attempt, sent: ReadyRequest, response: Response): Promise<boolean> {
  return isFinal(named(attempt, sent, response, await peekRefusal(attempt.runtime, response)));
}

function named(
  { runtime }: Attempt,
  { classify }: ReadyRequest,
  response: Response,
  source: string,
): Refusal {
  return nameText(classify, response, source, runtime.clock.now());
}

/** The refusal of the last host, with what the owner can do. */
async function misdirected(runtime: Runtime, response: Response, wayOut: string): Promise<Response> {
  const said = (await peekRefusal(runtime, response)).trim();
  await response.body?.cancel();
  const headers = new Headers(response.headers);
  headers.set("content-type", "application/json");
  const message = said === "" || said.length > 200 ? wayOut : `${wayOut} The provider said: ${said}`;
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

async function sendAsAccount(
  attempt: Attempt,
  signal: AbortSignal,
): Promise<{ response: Response; sent: ReadyRequest }> {
  const { first } = attempt;
  const response = await sendOnce(attempt, first, signal);
  const next = { 401: attempt.renew, 421: attempt.relocate }[response.status];
  if (next === undefined || (await standsFor(attempt, first, response))) return { response, sent: first };
  const second = await next().catch(async (error: unknown) => {
    await response.body?.cancel();
    throw error;
  });
  if (second === null) return { response, sent: first };
  await response.body?.cancel();
  return { response: await sendOnce(attempt, second, signal), sent: second };
}

async function sendOnce({ runtime }: Attempt, ready: ReadyRequest, signal: AbortSignal): Promise<Response> {
  const { clock, config } = runtime;
  const ms = config.KLEIS_HEADER_TIMEOUT_MS;
  const reason = () =>
    new KleisError(
      "upstream_timeout",
      `The provider did not begin to answer within ${Math.round(ms / 1000)} seconds. Try again.`,
    );
  const { url, headers, body, origins } = ready;
  return withDeadline({ clock, ms, reason, signal }, async (limit) => {
    const response = await send(runtime.fetch, {
      url,
      method: "POST",
      headers,
      body,
      origins,
      signal: limit,
    });
    return withoutCoding(runtime, response);
  });
}
