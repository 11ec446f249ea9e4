/** Lists and replaces the operator's own models, and fetches models.dev and the accounts' model lists again. */
import { KleisError } from "../../errors.ts";
import { customProblem } from "../../models/catalogue/custom.ts";
import type { CustomModel } from "../../models/catalogue/custom-model.ts";
import type { RefreshOutcome } from "../../models/catalogue/source.ts";
import type { AdminDeps } from "../context.ts";
import type { Audit } from "./audit.ts";

/** The outcome of fetching one account's list; `remarks` are for the owner. */
export interface ListOutcome {
  readonly id: string;
  readonly isRenewed: boolean;
  readonly remarks: readonly string[];
}

export interface ModelActions {
  custom(): Promise<readonly CustomModel[]>;
  /** Replaces the whole list. Throws `invalid_request` when an entry conflicts with the catalogue. */
  setCustom(models: readonly CustomModel[], audit: Audit): Promise<readonly CustomModel[]>;
  refresh(audit: Audit): Promise<{ registry: RefreshOutcome["registry"]; lists: readonly ListOutcome[] }>;
}

export function createModelActions({ providers, models, accountCache }: AdminDeps): ModelActions {
  return {
    custom: () => models.custom(),
    async setCustom(custom, audit) {
      const accounts = await accountCache.list();
      const catalogue = await models.current(accounts);
      const problem = customProblem(custom, { providers, catalogue, accounts });
      if (problem !== null) {
        throw new KleisError("invalid_request", problem.message, { param: problem.param });
      }
      await models.setCustom(custom);
      const ids = custom.map(({ id }) => id);
      audit({
        action: "models.set",
        ...(ids.length === 0 ? {} : { target: ids.join(",") }),
        detail: { models: ids },
      });
      return custom;
    },
    async refresh(audit) {
      accountCache.forget();
      const all = await accountCache.list();
      const { registry, accounts } = await models.refresh(all);
      audit({ action: "models.refresh" });
      const statuses = await models.listStatuses(all);
      const lists = [...accounts].map(([id, isRenewed]) => ({
        id,
        isRenewed,
        remarks: statuses.get(id)?.remarks ?? [],
      }));
      return { registry, lists };
    },
  };
}
