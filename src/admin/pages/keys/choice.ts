/** The keys that a page offers in a select. The number is limited so that the list stays readable. */

import type { KeyRecord } from "../../../storage/port.ts";
import { keyStatus } from "../../ui/format.ts";
import type { PageDeps } from "../context.ts";

export interface KeyChoice {
  /** The newest working keys, and the requested one. */
  readonly keys: readonly KeyRecord[];
  /** The requested key, if it works. */
  readonly requested: KeyRecord | undefined;
  /** True when there are more working keys. */
  readonly isCut: boolean;
}

/** The most keys in the list. */
const OFFERED = 100;

export async function keyChoice(
  { runtime: { storage } }: PageDeps,
  now: number,
  id: string | undefined,
): Promise<KeyChoice> {
  const page = await storage.keys.list({ limit: OFFERED }, { state: "working", now });
  const keys = page?.entries ?? [];
  const isCut = page?.hasAfter ?? false;
  const listed = keys.find((key) => key.id === id);
  if (listed !== undefined || !isCut || !id) return { keys, requested: listed, isCut };
  const other = await storage.keys.get(id);
  const requested = other !== null && keyStatus(other, now).tone === "good" ? other : undefined;
  return { keys: requested === undefined ? keys : [requested, ...keys], requested, isCut };
}

export async function hasWorkingKey({ runtime: { storage } }: PageDeps, now: number): Promise<boolean> {
  const page = await storage.keys.list({ limit: 1 }, { state: "working", now });
  return page !== null && page.entries.length > 0;
}
