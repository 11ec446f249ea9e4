/** An error that comes after the client's stream has begun, as the failure that ends the stream. */
import type { KleisError } from "../../errors.ts";
import { type StreamFailure, soundsTemporary } from "../../protocols/stream-errors.ts";
import type { ReadError } from "../response/error.ts";

/** Kleis's own codes with a status of 5xx for which a retry is pointless. */
const FINAL_CODES: ReadonlySet<string> = new Set(["upstream_blocked", "not_configured"]);

export function ownFailure({ code, status, message, param, type, extra }: KleisError): StreamFailure {
  const retryable = status >= 500 && !FINAL_CODES.has(code);
  return { code, message, retryable, param, type, extra };
}

/** Statuses below 500 that clients retry by themselves, as the vendors' SDKs do. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** Members of an error object that clients act upon. */
const KEPT = ["plan_type", "resets_at", "resets_in_seconds"];

/** The provider's error, in its own words, or in Kleis's where a client would take those for a temporary limit. */
export function providerFailure({ status, headers, said, advice }: ReadError): StreamFailure {
  const asked = headers.get("x-should-retry");
  const isTemporary = asked === "true" || ((status >= 500 || TEMPORARY.has(status)) && asked !== "false");
  const retryable = isTemporary && !advice.lasts;
  const facts = KEPT.flatMap((name) => (said.facts[name] === undefined ? [] : [[name, said.facts[name]]]));
  return {
    retryable,
    message: retryable ? said.message : finalMessage(said.message, advice),
    code: said.code ?? said.type ?? "upstream_error",
    type: said.type,
    param: said.param,
    extra: Object.fromEntries(facts),
  };
}

function finalMessage(said: string, { why, until }: ReadError["advice"]): string {
  const end = until === null ? "" : ` It ends at ${timeOf(until)}.`;
  if (why !== "usage" && why !== "billing") return said + end;
  const own = `A usage limit of the provider's account is reached.${end}`;
  return soundsTemporary(said) ? own : `${own} The provider says: ${said}`;
}

/** Unix seconds as a time to the minute. */
function timeOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
