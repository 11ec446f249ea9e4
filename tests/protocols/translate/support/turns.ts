/** What a client of each protocol sends after a response: the conversation, the response, its tools' results, a next question. */
import { isObject, type Json, type JsonObject } from "../../../../src/json.ts";
import type { Protocol } from "../../../../src/protocols/protocol.ts";

/** A call of a response as its client runs it. */
export interface ClientCall {
  readonly id: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  /** Free text, or the arguments as JSON text. */
  readonly input: string;
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function assistantOf(response: JsonObject): JsonObject {
  const [choice] = list(response.choices);
  return isObject(choice?.message) ? choice.message : {};
}

/** The calls of a response in one piece. */
export function callsOf(protocol: Protocol, response: JsonObject): ClientCall[] {
  switch (protocol) {
    case "messages":
      return list(response.content)
        .filter(({ type }) => type === "tool_use")
        .map(({ id, name, input }) => ({ id: String(id), name: String(name), input: JSON.stringify(input) }));
    case "responses":
      return list(response.output)
        .filter(({ type }) => type === "function_call" || type === "custom_tool_call")
        .map(({ call_id, namespace, name, input, arguments: args }) => ({
          id: String(call_id),
          namespace: namespace === undefined ? undefined : String(namespace),
          name: String(name),
          input: String(input ?? args),
        }));
    case "chat":
      return list(assistantOf(response).tool_calls).map((call) => {
        const { name, input, arguments: args } = (call.custom ?? call.function) as JsonObject;
        return { id: String(call.id), name: String(name), input: String(input ?? args) };
      });
  }
}

/** The body of the next turn. Every call gets the result `result of <id>`. */
export function nextTurn(
  protocol: Protocol,
  body: JsonObject,
  response: JsonObject,
  question: string,
): JsonObject {
  const calls = callsOf(protocol, response);
  const said = (id: string) => `result of ${id}`;
  switch (protocol) {
    case "messages": {
      const content = list(response.content);
      const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: said(id) }));
      const user = { role: "user", content: [...results, { type: "text", text: question }] };
      const turn = content.length === 0 ? [] : [{ role: "assistant", content }];
      return { ...body, messages: [...list(body.messages), ...turn, user] };
    }
    case "responses": {
      const output = list(response.output);
      const results = output.flatMap(({ type, call_id }): JsonObject[] =>
        type === "function_call" || type === "custom_tool_call"
          ? [{ type: `${type}_output`, call_id, output: said(String(call_id)) }]
          : [],
      );
      const user = { type: "message", role: "user", content: [{ type: "input_text", text: question }] };
      return { ...body, input: [...list(body.input), ...output, ...results, user] };
    }
    case "chat": {
      const message = assistantOf(response);
      const results = calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: said(id) }));
      return {
        ...body,
        messages: [...list(body.messages), message, ...results, { role: "user", content: question }],
      };
    }
  }
}

/** The conversation of a body, an element each. */
export function conversationOf(protocol: Protocol, body: JsonObject): JsonObject[] {
  return list(protocol === "responses" ? body.input : body.messages);
}
