/** A bare HTTP client: it reads when it is told to, and leaves when it is told to. */
import { type IncomingMessage, request as open } from "node:http";

export interface Client {
  /** Resolves with the head of the answer. */
  readonly answered: Promise<IncomingMessage>;
  /** Drops the connection. */
  leave(): void;
}

export function ask(url: string, key: string, body: object): Client {
  const request = open(url, {
    method: "POST",
    agent: false,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", (response) => {
      response.on("error", () => {});
      resolve(response);
    });
    request.on("error", reject);
  });
  answered.catch(() => {});
  request.end(JSON.stringify(body));
  return { answered, leave: () => void request.destroy() };
}

export interface Read {
  readonly text: string;
  /** False when the connection broke before the answer had ended. */
  readonly complete: boolean;
}

/** Reads to the end, however it comes. */
export function readAll(response: IncomingMessage): Promise<Read> {
  const parts: Buffer[] = [];
  response.on("data", (part: Buffer) => parts.push(part));
  return new Promise((resolve) => {
    response.on("close", () =>
      resolve({ text: Buffer.concat(parts).toString(), complete: response.complete }),
    );
  });
}

/** Reads until a text has come. */
export function readUntil(response: IncomingMessage, wanted: string): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    response.on("data", (part: Buffer) => {
      text += part.toString();
      if (text.includes(wanted)) resolve(text);
    });
    response.on("close", () => reject(new Error(`it ended without ${wanted}: ${text.slice(-300)}`)));
  });
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
