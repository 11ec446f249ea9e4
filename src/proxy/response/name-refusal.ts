/** A refusal of the provider's, named by its table, and what the client is told of it. */
import type { JsonObject } from "../../json.ts";
import { formOf, readSaidError, type SaidError } from "../../protocols/error-shape.ts";
import type { Refusal, Refused } from "../../providers/refusal.ts";

/** The provider's table for the kind of account that asks. */
export type Classify = (refused: Omit<Refused, "kind">) => Refusal;

/** What is known of a refusal before it is named. */
export interface Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly said: SaidError;
  readonly form: Refused["form"];
}

/** Beyond this difference (ms) the provider's clock counts instead of ours. */
const SKEW_MS = 5_000;

/** Now by the provider's clock, where its answer has a date that differs from ours. Epoch ms. */
export function nowBy(headers: Headers, now: number): number {
  const date = Date.parse(headers.get("date") ?? "");
  return Math.abs(date - now) > SKEW_MS ? date : now;
}

export function nameRefusal(
  classify: Classify,
  { status, headers, said, form }: Heard,
  now: number,
): Refusal {
  const error: JsonObject = { ...said.facts, code: said.code, message: said.message };
  return classify({ status, headers, error, form, now: nowBy(headers, now) });
}

/** The same for the text of a body. */
export function nameText(
  classify: Classify,
  { status, headers }: Pick<Response, "status" | "headers">,
  source: string,
  now: number,
): Refusal {
  return nameRefusal(classify, { status, headers, said: readSaidError(source), form: formOf(source) }, now);
}

/** The provider's words, with ours behind them where they do not say what stands in the way. */
export function told(message: string, { class: name, advice, isTold }: Refusal): string {
  if (!isTold || advice === null || message.includes(advice)) return message;
  return `${message} [Kleis: ${name.replaceAll("_", " ")}. ${advice}]`;
}
