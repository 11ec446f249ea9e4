/**
 * Sends a prepared request: with a limit on the wait for headers, and once more where a fresh token mends a 401, or the
 * account's right host a 421.
 */
import { KleisError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { send } from "../send.ts";
import type { ReadyRequest } from "./handle.ts";

export interface Attempt {
  readonly runtime: Runtime;
  readonly first: ReadyRequest;
  /** The request with another credential after a 401, or null when there is none to try. */
  readonly renew: () => Promise<ReadyRequest | null>;
  /** The request at the account's right host after a 421, or null when that is not known to be another. */
  readonly relocate: () => Promise<ReadyRequest | null>;
}

/** The provider's answer, whatever its status. Rejects with `upstream_unreachable` or `upstream_timeout`. */
export async function sendUpstream(attempt: Attempt, signal: AbortSignal): Promise<Response> {
  const response = await sendOnce(attempt, attempt.first, signal);
  const mend = { 401: attempt.renew, 421: attempt.relocate }[response.status];
  if (mend === undefined) return response;
  const second = await mend().catch(async (error: unknown) => {
    await response.body?.cancel();
    throw error;
  });
  if (second === null) return response;
  await response.body?.cancel();
  return sendOnce(attempt, second, signal);
}

async function sendOnce({ runtime }: Attempt, ready: ReadyRequest, signal: AbortSignal): Promise<Response> {
  const limit = runtime.config.KLEIS_HEADER_TIMEOUT_MS;
  const own = new AbortController();
  const leave = () => own.abort(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave);
  const answered = new AbortController();
  void runtime.clock.sleep(limit, answered.signal).then(() => {
    if (!answered.signal.aborted) {
      const seconds = Math.round(limit / 1000);
      own.abort(
        new KleisError(
          "upstream_timeout",
          `The provider did not begin to answer within ${seconds} seconds. Try again.`,
        ),
      );
    }
  });
  try {
    return await send(runtime.fetch, {
      url: ready.url,
      method: "POST",
      headers: ready.headers,
      body: ready.body,
      origins: ready.origins,
      signal: own.signal,
    });
  } finally {
    answered.abort("answered");
  }
}
