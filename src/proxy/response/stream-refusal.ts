/** A refusal inside a stream, named by the provider's table and reported. */
import type { JsonObject } from "../../json.ts";
import { readErrorDetails } from "../../protocols/error-shape.ts";
import { failedResponse } from "../../protocols/responses/failure.ts";
import type { Refusal } from "../../providers/refusal.ts";
import type { ResponseContext } from "../context.ts";
import { classifyRefusal } from "./classify-refusal.ts";

/** `event`: the data of an error event, or of a last event that says that the response failed. */
export function refusalIn(
  { report, classify, runtime, upstreamHeaders }: ResponseContext,
  event: JsonObject,
): Refusal {
  const { status, body } = failedResponse(event);
  const said = readErrorDetails(JSON.stringify(body));
  const refused = { status, headers: upstreamHeaders, said, form: "json" as const };
  const refusal = classifyRefusal(classify, refused, runtime.clock.now());
  report.refused(refusal, said);
  return refusal;
}
