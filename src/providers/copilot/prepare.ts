/** A client's request as one to Copilot: address, headers, edits, and the way back (providers/copilot.md §3, §4). */
import { refuseThread } from "../../protocols/messages/threads.ts";
import { type Operation, protocolOf } from "../../protocols/protocol.ts";
import { USER_AGENT } from "../../version.ts";
import type { AnswerPlan, PreparedRequest, PrepareInput } from "../provider.ts";
import { editsFor } from "./body.ts";
import { apiBase } from "./host.ts";
import { initiatorOf } from "./initiator.ts";
import {
  ANTHROPIC_VERSION,
  API_VERSION,
  BETA_PREFIXES,
  INTENT,
  INTERLEAVED_THINKING,
  PATHS,
} from "./profile.ts";
import { chatRepair, foldAnswer } from "./repair-chat.ts";
import { messagesRepair } from "./repair-messages.ts";
import { responsesRepair } from "./repair-responses.ts";
import { hasImage } from "./vision.ts";

/** Builds the request. The client's query string stays behind: upstream's tolerance of it is unknown. */
export function prepare(input: PrepareInput): PreparedRequest {
  const { operation, body } = input;
  if (protocolOf(operation) === "messages") refuseThread(body.value, "GitHub Copilot");
  const streams = operation !== "count_tokens" && body.value.stream === true;
  return {
    url: apiBase(input.account, input.config) + PATHS[operation],
    headers: headersOf(input, streams),
    edits: editsFor(operation, body.value),
    streams,
    answer: answerPlan(operation, streams, isSingle(body.value.n)),
  };
}

function headersOf(input: PrepareInput, streams: boolean): Headers {
  const { operation, body } = input;
  const headers = new Headers({
    authorization: `Bearer ${input.credential.token}`,
    "content-type": "application/json",
    accept: streams ? "text/event-stream" : "application/json",
    // Answers are read on their way, and compressing a stream would hold its events back.
    "accept-encoding": "identity",
    "user-agent": USER_AGENT,
    "openai-intent": INTENT,
    "x-initiator": initiatorOf(operation, body.value, input.headers),
    "x-github-api-version": API_VERSION,
  });
  if (hasImage(operation, body.value)) headers.set("copilot-vision-request", "true");
  if (protocolOf(operation) === "messages") {
    headers.set("anthropic-version", input.headers.get("anthropic-version") ?? ANTHROPIC_VERSION);
    headers.set("anthropic-beta", betas(input.headers.get("anthropic-beta")));
  }
  return headers;
}

/** The client's betas that the backend takes, and interleaved thinking. */
function betas(given: string | null): string {
  const asked = (given ?? "").split(",").map((beta) => beta.trim());
  const taken = asked.filter((beta) => BETA_PREFIXES.some((prefix) => beta.startsWith(prefix)));
  return [...new Set([INTERLEAVED_THINKING, ...taken])].join(",");
}

/** True when the client asked for one choice, which `n` absent means too. */
function isSingle(n: unknown): boolean {
  return typeof n !== "number" || n <= 1;
}

function answerPlan(operation: Operation, streams: boolean, single: boolean): AnswerPlan {
  if (!streams) return operation === "chat" && single ? { json: foldAnswer } : {};
  switch (protocolOf(operation)) {
    case "chat":
      return { stream: () => chatRepair(single), mayOmitEnd: true };
    case "responses":
      return { stream: responsesRepair };
    case "messages":
      return { stream: messagesRepair, mayOmitEnd: true };
  }
}
