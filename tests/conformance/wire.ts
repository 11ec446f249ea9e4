/** What the three protocols look like from a client's chair: requests, the text of an answer, the end of a stream. */
import { expect } from "vitest";
import { type Dict, objectOf, objectsOf, stringOf } from "../fakes/inspect.ts";

export type Protocol = "chat" | "responses" | "messages";

export const PATH: Record<Protocol, string> = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

/** A request in a protocol that says `text`. */
export function request(protocol: Protocol, model: string, text: string, stream: boolean): Dict {
  const messages = [{ role: "user", content: text }];
  if (protocol === "messages") return { model, max_tokens: 100, messages, stream };
  if (protocol === "chat") return { model, messages, stream };
  return { model, input: text, stream };
}

export interface Event {
  readonly name: string | undefined;
  readonly data: string;
}

/** The events of a whole stream; comments are left out. */
export function eventsOf(stream: string): Event[] {
  return stream
    .split(/\r?\n\r?\n/)
    .map((block) => block.split(/\r?\n/))
    .flatMap((lines) => {
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
      const name = lines
        .find((line) => line.startsWith("event:"))
        ?.slice(6)
        .trim();
      return data.length === 0 ? [] : [{ name, data: data.join("\n") }];
    });
}

/** What was said, put together from a stream. */
export function streamedText(protocol: Protocol, events: readonly Event[]): string {
  return events
    .filter(({ data }) => data.startsWith("{"))
    .map(({ data }) => objectOf(JSON.parse(data)) ?? {})
    .map((event) => {
      if (protocol === "messages") return stringOf(objectOf(event.delta)?.text);
      if (protocol === "chat") return stringOf(objectOf(objectsOf(event.choices)[0]?.delta)?.content);
      return event.type === "response.output_text.delta" ? stringOf(event.delta) : "";
    })
    .join("");
}

/** What was said in an answer of one piece. */
export function wholeText(protocol: Protocol, answer: Dict): string {
  if (protocol === "messages") return stringOf(objectsOf(answer.content).at(-1)?.text);
  if (protocol === "chat") return stringOf(objectOf(objectsOf(answer.choices)[0]?.message)?.content);
  const message = objectsOf(answer.output).find((item) => item.type === "message");
  return stringOf(objectsOf(message?.content)[0]?.text);
}

/** The kinds of the events that end a stream well, or with an error: exactly one may be there, and at the end. */
export function endsOf(protocol: Protocol, events: readonly Event[]): string[] {
  return events.flatMap(({ data, name }) => {
    if (data === "[DONE]") return ["[DONE]"];
    const event = objectOf(JSON.parse(data)) ?? {};
    const type = stringOf(event.type) || name || "";
    if (protocol === "chat") return event.error === undefined ? [] : ["error"];
    return /^(message_stop|error|response\.(completed|failed|incomplete))$/.test(type) ? [type] : [];
  });
}

/** Fails unless the answer is an error of Kleis's own with this code, in the shape of the protocol. */
export async function expectRefusal(
  response: Response,
  status: number,
  code: string,
  protocol: Protocol = "chat",
): Promise<string> {
  const text = await response.text();
  expect(text, "an error is JSON").toMatch(/^\{/);
  const body = objectOf(JSON.parse(text)) ?? {};
  const error = objectOf(body.error) ?? {};
  expect({ status: response.status, error }).toMatchObject({ status });
  if (protocol === "messages") expect(body).toMatchObject({ type: "error" });
  else expect(error.code).toBe(code);
  expect(text).toContain(protocol === "messages" ? "message" : code);
  expect(response.headers.get("x-should-retry")).toBe(status < 500 ? "false" : null);
  expect(response.headers.get("x-request-id")).toBeTruthy();
  return stringOf(error.message);
}
