/** Connections through a proxy: each is a tunnel that the proxy was asked for (CONNECT), for http: as for https:. */
import type { Dispatcher } from "undici";
import connectToProxy from "undici/lib/api/api-connect.js";
import EnvHttpProxyAgent from "undici/lib/dispatcher/env-http-proxy-agent.js";
import Pool from "undici/lib/dispatcher/pool.js";
import { errorCodeOf } from "../../src/error-code.ts";
import { CONNECT_MS, type Tunnel } from "./connections.ts";
import { type ForwardProxies, isThisMachine } from "./proxies.ts";

/** undefined where no proxy is set. */
export function createTunnel({ http, https, except }: ForwardProxies): Tunnel | undefined {
  if (http === null && https === null) return undefined;
  return (origin, makeClient) => {
    const { protocol, hostname } = new URL(origin);
    const proxy = protocol === "https:" ? https : http;
    if (proxy === null || isThisMachine(hostname)) return null;
    return new EnvHttpProxyAgent({
      httpProxy: proxy,
      httpsProxy: proxy,
      noProxy: except,
      connectTimeout: CONNECT_MS,
      proxyTunnel: true,
      factory: makeClient,
      clientFactory: (address, over) => new ProxyPool(address, { ...over, headersTimeout: CONNECT_MS }),
    });
  };
}

/** Connections to a proxy. Their failures have codes of their own: PROXY_ECONNREFUSED, PROXY_HTTP_407, … */
class ProxyPool extends Pool {
  override async connect(options: unknown): Promise<Dispatcher.ConnectData> {
    const tunnel = await connectToProxy
      .call(this, options as Dispatcher.ConnectOptions)
      .catch((cause: unknown) => {
        throw proxyError(errorCodeOf(cause) ?? "FAILED", cause);
      });
    const { statusCode, socket } = tunnel;
    if (statusCode === 200) return tunnel;
    socket.on("error", () => {}).destroy();
    throw proxyError(`HTTP_${statusCode}`);
  }
}

function proxyError(code: string, cause?: unknown): Error {
  return Object.assign(new Error("the proxy made no tunnel", { cause }), { code: `PROXY_${code}` });
}
