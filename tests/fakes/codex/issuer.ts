/** What every call to auth.openai.com that is not a browser's has in common (providers/codex.md §1.1). */
import { findLeak, isOwnAgent } from "../leaks.ts";
import { type RecordedRequest, type Reply, refuse } from "../server.ts";
import { openaiError } from "./errors.ts";

export const CODEX_CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann";
export const CODEX_SCOPES = ["openid", "profile", "email", "offline_access"];

/** An OAuth refusal with its code where the issuer puts it: `error.code`. */
export function issuerError(status: number, code: string, message = code): Reply {
  return openaiError(status, { message, code });
}

export function checkCall(request: RecordedRequest): void {
  const leak = findLeak(request);
  if (leak !== null) refuse(`leaked header ${leak}`, issuerError(400, "invalid_request"));
  if (!isOwnAgent(request)) refuse("user-agent is not Kleis's own", issuerError(403, "access_denied"));
  if (request.headers.authorization !== undefined) {
    refuse("authorization on the issuer", issuerError(400, "invalid_request"));
  }
}
