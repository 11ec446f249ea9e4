/** One promise that every door keeps in the same way, and where it can not be shown. */
import type { World } from "./world.ts";

export type DoorName = "node" | "workers" | "vercel";

export const DOOR_NAMES: readonly DoorName[] = ["node", "workers", "vercel"];

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
  /** Why a door can not show it. Printed in the table. */
  readonly skip?: Partial<Record<DoorName, string>>;
}
