/** Classifies a provider's refusal by that provider's table, and words it for the client. */
import type { JsonObject } from "../../json.ts";
import { type ErrorDetails, formOf, readErrorDetails } from "../../protocols/error-shape.ts";
import type { Refusal, Refused } from "../../providers/refusal.ts";

/** The provider's table, bound to the kind of the account. */
export type Classify = (refused: Omit<Refused, "kind">) => Refusal;

/** A refusal as it was read, before it is classified. */
export interface RefusalResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly said: ErrorDetails;
  readonly form: Refused["form"];
}

/** Beyond this difference (ms) the provider's clock is used instead of ours. */
const SKEW_MS = 5_000;

/** Now by the provider's clock where its response has a date that differs from ours, epoch ms. */
export function providerNow(headers: Headers, now: number): number {
  const date = Date.parse(headers.get("date") ?? "");
  return Math.abs(date - now) > SKEW_MS ? date : now;
}

export function classifyRefusal(
  classify: Classify,
  { status, headers, said, form }: RefusalResponse,
  now: number,
): Refusal {
  const error: JsonObject = { ...said.facts, code: said.code, message: said.message };
  return classify({ status, headers, error, form, now: providerNow(headers, now) });
}

/** The same for the text of a body. */
export function classifyErrorText(
  classify: Classify,
  { status, headers }: Pick<Response, "status" | "headers">,
  source: string,
  now: number,
): Refusal {
  return classifyRefusal(
    classify,
    { status, headers, said: readErrorDetails(source), form: formOf(source) },
    now,
  );
}

/** The provider's message, followed by Kleis's advice where the message does not explain the problem. */
export function withAdvice(message: string, { class: name, advice, isTold }: Refusal): string {
  if (!isTold || advice === null || message.includes(advice)) return message;
  return `${message} [Kleis: ${name.replaceAll("_", " ")}. ${advice}]`;
}
