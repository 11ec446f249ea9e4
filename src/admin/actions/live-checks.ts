/** Plans the live checks and runs one at a time, so that each call stays within a host's time limit. */
import { KleisError } from "../../errors.ts";
import { type PlannedCheck, planChecks } from "../../live-checks/plan.ts";
import { type CheckResult, runCheck } from "../../live-checks/run.ts";
import type { AdminDeps } from "../context.ts";
import type { Audit } from "./audit.ts";

export interface LiveCheckActions {
  plan(): Promise<PlannedCheck[]>;
  /** Throws `invalid_request` when the plan has no such check for the account. */
  find(account: string, check: string): Promise<PlannedCheck>;
  run(planned: PlannedCheck, audit: Audit): Promise<CheckResult>;
}

export function createLiveCheckActions(deps: AdminDeps): LiveCheckActions {
  return {
    plan: () => planChecks(deps),
    async find(account, check) {
      const planned = (await planChecks(deps)).find(
        (each) => each.account.id === account && each.check.id === check,
      );
      if (planned !== undefined) return planned;
      throw new KleisError(
        "invalid_request",
        "There is no such check for this account. List them with GET /admin/live-checks.",
      );
    },
    run(planned, audit) {
      audit({ action: "check.run", target: planned.account.id, detail: { check: planned.check.id } });
      return runCheck(deps, planned);
    },
  };
}
