/** Which account and model answer an agent that speaks a protocol. */

import type { Protocol } from "../../src/protocols/protocol.ts";
import type { AccountName } from "../conformance/world.ts";
import type { Fakes } from "../fakes/index.ts";

export interface Route {
  /** What the agent speaks. */
  readonly protocol: Protocol;
  /** What the account speaks. */
  readonly to: Protocol;
  /** Its requests carry a key that may use this account only. */
  readonly account: AccountName;
  /** The fake behind that account. */
  readonly fake: keyof Pick<Fakes, "claude" | "codex" | "copilot">;
  readonly model: string;
}

/** Each protocol with the account that speaks it natively, then models that are reached by translation only. */
export const ROUTES: readonly Route[] = [
  { protocol: "messages", to: "messages", account: "claude", fake: "claude", model: "claude-sonnet-5" },
  { protocol: "responses", to: "responses", account: "codex", fake: "codex", model: "gpt-5.5" },
  // Not a GPT-5 name: Continue chooses the Responses protocol for those.
  { protocol: "chat", to: "chat", account: "copilot", fake: "copilot", model: "gemini-3.5-flash" },
  { protocol: "messages", to: "responses", account: "codex", fake: "codex", model: "gpt-5.5" },
  { protocol: "messages", to: "chat", account: "copilot", fake: "copilot", model: "gemini-3.5-flash" },
  { protocol: "responses", to: "messages", account: "claude", fake: "claude", model: "claude-sonnet-5" },
  { protocol: "responses", to: "chat", account: "copilot", fake: "copilot", model: "gemini-3.5-flash" },
  { protocol: "chat", to: "messages", account: "claude", fake: "claude", model: "claude-sonnet-5" },
  { protocol: "chat", to: "responses", account: "codex", fake: "codex", model: "gpt-5.5" },
];

export function isTranslated({ protocol, to }: Route): boolean {
  return protocol !== to;
}
