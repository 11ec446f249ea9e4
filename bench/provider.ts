/** The provider's process as the benchmarks steer it. */
import { type Program, startNode } from "./process.ts";
import type { Plan } from "./upstream.ts";

export interface Provider {
  program: Program;
  /** What every stream that begins from now on brings. */
  plan(plan: Plan): Promise<void>;
  /** How many streams are open. */
  open(): Promise<number>;
}

export async function startProvider(bundle: string): Promise<Provider> {
  const program = await startNode(bundle, {});
  return {
    program,
    async plan(plan) {
      await fetch(`${program.url}/plan`, { method: "POST", body: JSON.stringify(plan) });
    },
    open: async () => Number(await (await fetch(`${program.url}/open`)).text()),
  };
}
