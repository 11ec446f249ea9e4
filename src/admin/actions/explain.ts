/** How a request would be decided now: calls no provider, counts nothing and changes nothing. */
import type * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { Limits } from "../../limits/limits.ts";
import { viewOf } from "../../limits/record.ts";
import { sessionOf } from "../../limits/sessions.ts";
import { RequestTrace } from "../../limits/trace.ts";
import { AccountChooser } from "../../proxy/choose-account.ts";
import { resolveModel } from "../../proxy/request/resolve-model.ts";
import type { explainBody } from "../api/schemas.ts";
import type { AdminDeps } from "../context.ts";
import { notFound } from "../errors.ts";

export interface Explanation {
  readonly provider: string | null;
  /** The model's id as the provider spells it. */
  readonly model: string | null;
  /** The account that would serve; null where the request would be refused. */
  readonly account: string | null;
  /** Why it would be refused; null where it would not. */
  readonly refusal: { readonly code: string; readonly message: string } | null;
  readonly decisions: readonly JsonObject[];
}

/** Throws `not_found` for an unknown key. `adminUrl` stands in the words of a refusal. */
export type Explain = (request: z.output<typeof explainBody>, adminUrl: string) => Promise<Explanation>;

export function createExplain(deps: AdminDeps): Explain {
  const { runtime, accountCache } = deps;
  return async ({ model, key: keyId, protocol: operation, session: name, at }, adminUrl) => {
    const key = await runtime.storage.keys.get(keyId);
    if (key === null) throw notFound("key");
    const trace = new RequestTrace();
    const call = { forced: undefined, key, adminUrl, operation, trace };
    let provider: string | null = null;
    let resolved: string | null = null;
    const explained = (account: string | null, refusal: Explanation["refusal"]): Explanation => ({
      provider,
      model: resolved,
      account,
      refusal,
      decisions: trace.decisions.map(viewOf),
    });
    try {
      const accounts = await accountCache.list();
      const target = await resolveModel(deps, call, model, accounts);
      provider = target.provider.id;
      resolved = target.resolved.model;
      const session = await sessionNamed(name, { keyId, provider });
      const chooser = new AccountChooser(atTime(deps, at), call, target, { accounts, session });
      return explained(chooser.first().account.id, null);
    } catch (error) {
      if (!(error instanceof KleisError) || error.status >= 500) throw error;
      return explained(null, { code: error.code, message: error.message });
    }
  };
}

function sessionNamed(name: string | undefined, of: { keyId: string; provider: string }) {
  const headers = new Headers(name === undefined ? {} : { "x-session-id": name });
  return sessionOf({ ...of, headers, userId: null, cacheKey: null });
}

/** The same at another time (epoch ms), as far as is known now. */
function atTime({ runtime, limits }: Pick<AdminDeps, "runtime" | "limits">, at: number | undefined) {
  if (at === undefined) return { runtime, limits };
  const of: Limits["cooling"]["of"] = (accountId, model) => {
    const cooling = limits.cooling.of(accountId, model);
    return cooling && { ...cooling, phase: at < cooling.until ? "active" : "over" };
  };
  const rowOf: Limits["cooling"]["rowOf"] = (accountId, model) => limits.cooling.rowOf(accountId, model);
  return { runtime: { clock: { now: () => at } }, limits: { ...limits, cooling: { of, rowOf } } };
}
