/** One promise that every door keeps in the same way, and where it cannot be shown. */
import type { World } from "./world.ts";

/** `native` is Workers with KLEIS_NATIVE_STREAMS=on. */
export type DoorName = "node" | "workers" | "native" | "vercel";

export const DOOR_NAMES: readonly DoorName[] = ["node", "workers", "native", "vercel"];

/** True for both ways of running in workerd. */
export function isWorkers(door: DoorName): boolean {
  return door === "workers" || door === "native";
}

export interface Case {
  readonly area: string;
  /** What a user gets. */
  readonly name: string;
  run(world: World): Promise<void>;
  /**
   * Begins what takes long, beside the other cases; `run` is then called with nothing left to do but to wait. Resolves
   * as soon as the providers' stand-ins have heard of it.
   */
  begin?(world: World): Promise<void>;
  /** Why a door cannot show it; what is said of Workers is true of both ways. Printed in the table. */
  readonly skip?: Partial<Record<DoorName, string>>;
}

/** Why a case is not asked of a door; undefined where it is. */
export function whyNot({ skip }: Case, door: DoorName): string | undefined {
  return skip?.[door] ?? (isWorkers(door) ? skip?.workers : undefined);
}
