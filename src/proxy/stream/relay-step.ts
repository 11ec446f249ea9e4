/** What one event means for a relayed stream, as a pure function of what the stream's watcher says of it. */
import type { EndState } from "../../protocols/sse/end.ts";

/**
 * - `streaming`: events pass.
 * - `failing`: the provider announced an error; only its own last event may still follow.
 * - `over`: the client's side has ended.
 */
export type RelayState = "streaming" | "failing" | "over";

/**
 * - `complete`, `provider_error`: this event is the provider's own end.
 * - `no_stop_reason`: the stream claims its end without a stop reason.
 * - `announced_error`: the announced error was the last word, and its last event has to be added.
 */
export type RelayEnd = "complete" | "provider_error" | "no_stop_reason" | "announced_error";

export interface RelayStep {
  readonly forwards: boolean;
  readonly next: "streaming" | "failing";
  /** How the stream ends with this event; null where it goes on. */
  readonly end: RelayEnd | null;
}

const PASS: RelayStep = { forwards: true, next: "streaming", end: null };
const DROP: RelayStep = { forwards: false, next: "failing", end: null };
const ANNOUNCE: RelayStep = { forwards: true, next: "failing", end: null };
const ANNOUNCE_AGAIN: RelayStep = { forwards: false, next: "failing", end: "announced_error" };
const COMPLETE: RelayStep = { forwards: true, next: "streaming", end: "complete" };
const FAIL: RelayStep = { forwards: true, next: "streaming", end: "provider_error" };
const NO_STOP_REASON: RelayStep = { forwards: false, next: "streaming", end: "no_stop_reason" };

export function stepOf(relay: "streaming" | "failing", event: EndState): RelayStep {
  const isFailing = relay === "failing";
  switch (event) {
    case "open":
      return isFailing ? DROP : PASS;
    case "failing":
      return isFailing ? ANNOUNCE_AGAIN : ANNOUNCE;
    case "end":
      return isFailing ? FAIL : COMPLETE;
    case "failed":
    case "unnamed":
      return FAIL;
    case "unfinished":
      return NO_STOP_REASON;
  }
}
