/** Which account and model answer an agent that speaks a protocol. */

import type { Protocol } from "../../src/protocols/protocol.ts";
import type { AccountName } from "../conformance/world.ts";
import type { Fakes } from "../fakes/index.ts";

export interface Route {
  /** What the agent speaks. */
  readonly protocol: Protocol;
  /** Its requests carry a key that may use this account only. */
  readonly account: AccountName;
  /** The fake behind that account. */
  readonly fake: keyof Pick<Fakes, "claude" | "codex" | "copilot">;
  readonly model: string;
}

/** Each protocol with the account that speaks it natively. */
export const ROUTES: readonly Route[] = [
  { protocol: "messages", account: "claude", fake: "claude", model: "claude-sonnet-5" },
  { protocol: "responses", account: "codex", fake: "codex", model: "gpt-5.5" },
  // Not a GPT-5 name: Continue chooses the Responses protocol for those.
  { protocol: "chat", account: "copilot", fake: "copilot", model: "gemini-3.5-flash" },
];
