/** The answer to a count of tokens for a model whose provider counts none: an estimate, which costs no request. */
import { countTokens } from "../../protocols/translate/index.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { ProxyCall, Target } from "../context.ts";
import type { RequestBody } from "../request/request-body.ts";

/** Throws `KleisError` for a request that is malformed. */
export async function estimatedCount(
  { log, requestId }: ProxyCall,
  { provider }: Target,
  account: AccountRecord,
  body: RequestBody,
): Promise<Response> {
  const tokens = await body.read(({ value }) => countTokens("messages", value));
  body.release(0);
  const changes = "estimated:tokens";
  const text = JSON.stringify({ input_tokens: tokens });
  log.end({ status: 200, outcome: "complete", bytes: text.length, changes });
  return new Response(text, {
    headers: {
      "content-type": "application/json",
      "x-request-id": requestId,
      "x-kleis-provider": provider.id,
      "x-kleis-account": account.id,
      "x-kleis-changes": changes,
    },
  });
}
