/**
 * Sessions of the admin page: a signed cookie that is valid until ADMIN_TOKEN changes, twelve hours have passed or the owner
 * logs out. Knows no route and no page.
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
 * How long browsers keep the cookie, ms: longer than the session, whose expiry is signed into it, so that an owner who comes
 * back later is shown that the session has expired.
 */
const KEPT_MS = SESSION_MS + 7 * 24 * 60 * 60_000;

/** Over https: the browser keeps it for this host alone and sends it encrypted only (RFC 6265bis §4.1.3.2). */
export const SECURE_COOKIE = "__Host-kleis";
/** The same under the path of PUBLIC_URL, where the browser must not show it to others at this host (RFC 6265bis §4.1.3.1). */
export const SECURE_PATH_COOKIE = "__Secure-kleis";
/**
 * Over http, which is for this machine. Cookies ignore ports, so other servers on this host receive it too: it is limited to
 * the admin path, and reveals keys only for a short time.
 */
export const PLAIN_COOKIE = "kleis";

export interface Sessions {
  /** A new session's cookie, as a `set-cookie` value. */
  open(isSecure: boolean): Promise<string>;
  /** Whether the request's cookie belongs to a valid session. */
  isLive(request: Request): Promise<boolean>;
  /** Whether the session is valid and so recent that the owner need not log in again. */
  isFresh(request: Request): Promise<boolean>;
  /** Whether the request has a session cookie at all: if so and it is not valid, the session has expired. */
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
  // The key itself is cached, not its promise: a Worker must not await another request's promise.
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
      // The path that earlier versions used.
      const old = setCookie(PLAIN_COOKIE, "", { path: "/", maxAge: 0, secure: false });
      return [cookie(prefix, true, "", 0), cookie(prefix, false, "", 0), old];
    },
  };
}

/** Whether an admin API call belongs to a session; one that changes something must come from Kleis's own page. */
export async function isOwnSession(config: Config, sessions: Sessions, request: Request): Promise<boolean> {
  const isOwn = isSafe(request.method) || isSameOrigin(config, request);
  return isOwn && (await sessions.isLive(request));
}

/** Derived from ADMIN_TOKEN by HKDF (RFC 5869), so that a new token invalidates every session. */
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

/** `prefix`: the path of PUBLIC_URL. `__Host-` requires the path `/`; the others are limited to the admin path. */
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
