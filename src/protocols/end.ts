/** The end watcher of each protocol. */
import { watchChat } from "./chat/end.ts";
import { watchMessages } from "./messages/end.ts";
import type { Protocol } from "./protocol.ts";
import { watchResponses } from "./responses/end.ts";
import type { EndWatcher } from "./sse/end.ts";

export const WATCH: Record<Protocol, () => EndWatcher> = {
  chat: watchChat,
  responses: watchResponses,
  messages: watchMessages,
};
