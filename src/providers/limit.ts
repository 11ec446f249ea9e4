/** What a provider's response says about the limits of the account that made the request. */

/**
 * - `content`: the request's own fault, or a rule about it. No other request is affected.
 * - `burst`: too many requests within seconds to a minute.
 * - `overload`: the provider's service as a whole, or the app that all accounts of Kleis share.
 * - `edge`: something on the way to the provider.
 * - `this_request`: this kind of request is billed apart from the plan.
 * - `window`: a window of the plan is used up for the account.
 * - `model_window`: the same for one model or family.
 * - `billing`: credit, a cap or a monthly quota is used up.
 * - `denied`: the plan, seat or workspace does not include it.
 * - `auth`: the sign-in or key is not accepted.
 * - `blocked`: the vendor has stopped the account.
 */
export const LIMIT_CLASSES = [
  "content",
  "burst",
  "overload",
  "edge",
  "this_request",
  "window",
  "model_window",
  "billing",
  "denied",
  "auth",
  "blocked",
] as const;
export type LimitClass = (typeof LIMIT_CLASSES)[number];

/** The classes after which an account rests. No other class changes what a later request does. */
export const COOLING_CLASSES = ["window", "model_window", "billing", "denied", "blocked"] as const;
export type CoolingClass = (typeof COOLING_CLASSES)[number];

export function isCooling(name: LimitClass): name is CoolingClass {
  return (COOLING_CLASSES as readonly LimitClass[]).includes(name);
}

/** The scope of a limit that holds for all of an account's models. */
export const ACCOUNT_SCOPE = "*";

export interface LimitVerdict {
  readonly class: LimitClass;
  /**
   * `*` for the account, otherwise a model's id as the provider spells it; `*` within it stands for any characters, so
   * that `claude-opus-*` is a family.
   */
  readonly scope: string;
  /** When it ends, epoch ms by this process's clock; null where neither the provider nor its documentation says. */
  readonly untilMs: number | null;
  /** True where the response itself states the end. Only such a limit may refuse requests without asking the provider. */
  readonly isStated: boolean;
  /** The provider's code, otherwise the class. */
  readonly code: string;
}

/** Whether a limit of this scope holds for a request for this model. */
export function scopeCovers(scope: string, model: string): boolean {
  if (scope === ACCOUNT_SCOPE || scope === model) return true;
  if (!scope.includes("*")) return false;
  const parts = scope.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(model);
}
