/** Gets an account's list of models, in one piece or page by page, within one time limit and one limit on its size. */
import { parseJson } from "../../json.ts";
import type { ListPages } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import { type FetchBytes, fetchBytes } from "../registry/fetch.ts";

/** A list with more pages than this is taken for one without an end. */
export const MAX_PAGES = 20;

export type FetchedList = { ok: true; body: unknown } | { ok: false; reason: string };

/** `timeoutMs` and `maxBytes` are for all pages together. Every failure is a reason, not an exception. */
export async function fetchList(
  net: Pick<Runtime, "fetch" | "clock">,
  request: FetchBytes,
  pages: ListPages | undefined,
): Promise<FetchedList> {
  const until = net.clock.now() + request.timeoutMs;
  const bodies: unknown[] = [];
  const asked = new Set<string>();
  let left = request.maxBytes;
  let url: string | null = request.url;
  while (url !== null) {
    if (asked.has(new URL(url).href)) return { ok: false, reason: "its pages repeat" };
    if (bodies.length === MAX_PAGES) return { ok: false, reason: `it has more than ${MAX_PAGES} pages` };
    asked.add(new URL(url).href);
    const timeoutMs = Math.max(until - net.clock.now(), 1);
    const got = await fetchBytes(net, { ...request, url, timeoutMs, maxBytes: left });
    if (got.status !== "ok") {
      const reason = got.status === "refused" ? got.reason : "status 304";
      return { ok: false, reason: bodies.length === 0 ? reason : `page ${bodies.length + 1}: ${reason}` };
    }
    left -= got.bytes.length;
    const body = parseJson(new TextDecoder().decode(got.bytes));
    bodies.push(body);
    url = pages?.next(url, body) ?? null;
  }
  return { ok: true, body: pages === undefined ? bodies[0] : pages.join(bodies) };
}
