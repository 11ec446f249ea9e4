/** The yardstick: a pass-through on `node:http` that does nothing but copy bytes both ways. */
import { Agent, createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";

const upstream = new URL(process.env.UPSTREAM ?? "");
const agent = new Agent({ keepAlive: true });

const server = createServer((request, res) => {
  const outgoing = send(
    {
      host: upstream.hostname,
      port: upstream.port,
      path: request.url,
      method: request.method,
      agent,
      headers: { "content-type": "application/json", "content-length": request.headers["content-length"] },
    },
    (incoming) => {
      res.writeHead(incoming.statusCode ?? 502, { "content-type": incoming.headers["content-type"] });
      incoming.pipe(res);
    },
  );
  request.pipe(outgoing);
});

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
