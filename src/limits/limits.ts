/** What one process knows about limits, sessions that moved and the owner's policies. */
import type { Clock } from "../runtime.ts";
import { type Cooling, type CoolingRuntime, createCooling } from "./cooling.ts";
import { createHerd, type Herd } from "./herd.ts";
import { DEFAULT_POLICY, type ProviderPolicy } from "./policy.ts";
import { createSessions, type Sessions } from "./sessions.ts";

export interface Limits {
  readonly cooling: Cooling;
  readonly sessions: Sessions;
  readonly herd: Herd;
  /** The owner's choice for a provider (id); everything is off as long as none is known. */
  policyOf(provider: string): ProviderPolicy;
}

/** `policies`: what is known of the owner's choices; undefined before they were read. */
export function createLimits(
  runtime: CoolingRuntime & { readonly clock: Clock },
  policies: () => ReadonlyMap<string, ProviderPolicy> | undefined,
): Limits {
  const { clock } = runtime;
  return {
    cooling: createCooling(runtime),
    sessions: createSessions(clock),
    herd: createHerd(clock),
    policyOf: (provider) => policies()?.get(provider) ?? DEFAULT_POLICY,
  };
}
