/** The ways of running Kleis that agents are tried on, each as it is shipped. */
import type { DoorName } from "../conformance/case.ts";

export interface LabDoor {
  readonly name: string;
  /** What the conformance harness calls it. */
  readonly stage: DoorName;
}

export const DOORS: readonly LabDoor[] = [
  { name: "node", stage: "node" },
  { name: "workerd", stage: "workers" },
  { name: "vercel", stage: "vercel" },
];
