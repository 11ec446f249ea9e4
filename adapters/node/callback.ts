/**
 * The port on which a browser of this machine comes back from a provider: loopback only, one path, open no longer than
 * a sign-in lasts. Shows a small page without script; what the query means is not known here.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { CallbackListener, CallbackOptions, CallbackPage } from "../../src/runtime.ts";

export interface CallbackPorts {
  listen(options: CallbackOptions): Promise<CallbackListener | null>;
  /** Ends every listener. */
  close(): void;
}

/** A browser may resolve `localhost` to either. */
const ADDRESSES = ["127.0.0.1", "::1"];

export function createCallbackPorts(): CallbackPorts {
  const open = new Set<CallbackListener>();
  return {
    async listen(options) {
      const bound = await Promise.all(ADDRESSES.map((address) => bind(options, address)));
      const servers = bound.filter((each) => each !== "taken" && each !== "absent");
      // Where another program has either address, the browser might go to that one.
      if (bound.includes("taken") || servers.length === 0) {
        for (const server of servers) server.close();
        return null;
      }
      const listener = during(servers, options.until, () => open.delete(listener));
      open.add(listener);
      return listener;
    },
    close() {
      for (const listener of open) listener.close();
    },
  };
}

function during(servers: readonly Server[], until: number, ended: () => void): CallbackListener {
  let last = until;
  let timer: NodeJS.Timeout | undefined;
  const close = () => {
    clearTimeout(timer);
    ended();
    for (const server of servers) {
      server.close();
      server.closeIdleConnections();
    }
  };
  const arm = () => {
    clearTimeout(timer);
    timer = setTimeout(close, Math.max(last - Date.now(), 0)).unref();
  };
  arm();
  return {
    extend(later) {
      last = Math.max(last, later);
      arm();
    },
    close,
  };
}

/** `taken` when another program has the port, `absent` when the machine has no such address (no IPv6). */
function bind(options: CallbackOptions, address: string): Promise<Server | "taken" | "absent"> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(options, request).then(
      (page) => show(response, page),
      () => response.destroy(),
    );
  });
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT" ? "absent" : "taken"),
    );
    server.listen({ port: options.port, host: address, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

async function answer(options: CallbackOptions, request: IncomingMessage): Promise<CallbackPage> {
  const { host = "" } = request.headers;
  const names = [
    "localhost",
    ...ADDRESSES.map((address) => (address.includes(":") ? `[${address}]` : address)),
  ];
  const url = new URL(request.url ?? "/", "http://localhost");
  const isOurs = names.some((name) => host === `${name}:${options.port}`) && url.pathname === options.path;
  if (request.method !== "GET" || !isOurs) {
    return { status: 404, title: "Not found", text: "There is nothing at this address." };
  }
  return options.receive(url.search.replace(/^\?/, ""));
}

function show(response: ServerResponse, { status, title, text }: CallbackPage): void {
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<body style="font:16px/1.5 system-ui;max-width:34rem;margin:20vh auto;padding:0 1rem"><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p></body></html>
`;
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    connection: "close",
  });
  response.end(body);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
