/** From a provider's refusal to what holds for the account's later requests, by this process's clock. */
import { ACCOUNT_SCOPE, type LimitVerdict, scopeCovers } from "../providers/limit.ts";
import type { RefusalLimit } from "../providers/refusal.ts";

export interface RefusedRequest {
  /** The model's id as the provider spells it. */
  readonly model: string;
  /** Counting tokens has limits of its own, which say nothing about inference. */
  readonly counts: boolean;
  /** Epoch ms. */
  readonly now: number;
}

export function verdictOf(limit: RefusalLimit, request: RefusedRequest): LimitVerdict {
  const { model, counts, now } = request;
  const { isStated, code } = limit;
  if (counts) return { class: "content", scope: ACCOUNT_SCOPE, untilMs: null, isStated: false, code };
  const untilMs = limit.waitMs === null ? null : now + limit.waitMs;
  return { class: limit.class, scope: scopeOf(limit.covers, model), untilMs, isStated, code };
}

function scopeOf(covers: RefusalLimit["covers"], model: string): string {
  if (covers === "account") return ACCOUNT_SCOPE;
  // A family that does not hold the model which was refused is not the right one.
  return covers !== "model" && scopeCovers(covers.models, model) ? covers.models : model;
}
