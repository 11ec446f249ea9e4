/** The keys that a page offers to choose from. However many there are, a list to choose from stays one that people read. */

import type { KeyRecord } from "../../../storage/port.ts";
import { keyState } from "../../ui/format.ts";
import type { PageDeps } from "../context.ts";

export interface KeyChoice {
  /** The newest that work, and the one that was asked for. */
  readonly keys: readonly KeyRecord[];
  /** The one that was asked for, when it works. */
  readonly asked: KeyRecord | undefined;
  /** True when there are more. */
  readonly isCut: boolean;
}

/** Keys in a list to choose from. */
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
  if (listed !== undefined || !isCut || !id) return { keys, asked: listed, isCut };
  const other = await storage.keys.get(id);
  const asked = other !== null && keyState(other, now).tone === "good" ? other : undefined;
  return { keys: asked === undefined ? keys : [asked, ...keys], asked, isCut };
}

export async function hasWorkingKey({ runtime: { storage } }: PageDeps, now: number): Promise<boolean> {
  const page = await storage.keys.list({ limit: 1 }, { state: "working", now });
  return page !== null && page.entries.length > 0;
}
