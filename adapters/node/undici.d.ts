/** The parts of undici that are used, each by its own file: its main entry also loads a Web `fetch` and more, at every start. */
declare module "undici/lib/core/connect.js" {
  export { buildConnector as default } from "undici";
}
declare module "undici/lib/dispatcher/client.js" {
  export { Client as default } from "undici";
}
declare module "undici/lib/dispatcher/pool.js" {
  export { Pool as default } from "undici";
}
declare module "undici/lib/dispatcher/env-http-proxy-agent.js" {
  export { EnvHttpProxyAgent as default } from "undici";
}
/** What the main entry makes `Dispatcher.prototype.connect`. */
declare module "undici/lib/api/api-connect.js" {
  import type { Dispatcher } from "undici";

  export default function connect(
    this: Dispatcher,
    options: Dispatcher.ConnectOptions,
  ): Promise<Dispatcher.ConnectData>;
}
