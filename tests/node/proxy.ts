/** A forward proxy as companies run them: CONNECT only, leads every name to this machine, and counts what it is asked. */
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { TEST_CERT, TEST_KEY } from "../support/tls.ts";

export interface TestProxy {
  /** `host:port` of the proxy. */
  readonly host: string;
  /** The `host:port` of every tunnel that was asked for, in order. */
  readonly asked: string[];
  /** The `proxy-authorization` of each. */
  readonly credentials: (string | undefined)[];
}

export interface TestProxyOptions {
  /** Is reached over TLS itself. */
  readonly secure?: boolean;
  /** Refuses every tunnel with this status; 0 closes the connection instead. */
  readonly refuse?: number;
}

/** Runs until the test ends. A port in the tunnel's address is one of this machine. */
export async function startProxy({ secure = false, refuse }: TestProxyOptions = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const server: Server = secure ? createTlsServer({ cert: TEST_CERT, key: TEST_KEY }) : createServer();
  server.on("connection", keep);
  server.on("connect", (request, socket: Socket, head: Buffer) => {
    asked.push(request.url ?? "");
    credentials.push(request.headers["proxy-authorization"]);
    if (refuse === 0) return socket.destroy();
    if (refuse !== undefined) return socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`);
    const upstream = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    keep(upstream);
    upstream.on("error", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `localhost:${(server.address() as AddressInfo).port}`, asked, credentials };
}
