/** Stands between the cases and a door and keeps every byte that passes, both ways. Changes nothing of it. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** One connection, as far as it went. */
export interface Connection {
  /** By the client. */
  readonly sent: Buffer[];
  /** From the door. */
  readonly received: Buffer[];
}

export interface Tap {
  /** Where the door is reached through it. */
  readonly url: string;
  readonly connections: readonly Connection[];
  close(): Promise<void>;
}

export async function openTap(doorUrl: string): Promise<Tap> {
  const { hostname, port } = new URL(doorUrl);
  const connections: Connection[] = [];
  const open = new Set<Socket>();

  const server = createServer({ noDelay: true }, (client) => {
    const door = connect({ host: hostname, port: Number(port), noDelay: true });
    const kept: Connection = { sent: [], received: [] };
    connections.push(kept);
    join(client, door, kept.sent);
    join(door, client, kept.received);
  });

  /** What one side says the other hears; when one leaves, so does the other, after what is still on its way. */
  function join(from: Socket, to: Socket, kept: Buffer[]): void {
    open.add(from);
    from.on("data", (part: Buffer) => kept.push(part));
    from.pipe(to);
    from.on("error", () => {});
    from.once("close", () => {
      open.delete(from);
      to.destroySoon();
    });
  }

  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    close() {
      return new Promise((closed) => {
        server.close(() => closed());
        for (const socket of open) socket.destroy();
      });
    },
  };
}
