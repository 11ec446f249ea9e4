/** What the ways of answering share about one request: its call, what went upstream, and how the answer is labelled. */
import type { CredentialKind } from "../providers/provider.ts";
import type { Refusal } from "../providers/refusal.ts";
import type { Runtime } from "../runtime.ts";
import type { ProxyCall, ReadyRequest } from "./pipeline.ts";
import type { SentTokens } from "./response/hide-credential.ts";

export interface AnswerFacts {
  readonly provider: string;
  readonly account: string;
  readonly kind: CredentialKind;
  readonly changes: readonly string[];
  /** The id that the client asked for. */
  readonly model: string;
  /** The id to put back into the answer; null when the client's own went upstream. */
  readonly requestedModel: string | null;
  readonly clientStreams: boolean;
  /** What the account's credential was, and is after a renewal. */
  readonly sentTokens: SentTokens;
  /** Called with each refusal of the provider's, once it is read. */
  readonly onRefusal: (refusal: Refusal) => void;
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

/** What was changed, as the log and the header name it. */
export function changesOf({ changes }: AnswerFacts): string {
  return changes.join(",") || "none";
}
