/**
 * Gets a list of models from elsewhere: one request, one time limit for all of it, one limit on its size. Every way in
 * which it can fail is a reason in words, none is an exception.
 */

import { type Bytes, isGzip } from "../../bytes.ts";
import { withDeadline } from "../../deadline.ts";
import { errorCodeOf } from "../../error-code.ts";
import { KleisError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { send } from "../../send.ts";
import { type ByteStream, gunzip, readAll, TooLarge } from "./bytes.ts";

export interface FetchBytes {
  readonly url: string;
  readonly headers: Headers;
  /** The origins that it may go to. */
  readonly origins: readonly string[];
  /** ms, until the last byte. */
  readonly timeoutMs: number;
  /** Of the unpacked body. */
  readonly maxBytes: number;
}

export type FetchedBytes =
  | { status: "ok"; bytes: Bytes; etag: string | null }
  | { status: "unchanged" }
  | { status: "refused"; reason: string };

type Net = Pick<Runtime, "fetch" | "clock">;

export async function fetchBytes(net: Net, request: FetchBytes): Promise<FetchedBytes> {
  const { timeoutMs: ms } = request;
  const reason = () => new KleisError("upstream_timeout", `no complete response within ${ms} ms`);
  try {
    return await withDeadline({ clock: net.clock, ms, reason }, (signal) => exchange(net, request, signal));
  } catch (error) {
    return { status: "refused", reason: reasonOf(error) };
  }
}

async function exchange(net: Net, request: FetchBytes, signal: AbortSignal): Promise<FetchedBytes> {
  const { url, headers, origins, maxBytes } = request;
  const response = await send(net.fetch, { url, method: "GET", headers, origins, signal });
  if (response.status === 304) return { status: "unchanged" };
  if (!response.ok) {
    await response.body?.cancel();
    return { status: "refused", reason: `status ${response.status}` };
  }
  const bytes = await unpacked(response.body, maxBytes);
  return { status: "ok", bytes, etag: response.headers.get("etag") };
}

/** Some runtimes unpack what is labelled as gzip and keep the label, some do not unpack: the bytes tell. */
async function unpacked(body: ByteStream | null, maxBytes: number): Promise<Bytes> {
  if (body === null) return new Uint8Array(0);
  const bytes = await readAll(body, maxBytes);
  return isGzip(bytes) ? gunzip(bytes, maxBytes) : bytes;
}

function reasonOf(error: unknown): string {
  if (error instanceof TooLarge || error instanceof KleisError) return error.message;
  const code = errorCodeOf(error);
  return `the response broke off or could not be decompressed${code === undefined ? "" : ` (${code})`}`;
}
