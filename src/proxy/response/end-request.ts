/** The end of a request whose response has gone out: its log entry, and the account's good state where it succeeded. */
import type { ResponseContext } from "../context.ts";
import type { StreamOutcome } from "../stream/outcome.ts";
import { changesOf } from "./headers.ts";

export interface RequestEnd {
  readonly status: number;
  readonly outcome: StreamOutcome;
  readonly bytes: number;
  /** The code of the error that broke the provider's response, where there is one. */
  readonly cause?: string | undefined;
}

export function endRequest(context: ResponseContext, { cause, ...end }: RequestEnd): void {
  if (end.outcome === "complete") context.report.succeeded();
  context.call.log.end({ ...end, changes: changesOf(context), ...(cause === undefined ? {} : { cause }) });
}
