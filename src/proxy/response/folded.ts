/** A response in one piece that was made of a provider's in another protocol, or its failure as an error response. */
import { readErrorDetails } from "../../protocols/error-shape.ts";
import { encodeJson } from "../../protocols/json-edit.ts";
import { protocolOf } from "../../protocols/protocol.ts";
import type { FoldedResponse } from "../../protocols/translate/codec.ts";
import { errorFor } from "../../protocols/translate/failures.ts";
import type { ResponseFailure } from "../../protocols/translate/model.ts";
import type { ResponseContext } from "../context.ts";
import { endRequest } from "./end-request.ts";
import { applyRetryAdvice, retryAdviceFor } from "./retry-advice.ts";

/** `headers`: those of the response, which a failure adds to. */
export function foldedResponse(context: ResponseContext, folded: FoldedResponse, headers: Headers): Response {
  const status = folded.ok ? 200 : folded.failure.status;
  const bytes = encodeJson(folded.ok ? folded.value : failed(context, folded.failure, headers));
  headers.set("content-type", "application/json");
  endRequest(context, { status, outcome: folded.ok ? "complete" : "provider_error", bytes: bytes.length });
  return new Response(bytes, { status, headers });
}

function failed(
  context: ResponseContext,
  { status, code, message, type, param, extra }: ResponseFailure,
  headers: Headers,
) {
  const source = JSON.stringify({ error: { ...extra, code, message, type, param } });
  const said = readErrorDetails(source);
  const advice = retryAdviceFor(context, { status, headers, said, form: "json" });
  context.report.refused(advice.refusal, said, advice.lasts);
  applyRetryAdvice(headers, advice);
  return errorFor(protocolOf(context.call.operation), status, "", source);
}
