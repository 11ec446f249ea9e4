/**
 * The backend's `x-codex-turn-state`, which a client sends back within one turn, belongs to one account and must not
 * reach another (providers/codex.md §2.1, §6.3). Kleis keeps nothing: the client gets it with the account's id before it.
 */
import { TURN_STATE_HEADER } from "./profile.ts";

/** Marks the state in the response's headers. */
export function markTurnState(accountId: string, headers: Headers): void {
  const state = headers.get(TURN_STATE_HEADER);
  if (state !== null) headers.set(TURN_STATE_HEADER, usedTokenMark(accountId) + state);
}

/** The state as the backend gave it; null where it is another account's, or from elsewhere. */
export function unmarkedTurnState(accountId: string, headers: Headers): string | null {
  const marked = headers.get(TURN_STATE_HEADER);
  const mark = usedTokenMark(accountId);
  return marked?.startsWith(mark) ? marked.slice(mark.length) : null;
}

function usedTokenMark(accountId: string): string {
  return `${accountId}.`;
}
