/** What the ways of answering share about one request: its call, what went upstream, and how the answer is labelled. */
import type { Runtime } from "../runtime.ts";
import type { ProxyCall, ReadyRequest } from "./pipeline.ts";
import type { RefusalReport } from "./refusal-report.ts";
import type { SentTokens } from "./response/hide-credential.ts";
import type { StreamOutcome } from "./stream/outcome.ts";

export interface AnswerFacts {
  readonly provider: string;
  readonly account: string;
  readonly changes: readonly string[];
  /** The id that the client asked for. */
  readonly model: string;
  /** The id to put back into the answer; null when the client's own went upstream. */
  readonly requestedModel: string | null;
  readonly clientStreams: boolean;
  /** What the account's credential was, and is after a renewal. */
  readonly sentTokens: SentTokens;
  /** Is told how the provider took the request. */
  readonly report: RefusalReport;
}

export interface Scene {
  readonly runtime: Runtime;
  readonly call: ProxyCall;
  readonly ready: Pick<ReadyRequest, "answer" | "streams" | "classify">;
  readonly facts: AnswerFacts;
  /** Ends the provider's side. */
  readonly stop: () => void;
}

/** Adds what Kleis itself says about an answer to what the provider says. */
export function ownHeaders({ call, ready, facts }: Scene, headers: Headers): Headers {
  ready.answer.headers?.(headers);
  if (!headers.has("x-request-id")) headers.set("x-request-id", call.requestId);
  headers.set("x-kleis-provider", facts.provider);
  headers.set("x-kleis-account", facts.account);
  headers.set("x-kleis-changes", changesOf(facts));
  return headers;
}

/** Breaks off the connection of the request's client, where the runtime can. */
export function abortConnectionOf({ runtime: { abortConnection }, call }: Scene): (() => void) | undefined {
  return abortConnection === undefined ? undefined : () => abortConnection(call.request);
}

export interface Ended {
  readonly status: number;
  readonly outcome: StreamOutcome;
  readonly bytes: number;
  /** The code of the error that broke the provider's answer, where there is one. */
  readonly cause?: string | undefined;
}

/** Ends the request's line, and tells that the provider answered where it did. */
export function endRequest({ call, facts }: Scene, { cause, ...ended }: Ended): void {
  if (ended.outcome === "complete") facts.report.succeeded();
  call.log.end({ ...ended, changes: changesOf(facts), ...(cause === undefined ? {} : { cause }) });
}

/** What was changed, as the log and the header name it. */
export function changesOf({ changes }: AnswerFacts): string {
  return changes.join(",") || "none";
}
