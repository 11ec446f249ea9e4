/**
 * The proxies that the environment names for requests that leave this machine: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and
 * NO_PROXY, in lower or upper case. Where both are set, lower case wins, as in curl.
 */
import { isLoopback } from "../../src/config.ts";

/** Addresses of proxies may hold a name and a password: never log them. */
export interface ForwardProxies {
  /** The proxy for `http:` addresses; null: none. */
  readonly http: string | null;
  /** The proxy for `https:` addresses; null: none. */
  readonly https: string | null;
  /** NO_PROXY as it was set: hosts, suffixes, either with a port, or `*`. */
  readonly except: string;
}

export type ForwardProxiesResult = { ok: true; proxies: ForwardProxies } | { ok: false; problems: string[] };

/** `problems` name the variable and what to do; they never repeat its value. */
export function readForwardProxies(environment: Record<string, string | undefined>): ForwardProxiesResult {
  const problems: string[] = [];
  const addressOf = (...names: string[]): string | null => {
    const variable = names
      .flatMap((name) => [name.toLowerCase(), name])
      .find((name) => environment[name]?.trim());
    if (variable === undefined) return null;
    const address = toAddress(environment[variable]?.trim() ?? "");
    if (address === null) problems.push(problemOf(variable));
    return address;
  };
  const proxies = {
    http: addressOf("HTTP_PROXY", "ALL_PROXY"),
    https: addressOf("HTTPS_PROXY", "ALL_PROXY"),
    except: environment.no_proxy?.trim() || environment.NO_PROXY?.trim() || "",
  };
  return problems.length === 0 ? { ok: true, proxies } : { ok: false, problems: [...new Set(problems)] };
}

/** True for a host of a URL that is this machine itself. */
export function isThisMachine(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return (
    isLoopback(name) || name.endsWith(".localhost") || THIS_MACHINE.has(name) || MAPPED_LOOPBACK.test(name)
  );
}

/** The unspecified addresses: a connection to one of them is made to this machine. */
const THIS_MACHINE: ReadonlySet<string> = new Set(["0.0.0.0", "[::]"]);
/** 127.0.0.0/8 inside IPv6, as `URL` writes it. */
const MAPPED_LOOPBACK = /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/;

/** The proxy's URL; null for what is not one. Without a scheme it means http, as in curl. */
function toAddress(value: string): string | null {
  const address = value.includes("://") ? value : `http://${value}`;
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, username, password } = new URL(address);
  const isUsable =
    /^https?:$/.test(protocol) && hostname !== "" && isDecodable(username) && isDecodable(password);
  return isUsable ? address : null;
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

function problemOf(variable: string): string {
  return `${variable} must be the http:// or https:// address of a proxy, such as http://proxy.example.com:3128, with special characters in its name and password percent-encoded (SOCKS is not supported)`;
}
