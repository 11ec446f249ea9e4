/** Builds the upstream request: to the ChatGPT backend for a plan, to the public API for a key. */
import { KleisError } from "../../errors.ts";
import { holdsSealed, isSealRefusal } from "../../protocols/sealed.ts";
import type { PreparedRequest, PrepareInput } from "../provider.ts";
import { planEdits } from "./body.ts";
import { planError } from "./errors.ts";
import { apiHeaders, planHeaders } from "./headers.ts";
import { API_PATHS, RESPONSES_PATH } from "./profile.ts";
import { upstreamSession } from "./session.ts";
import { createPlanRewriter } from "./stream.ts";
import { markTurnState } from "./turn-state.ts";

/** Events that say nothing of the response yet; a refusal may still follow (providers/codex.md §2.3). */
const OPENING = /^(response\.(created|queued|in_progress)|codex\..*)$/;

export function prepare(input: PrepareInput): PreparedRequest | Promise<PreparedRequest> {
  return input.account.kind === "oauth" ? preparePlan(input) : prepareApi(input);
}

async function preparePlan(input: PrepareInput): Promise<PreparedRequest> {
  const { account, body, config, headers, operation } = input;
  if (operation !== "responses") {
    throw new KleisError(
      "protocol_not_supported",
      "A ChatGPT plan speaks the Responses protocol only: send this model's requests to POST /v1/responses.",
    );
  }
  const session = await upstreamSession(input);
  const { unsealed } = input;
  return {
    url: `${config.CODEX_API_URL}${RESPONSES_PATH}`,
    headers: planHeaders(input, session),
    edits: planEdits({ body: body.value, model: input.model, headers, session, unsealed }),
    ...(unsealed !== undefined || !holdsSealed(operation, body.value)
      ? {}
      : { sealRefused: (refusal: string) => isSealRefusal(operation, refusal) }),
    streams: true,
    response: {
      headers: (answered) => markTurnState(account.id, answered),
      stream: createPlanRewriter,
      isOpening: (type) => OPENING.test(type),
      aggregate: body.value.stream !== true,
      error: planError,
    },
  };
}

/** The public API gets the client's own bytes and query. */
function prepareApi(input: PrepareInput): PreparedRequest {
  const { body, config, operation, query } = input;
  if (operation !== "responses" && operation !== "chat") {
    throw new KleisError(
      "protocol_not_supported",
      "OpenAI's API does not speak the Messages protocol: send this model's requests to POST /v1/responses or /v1/chat/completions.",
    );
  }
  const streams = body.value.stream === true;
  return {
    url: `${config.OPENAI_API_URL}${API_PATHS[operation]}${query === "" ? "" : `?${query}`}`,
    headers: apiHeaders(input, streams),
    edits: [],
    streams,
    response: {},
  };
}
