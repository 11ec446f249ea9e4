/** Starts a sign-in and takes it further, one step per call. */
import type * as z from "zod/mini";
import { SignInFlow, type Started, type Step } from "../../accounts/sign-in/sign-in.ts";
import type { oauthCompleteBody, oauthStartBody } from "../api/schemas.ts";
import type { AdminDeps } from "../context.ts";
import type { Audit } from "./audit.ts";

export interface SignInActions {
  /** `isLocal`: whether the request comes from the machine that Kleis runs on. Throws `KleisError`. */
  start(
    provider: string,
    options: z.output<typeof oauthStartBody>,
    isLocal: boolean,
    audit: Audit,
  ): Promise<Started>;
  /** A thrown `KleisError` leaves the sign-in open unless its `param` is `state`. */
  complete(provider: string, options: z.output<typeof oauthCompleteBody>, audit: Audit): Promise<Step>;
}

export function createSignInActions(deps: AdminDeps): SignInActions {
  const connect = new SignInFlow(deps, ({ id }) =>
    deps.audit.by("browser")({ action: "account.connect", target: id }),
  );
  return {
    async start(provider, { mode, enterprise_domain }, isLocal, audit) {
      const started = await connect.start(provider, {
        ...(mode === undefined ? {} : { mode }),
        ...(enterprise_domain === undefined ? {} : { enterpriseDomain: enterprise_domain }),
        local: isLocal,
      });
      audit({ action: "signin.start", target: provider, detail: { method: started.method } });
      return started;
    },
    async complete(provider, { state, code }, audit) {
      const step = await connect.complete(provider, state, code, ({ id }) =>
        audit({ action: "account.connect", target: id }),
      );
      if (step.status === "connected") deps.models.connected([step.account]);
      return step;
    },
  };
}

/** Whole seconds until the next step may be taken, at least one. */
export function retryAfterSeconds({ retryAfterMs }: { retryAfterMs: number }): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000));
}
