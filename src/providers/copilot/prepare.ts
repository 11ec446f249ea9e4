/** A client's request as one to Copilot: address, headers, edits, and the way back (providers/copilot.md §3, §4). */
import { refuseThread } from "../../protocols/messages/threads.ts";
import { type Operation, protocolOf } from "../../protocols/protocol.ts";
import { holdsSealed, isSealRefusal } from "../../protocols/sealed.ts";
import { USER_AGENT } from "../../version.ts";
import type { PreparedRequest, PrepareInput, ResponsePlan } from "../provider.ts";
import { sentBetas } from "./betas.ts";
import { editsFor } from "./body.ts";
import { apiBase } from "./host.ts";
import { initiatorOf } from "./initiator.ts";
import { ANTHROPIC_VERSION, API_VERSION, HEADERS, HOST_REFUSED, INTENT, PATHS } from "./profile.ts";
import { meantBy } from "./refusals.ts";
import { chatRepair, endCalls, foldResponse } from "./repair-chat.ts";
import { messagesRepair } from "./repair-messages.ts";
import { responsesRepair } from "./repair-responses.ts";
import { hasImage } from "./vision.ts";

/** Builds the request. The client's query string stays behind: upstream's tolerance of it is unknown. */
export function prepare(input: PrepareInput): PreparedRequest {
  const { operation, body } = input;
  const protocol = protocolOf(operation);
  if (protocol === "messages") refuseThread(body.value, "GitHub Copilot");
  const streams = operation !== "count_tokens" && body.value.stream === true;
  const betas =
    protocol === "messages" ? sentBetas(body.value, input.headers.get(HEADERS.anthropicBeta)) : [];
  const { unsealed } = input;
  return {
    url: apiBase(input.account, input.config) + PATHS[operation],
    headers: headersOf(input, streams, betas),
    edits: editsFor(operation, body.value, { betas, unsealed }),
    ...(unsealed !== undefined || !holdsSealed(protocol, body.value)
      ? {}
      : { sealRefused: (refusal: string) => isSealRefusal(protocol, refusal) }),
    // There is no other host where the operator has set one.
    ...(input.config.COPILOT_API_URL === "" ? { servedNowhere: HOST_REFUSED } : {}),
    streams,
    response: responsePlan(operation, streams, isSingle(body.value.n)),
  };
}

function headersOf(input: PrepareInput, streams: boolean, betas: readonly string[]): Headers {
  const { operation, body } = input;
  const headers = new Headers({
    authorization: `Bearer ${input.credential.token}`,
    "content-type": "application/json",
    accept: streams ? "text/event-stream" : "application/json",
    // Answers are read on their way, and compressing a stream would hold its events back.
    "accept-encoding": "identity",
    "user-agent": USER_AGENT,
    [HEADERS.intent]: INTENT,
    [HEADERS.initiator]: initiatorOf(operation, body.value, input.headers),
    [HEADERS.apiVersion]: API_VERSION,
  });
  if (hasImage(operation, body.value)) headers.set(HEADERS.vision, "true");
  if (protocolOf(operation) === "messages") {
    headers.set(HEADERS.anthropicVersion, input.headers.get(HEADERS.anthropicVersion) ?? ANTHROPIC_VERSION);
    headers.set(HEADERS.anthropicBeta, betas.join(","));
  }
  return headers;
}

/** True when the client asked for one choice, which `n` absent means too. */
function isSingle(n: unknown): boolean {
  return typeof n !== "number" || n <= 1;
}

function responsePlan(operation: Operation, streams: boolean, single: boolean): ResponsePlan {
  const protocol = protocolOf(operation);
  const error: ResponsePlan["error"] = (status, _contentType, body) => meantBy(protocol, status, body);
  if (!streams) return protocol === "chat" ? { json: single ? foldResponse : endCalls, error } : { error };
  switch (protocol) {
    case "chat":
      return { stream: () => chatRepair(single), mayOmitTerminator: true, error };
    case "responses":
      return { stream: responsesRepair, error };
    case "messages":
      return { stream: messagesRepair, mayOmitTerminator: true, error };
  }
}
