/** In whose shape an address that has no route of its own is refused. */
import type { Protocol } from "../protocols/protocol.ts";

/** Anthropic's clients ask below `/messages`, or say which version of its API they speak. */
export function askedProtocol(path: string, headers: Headers): Protocol {
  const isAnthropic = path.split("/").includes("messages") || headers.has("anthropic-version");
  return isAnthropic ? "messages" : "chat";
}
