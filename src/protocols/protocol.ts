/** The wire protocols of clients and providers, and what a request in one of them asks for. */

export type Protocol = "chat" | "responses" | "messages";

/** What a request asks of a provider: generate in a protocol, or count the tokens of a messages request. */
export type Operation = Protocol | "count_tokens";

/** The protocol whose shapes (errors, events) an operation uses. */
export function protocolOf(operation: Operation): Protocol {
  return operation === "count_tokens" ? "messages" : operation;
}

/** The client route of an operation, under `/v1` or a forced prefix. */
export const ROUTE: Record<Operation, string> = {
  chat: "/chat/completions",
  responses: "/responses",
  messages: "/messages",
  count_tokens: "/messages/count_tokens",
};
