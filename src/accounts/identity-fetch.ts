/**
 * Network access for a provider's sign-in, refresh and account lookups: only its identity origins, complete responses of
 * bounded size, bounded time. Knows no provider.
 */

import { type Bytes, readBytes } from "../bytes.ts";
import { withDeadline } from "../deadline.ts";
import { errorCodeOf } from "../error-code.ts";
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { IdentityFetch, Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import { send } from "../send.ts";

/** Default time limit of a call, including the response body (providers/claude.md §1.5), ms. */
export const IDENTITY_TIMEOUT_MS = 30_000;

/** Time limits, ms. */
export interface NetLimits {
  /** Of each call, including the response body. */
  callMs?: number;
  /** Of all calls together, from now on: after it, nothing more is sent and running calls are aborted. */
  totalMs?: number;
}

/** Responses of identity servers are a few KB; a list of models is the largest. */
const MAX_RESPONSE_BYTES = 2 * 1024 * 1024;

/** Network access for an account with this metadata. Throws what `Provider.identityOrigins` throws. */
export function createIdentityFetch(
  runtime: Runtime,
  provider: Pick<Provider, "identityOrigins">,
  metadata: JsonObject,
  { callMs = IDENTITY_TIMEOUT_MS, totalMs = Number.POSITIVE_INFINITY }: NetLimits = {},
): IdentityFetch {
  const origins = provider.identityOrigins?.(metadata, runtime.config) ?? [];
  const deadline = runtime.clock.now() + totalMs;
  return {
    fetch: (url, init) => {
      const limitMs = Math.min(callMs, deadline - runtime.clock.now());
      return fetchWhole(runtime, origins, limitMs, url, init);
    },
    now: () => runtime.clock.now(),
    random: (bytes) => runtime.random(bytes),
  };
}

async function fetchWhole(
  { fetch, clock }: Runtime,
  origins: readonly string[],
  limitMs: number,
  url: string,
  init: Parameters<IdentityFetch["fetch"]>[1],
): Promise<Response> {
  if (limitMs <= 0) throw tooSlow(limitMs);
  // Use a new connection: when a kept-alive one turns out closed, some runtimes send again, but codes and refresh
  // tokens can be used only once.
  const headers = new Headers(init.headers);
  headers.set("connection", "close");
  const { method, body } = init;
  const request = {
    url,
    method: method === "GET" ? ("GET" as const) : ("POST" as const),
    headers,
    ...(typeof body === "string" ? { body } : {}),
    origins,
  };
  return withDeadline({ clock, ms: limitMs, reason: () => tooSlow(limitMs) }, async (signal) => {
    const response = await send(fetch, { ...request, signal });
    const bytes = await readWhole(response, signal);
    const isBodyless = response.status === 204 || response.status === 205;
    return new Response(isBodyless ? null : bytes, { status: response.status, headers: response.headers });
  });
}

async function readWhole(response: Response, signal: AbortSignal): Promise<Bytes> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const stop = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop);
  const { bytes, isCut } = await readBytes(reader, MAX_RESPONSE_BYTES)
    .catch((cause: unknown) => {
      const code = errorCodeOf(cause);
      throw new KleisError(
        "upstream_unreachable",
        `The connection to the provider's identity server broke before the response was complete${code === undefined ? "" : ` (${code})`}. Try again.`,
        { cause },
      );
    })
    .finally(() => signal.removeEventListener("abort", stop));
  if (!isCut) return bytes;
  throw new KleisError(
    "upstream_invalid_response",
    "The provider's identity server sent a response of more than 2 MiB, which was not read. Try again.",
  );
}

function tooSlow(limitMs: number): KleisError {
  const time = limitMs > 0 ? `within ${Math.ceil(limitMs / 1000)} seconds` : "in time";
  return new KleisError(
    "upstream_timeout",
    `The provider's identity server did not respond ${time}. Try again.`,
  );
}
