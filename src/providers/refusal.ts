/** A provider's refusal: the response as it is read, its class, its scope, and when it ends. */
import type { JsonObject } from "../json.ts";
import type { LimitClass } from "./limit.ts";

/**
 * Why a provider refuses.
 *
 * - `version_gate`: it serves this model to newer clients only, or does not know the model.
 * - `identity`: it does not accept the client that Kleis presents.
 * - `plan`: the plan, seat or key does not include what was asked for.
 * - `policy`: an administrator's or the vendor's rule forbids it, up to a stopped account.
 * - `metering`: it bills requests of this kind apart from the plan, and that credit is missing.
 * - `limit`: a rate, a window of the plan, a budget or the credit is used up.
 * - `login`: the sign-in or key is not accepted any more.
 * - `network`: something between refused, be it the provider's edge or a proxy on the way.
 * - `overload`: the provider cannot serve anybody for now.
 * - `content`: the request's own fault.
 * - `unknown`: none of these can be read from it.
 */
export const CLASSES = [
  "version_gate",
  "identity",
  "plan",
  "policy",
  "metering",
  "limit",
  "login",
  "network",
  "overload",
  "content",
  "unknown",
] as const;
export type RefusalClass = (typeof CLASSES)[number];

/** The classes in plain words, without a full stop. */
export const CLASS_WORDS: Record<RefusalClass, string> = {
  version_gate: "Version gate: this model is for newer clients, or not known",
  identity: "Identity: Kleis is not accepted as a client",
  plan: "Plan: what was asked for is not part of it",
  policy: "Policy: a rule of the vendor or an administrator forbids it",
  metering: "Metering: requests of this kind are billed apart from the plan",
  limit: "Limit: a window, a budget or the credit is used up",
  login: "Sign-in: it is not accepted",
  network: "Network: something on the way refuses",
  overload: "Overload: the provider takes no requests for now",
  content: "Content: the request itself was refused",
  unknown: "Refused, for a reason that is not known",
};

/**
 * What else the refusal holds for: other requests for the same model, all requests with the account, all that go the same
 * way (`route`: the provider's edge, its service as a whole), or no other request.
 */
export const SCOPES = ["request", "model", "account", "route"] as const;
export type RefusalScope = (typeof SCOPES)[number];

/** A refusal of the provider's, read. */
export interface Refused {
  /** The status of the response, or the one that a failure inside a stream stands for. */
  readonly status: number;
  /** The kind of account that asked. */
  readonly kind: "oauth" | "api_key";
  readonly headers: Headers;
  /** The error object of the body, or whatever object stands in its place; empty where there is none. */
  readonly error: JsonObject;
  /** What the body is: JSON, a page of markup, other text, or nothing. */
  readonly form: "json" | "page" | "text" | "empty";
  /** Epoch ms, by the provider's clock if the response has it. */
  readonly now: number;
}

/** Why the same request is refused again for as long as nothing changes. */
export interface Lasting {
  /** A window of the plan is used up, money is missing, the account lacks a right, or it must sign in again. */
  readonly why: "usage" | "billing" | "denied" | "login";
  /** When that ends, Unix seconds; null where the provider does not say. */
  readonly until: number | null;
}

/** What the refusal says about the account's limits. */
export interface RefusalLimit {
  readonly class: LimitClass;
  /** The account, the model that was asked for, or every model whose id matches: `*` stands for any characters. */
  readonly covers: "account" | "model" | { readonly models: string };
  /** How long it lasts from now on, ms, whatever the provider's clock says; null where nothing is known. */
  readonly waitMs: number | null;
  /** True where the response itself states the end; otherwise the provider's documentation does. */
  readonly isStated: boolean;
  /** The provider's code, otherwise the class. */
  readonly code: string;
}

/** A refusal, named. */
export interface Refusal {
  readonly class: RefusalClass;
  readonly scope: RefusalScope;
  /** Null for one that may pass in a moment, and for one of which the status alone tells agents enough. */
  readonly lasting: Lasting | null;
  readonly limit: RefusalLimit;
  /** What the owner can do, one sentence or two; null where nothing is known to help. */
  readonly advice: string | null;
  /** The client reads the advice, too, behind the provider's own words. */
  readonly isTold: boolean;
}

/**
 * True where the provider does not serve the model to this account, whatever is asked: such a model leaves the account's
 * list until that is read again.
 */
export function refusesModel({ class: name, scope }: Refusal): boolean {
  return scope === "model" && (name === "version_gate" || name === "plan" || name === "policy");
}

/** True for a decision of the vendor's or of an administrator's about this client or owner: nothing is sent around it. */
export function isFinal({ class: name }: Pick<Refusal, "class">): boolean {
  return name === "policy" || name === "identity";
}
