/** The complete header sets of upstream requests. Nothing of the client's passes but what the allowlist names (providers/codex.md §2.1). */
import { text } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import type { PrepareInput } from "../provider.ts";
import { FORWARDED_HEADERS, HEADERS, ORIGINATOR, TURN_STATE_HEADER } from "./profile.ts";
import { unmarkedTurnState } from "./turn-state.ts";

/** Headers towards the ChatGPT backend. */
export function planHeaders(input: PrepareInput, session: string): Headers {
  const { account, credential } = input;
  const headers = new Headers({
    accept: "text/event-stream",
    "accept-encoding": "identity",
    authorization: `Bearer ${credential.token}`,
    [HEADERS.account]: text(account.metadata.account_id) ?? account.externalId,
    "content-type": "application/json",
    [HEADERS.originator]: ORIGINATOR,
    [HEADERS.session]: session,
    "user-agent": USER_AGENT,
  });
  if (account.metadata.fedramp === true) headers.set(HEADERS.fedramp, "true");
  for (const name of FORWARDED_HEADERS.plan) forward(name, input.headers, headers);
  const turnState = unmarkedTurnState(account.id, input.headers);
  if (turnState !== null) headers.set(TURN_STATE_HEADER, turnState);
  return headers;
}

/** Headers towards the public API, for an API-key account. */
export function apiHeaders(input: PrepareInput, streams: boolean): Headers {
  const headers = new Headers({
    accept: streams ? "text/event-stream" : "application/json",
    "accept-encoding": "identity",
    authorization: `Bearer ${input.credential.token}`,
    "content-type": "application/json",
    "user-agent": USER_AGENT,
  });
  for (const name of FORWARDED_HEADERS.api) forward(name, input.headers, headers);
  return headers;
}

function forward(name: string, from: Headers, to: Headers): void {
  const value = from.get(name);
  if (value !== null) to.set(name, value);
}
