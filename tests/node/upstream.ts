/** A bare HTTP server that lets a test see its connections: how many there were and what became of them. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Upstream {
  readonly url: string;
  /** Every connection that was ever made, in order. */
  readonly sockets: Socket[];
  /** Every request, in order. */
  readonly requests: IncomingMessage[];
}

export type Answer = (request: IncomingMessage, response: ServerResponse, at: number) => void;

/** Listens until the test ends. `at` counts the requests from 0. */
export async function startUpstream(answer: Answer): Promise<Upstream> {
  const sockets: Socket[] = [];
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length - 1);
  });
  server.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets, requests };
}

/** Waits until something is so; fails after two seconds, or `limitMs`. */
export async function until(what: string, isSo: () => boolean, limitMs = 2_000): Promise<void> {
  for (let waited = 0; !isSo(); waited += 5) {
    if (waited > limitMs) throw new Error(`it never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
