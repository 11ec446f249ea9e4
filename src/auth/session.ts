/**
 * Sessions of the admin page: a signed cookie that dies with ADMIN_TOKEN, after twelve hours, or when its owner logs
 * out. Knows no route and no page.
 */

import { generateCookie } from "hono/cookie";
import { publicPath } from "../base-url.ts";
import { fromBase64, toBase64Url } from "../bytes.ts";
import type { Config } from "../config.ts";
import type { Runtime } from "../runtime.ts";
import { isSafe, isSameOrigin } from "./same-origin.ts";

/** How long a session lasts, ms. */
export const SESSION_MS = 12 * 60 * 60_000;

/** How long after a log-in a key may be revealed without another, ms. */
export const FRESH_MS = 10 * 60_000;

/**
 * How long browsers keep the cookie, ms: beyond the session's end, which is signed into it, so that an owner who comes back
 * after that is told of it instead of being met as a stranger.
 */
const KEPT_MS = SESSION_MS + 7 * 24 * 60 * 60_000;

/** Over https: the browser keeps it for this host alone and sends it encrypted only (RFC 6265bis §4.1.3.2). */
export const SECURE_COOKIE = "__Host-kleis";
/** The same under the path of PUBLIC_URL, where the browser must not show it to others at this host (RFC 6265bis §4.1.3.1). */
export const SECURE_PATH_COOKIE = "__Secure-kleis";
/**
 * Over http, which is for this machine. Cookies know no ports: what else serves on this host gets it too, so it goes to
 * our own path alone, and does not reveal a key for long.
 */
export const PLAIN_COOKIE = "kleis";

export interface Sessions {
  /** A new session's cookie, as a `set-cookie` value. */
  open(isSecure: boolean): Promise<string>;
  /** Whether the request's cookie is a session's that lives. */
  isLive(request: Request): Promise<boolean>;
  /** Whether it lives and was opened so lately that its owner need not prove himself again. */
  isFresh(request: Request): Promise<boolean>;
  /** Whether the request brings any cookie of ours: then one that is not live has ended. */
  hasCookie(request: Request): boolean;
  /** Ends the request's session, also for a copy of its cookie; returns the `set-cookie` values that remove it. */
  close(request: Request): Promise<string[]>;
}

interface Session {
  id: string;
  /** Epoch ms. */
  expiresAt: number;
}

const encoder = new TextEncoder();

export function createSessions({ config, storage, clock, random }: Runtime): Sessions {
  const prefix = publicPath(config);
  // The finished key is kept, not the promise of it: a Worker may not wait for another request's promise.
  let made: CryptoKey | undefined;
  const key = async () => {
    made ??= await signingKey(config.ADMIN_TOKEN);
    return made;
  };

  async function read(request: Request): Promise<Session | null> {
    for (const value of cookiesOf(request)) {
      const [id = "", end = "", mac = ""] = value.split(".");
      const signature = fromBase64url(mac);
      if (signature === null) continue;
      if (!(await crypto.subtle.verify("HMAC", await key(), signature, encoder.encode(`${id}.${end}`))))
        continue;
      const expiresAt = Number(end);
      if (expiresAt > clock.now()) return { id, expiresAt };
    }
    return null;
  }

  async function live(request: Request): Promise<Session | null> {
    const session = await read(request);
    return session !== null && !(await storage.sessions.isEnded(session.id)) ? session : null;
  }

  return {
    async open(isSecure) {
      const signed = `${toBase64Url(random(16))}.${clock.now() + SESSION_MS}`;
      const mac = await crypto.subtle.sign("HMAC", await key(), encoder.encode(signed));
      return cookie(prefix, isSecure, `${signed}.${toBase64Url(new Uint8Array(mac))}`, KEPT_MS / 1000);
    },
    isLive: async (request) => (await live(request)) !== null,
    async isFresh(request) {
      const session = await live(request);
      return session !== null && clock.now() - (session.expiresAt - SESSION_MS) <= FRESH_MS;
    },
    hasCookie: (request) => cookiesOf(request).length > 0,
    async close(request) {
      const session = await read(request);
      if (session !== null) await storage.sessions.end(session.id, session.expiresAt, clock.now());
      // The last as earlier versions set it.
      const old = setCookie(PLAIN_COOKIE, "", { path: "/", maxAge: 0, secure: false });
      return [cookie(prefix, true, "", 0), cookie(prefix, false, "", 0), old];
    },
  };
}

/** Whether a call of the admin API belongs to a session; one that changes something must come from our own page. */
export async function isOwnSession(config: Config, sessions: Sessions, request: Request): Promise<boolean> {
  const isOwn = isSafe(request.method) || isSameOrigin(config, request);
  return isOwn && (await sessions.isLive(request));
}

/** From ADMIN_TOKEN by HKDF (RFC 5869), so that another token makes every session worthless. */
async function signingKey(token: string): Promise<CryptoKey> {
  const secret = await crypto.subtle.importKey("raw", encoder.encode(token), "HKDF", false, ["deriveKey"]);
  const info = encoder.encode("kleis admin session 1");
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info },
    secret,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
}

/** `prefix`: the path of PUBLIC_URL. `__Host-` demands the path `/`; the others go no further than the admin page. */
function cookie(prefix: string, isSecure: boolean, value: string, seconds: number): string {
  const isHost = isSecure && prefix === "";
  const secureName = isHost ? SECURE_COOKIE : SECURE_PATH_COOKIE;
  const path = isHost ? "/" : `${prefix}/admin`;
  return setCookie(isSecure ? secureName : PLAIN_COOKIE, value, { path, maxAge: seconds, secure: isSecure });
}

/** A `set-cookie` value that no script reads and no other site sends. */
function setCookie(name: string, value: string, options: { path: string; maxAge: number; secure: boolean }) {
  return generateCookie(name, value, { ...options, httpOnly: true, sameSite: "Strict" });
}

function cookiesOf(request: Request): string[] {
  const pairs = (request.headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  return [SECURE_COOKIE, SECURE_PATH_COOKIE, PLAIN_COOKIE].flatMap((name) =>
    pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1)),
  );
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return null;
  return fromBase64(text);
}
