/** The limits of accounts as the page shows them, and what becomes of requests meanwhile. */
import { decide } from "../../../limits/decide.ts";
import { decisionInputs } from "../../../limits/inputs.ts";
import type { ProviderPolicy } from "../../../limits/policy.ts";
import type { AccountRecord, LimitRow } from "../../../storage/port.ts";
import type { AdminDeps } from "../../context.ts";

export interface LimitView {
  /** By account id; only of accounts that are limited. */
  readonly limits: ReadonlyMap<string, readonly LimitRow[]>;
  /** In words, by account id. */
  readonly consequences: ReadonlyMap<string, string>;
}

export async function limitView(
  { runtime, limits, providers }: Pick<AdminDeps, "runtime" | "limits" | "providers">,
  accounts: readonly AccountRecord[],
  policies: ReadonlyMap<string, ProviderPolicy>,
): Promise<LimitView> {
  const { cooling } = limits;
  // What other processes have learned.
  cooling.learn(await runtime.storage.limits.read());
  const now = runtime.clock.now();
  const rows = new Map<string, readonly LimitRow[]>();
  for (const row of cooling.rows()) rows.set(row.accountId, [...(rows.get(row.accountId) ?? []), row]);
  const consequences = new Map<string, string>();
  for (const { id: provider } of providers) {
    const failover = policies.get(provider)?.failover ?? "off";
    const sources = { accounts, provider, bound: null, tried: [], now, model: "" };
    const inputsWith = (of: typeof cooling.of, policy: "off" | "own_accounts") =>
      decisionInputs({
        ...sources,
        policy: { failover: policy, maySpend: false },
        canServe: () => true,
        inScope: () => true,
        cooling: of,
      });
    const usual = decide(inputsWith(() => null, "off"));
    if (!usual.ok || !rows.has(usual.accountId)) continue;
    const next = decide(inputsWith((id, model) => cooling.of(id, model), failover));
    const taking = next.ok ? accounts.find(({ id }) => id === next.accountId) : undefined;
    consequences.set(usual.accountId, consequenceOf(failover, usual.accountId, taking));
  }
  return { limits: rows, consequences };
}

function consequenceOf(
  failover: ProviderPolicy["failover"],
  limited: string,
  taking: AccountRecord | undefined,
): string {
  if (taking?.id === limited) return "Requests go on being sent to it.";
  if (taking !== undefined) return `Requests move to ${taking.label} meanwhile.`;
  return failover === "off"
    ? "Requests are refused meanwhile: no other account takes over."
    : "Requests are refused meanwhile: no other account is free.";
}
