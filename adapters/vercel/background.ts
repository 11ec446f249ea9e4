/**
 * Background work on Vercel. The platform puts the current request's context behind a well-known symbol, which is what
 * `waitUntil` of @vercel/functions reads as well (Vercel's documentation of `waitUntil`, 2026-11).
 */
const CONTEXT = Symbol.for("@vercel/request-context");

interface RequestContext {
  waitUntil?(work: Promise<unknown>): void;
}

/** Keeps the function alive until the work has settled. Outside Vercel the process lives anyway. */
export function waitUntil(work: Promise<unknown>): void {
  const settled = work.catch(() => {});
  const holder = Reflect.get(globalThis, CONTEXT) as { get?(): RequestContext | undefined } | undefined;
  holder?.get?.()?.waitUntil?.(settled);
}
