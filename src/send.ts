/**
 * The one way out: every request to a provider, an identity server or the model registry is sent here.
 * It goes to an allowed origin or not at all, carries only the headers it was given, and follows no redirect.
 */
import { KleisError } from "./errors.ts";
import type { Fetch } from "./runtime.ts";

export interface Outgoing {
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** The origins that this request may go to. */
  readonly origins: readonly string[];
  readonly signal?: AbortSignal;
}

/** Sends it. Rejects with `upstream_unreachable` when there is no answer, or with the signal's own reason. */
export async function send(fetch: Fetch, request: Outgoing): Promise<Response> {
  const { origin } = new URL(request.url);
  if (!request.origins.includes(origin)) {
    throw new KleisError(
      "internal_error",
      "Kleis was about to send to an address that is not configured, and did not.",
    );
  }
  let response: Response;
  try {
    response = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
      redirect: "manual",
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
  } catch (cause) {
    if (request.signal?.aborted) throw request.signal.reason;
    throw new KleisError(
      "upstream_unreachable",
      "The provider could not be reached. Check the network of the machine that Kleis runs on.",
      { cause },
    );
  }
  if (response.type === "opaqueredirect" || isRedirect(response.status)) {
    await response.body?.cancel();
    throw new KleisError(
      "upstream_unreachable",
      "The provider answered with a redirect, which Kleis does not follow. Check the configured address.",
    );
  }
  return response;
}

/** 304 is the answer to a conditional request, not the way to somewhere else. */
function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}
