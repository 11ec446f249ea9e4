/**
 * Sends every request that leaves Kleis: to a provider, an identity server or the model registry. A request goes to an
 * allowed origin or not at all, carries only the headers it was given, and follows no redirect.
 */

import { untilAborted } from "./deadline.ts";
import { KleisError } from "./errors.ts";
import type { Fetch } from "./runtime.ts";
import { explain } from "./unreachable.ts";

export interface Outgoing {
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** The origins that this request may go to. */
  readonly origins: readonly string[];
  readonly signal?: AbortSignal;
  /** Returns a redirect as a response instead of an error; it is never followed. */
  readonly keepsRedirect?: boolean;
}

/**
 * Rejects with `upstream_unreachable` when there is no response, with `upstream_invalid_response` when it does not belong to
 * the request, or with the signal's own reason.
 */
export async function send(fetch: Fetch, request: Outgoing): Promise<Response> {
  const { origin } = new URL(request.url);
  if (!request.origins.includes(origin)) {
    throw new KleisError(
      "internal_error",
      "Kleis was about to send to an address that is not configured, and did not.",
    );
  }
  const response = await fetched(fetch, request);
  const error = errorIn(request, response);
  if (error === null) return response;
  await response.body?.cancel();
  throw error;
}

async function fetched(fetch: Fetch, request: Outgoing): Promise<Response> {
  const { url, method, headers, body = null, signal } = request;
  const init: RequestInit = { method, headers, body, redirect: "manual" };
  try {
    if (signal === undefined) return await fetch(url, init);
    const response = fetch(url, { ...init, signal });
    // Raced, not only signalled: a fetch that never settles would block its account's refresh for good.
    return await untilAborted(response, signal).catch((error: unknown) => {
      void response.then((late) => late.body?.cancel()).catch(() => {});
      throw error;
    });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    const { reason, advice } = explain(cause);
    const what = `The provider could not be reached${reason === null ? "" : `: ${reason}`}.`;
    throw new KleisError("upstream_unreachable", `${what} ${advice}`, { cause });
  }
}

/** Why a response is not valid for this request; null when it is. */
function errorIn(request: Outgoing, { type, status }: Response): KleisError | null {
  if (type !== "opaqueredirect" && status < 200) {
    return new KleisError(
      "upstream_unreachable",
      "The provider sent only an informational status and no response. Try again.",
    );
  }
  if (status === 304) {
    // The response to a conditional request, not a redirect (RFC 9110 §15.4.5).
    if (request.method === "GET" && request.headers.has("if-none-match")) return null;
    return new KleisError(
      "upstream_invalid_response",
      "The provider responded with status 304, though the request was not conditional. Try again.",
    );
  }
  if (type === "opaqueredirect" || (status >= 300 && status < 400 && request.keepsRedirect !== true)) {
    return new KleisError(
      "upstream_unreachable",
      "The provider responded with a redirect, which Kleis does not follow. Check the configured address.",
    );
  }
  return null;
}
